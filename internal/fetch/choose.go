package fetch

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/semver"
)

// A candidate is a release that a constraint allows.
type candidate struct {
	version  string
	parsed   semver.Version
	released string // RFC 3339; empty where nobody says
	first    bool   // it is the one that its project recommends
}

// maxTried bounds how many candidates are looked at closely.
const maxTried = 30

// newest gives the recommended candidate, or else the newest, that is old
// enough and that usable takes. What is asked for names it in faults, of which
// the first is given where none can be used.
func (s sourced) newest(asked string, candidates []candidate, usable func(version string) error) (string, error) {
	slices.SortFunc(candidates, func(a, b candidate) int {
		if a.first != b.first {
			return map[bool]int{true: -1, false: 1}[a.first]
		}
		return b.parsed.Compare(a.parsed)
	})
	var why error
	for _, c := range candidates[:min(len(candidates), maxTried)] {
		err := s.oldEnough(asked+" ("+c.version+")", c.released)
		if err == nil {
			err = usable(c.version)
		}
		if err == nil {
			return c.version, nil
		}
		if f := (*fault.Fault)(nil); !errors.As(err, &f) || ended(err) {
			return "", err
		}
		if why == nil {
			why = err
		}
	}
	if why != nil {
		return "", why
	}
	return "", noRelease("find a version for tool %s: none fits %s", s.tool, asked).WithHint("ask for another range of versions")
}

// ended tells whether another candidate would end the same way: nothing
// answers, or nobody waits.
func ended(err error) bool {
	var ue *url.Error
	var status errStatus
	return errors.As(err, &ue) || errors.As(err, &status) || errors.Is(err, context.Canceled)
}

// fitting keeps the candidates that a constraint allows.
func fitting(asked, constraint string, candidates []candidate) ([]candidate, error) {
	c, err := semver.ParseConstraint(constraint)
	if err != nil {
		return nil, fault.Cannot("use %s: %s is no version and no range of versions", asked, constraint).WithCode(fault.ExitConfig)
	}
	return slices.DeleteFunc(candidates, func(v candidate) bool { return !c.Allows(v.parsed) }), nil
}
