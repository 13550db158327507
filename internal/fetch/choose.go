package fetch

import (
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

// newest gives the recommended candidate, or else the newest, that is old
// enough. What is asked for names it in faults.
func (s sourced) newest(asked string, candidates []candidate) (string, error) {
	slices.SortFunc(candidates, func(a, b candidate) int {
		if a.first != b.first {
			return map[bool]int{true: -1, false: 1}[a.first]
		}
		return b.parsed.Compare(a.parsed)
	})
	var young error
	for _, c := range candidates {
		err := s.oldEnough(asked+" ("+c.version+")", c.released)
		if err == nil {
			return c.version, nil
		}
		if young == nil {
			young = err
		}
	}
	if young != nil {
		return "", young
	}
	return "", noRelease("find a version for tool %s: none fits %s", s.tool, asked).WithHint("ask for another range of versions")
}

// fitting keeps the candidates that a constraint allows.
func fitting(asked, constraint string, candidates []candidate) ([]candidate, error) {
	c, err := semver.ParseConstraint(constraint)
	if err != nil {
		return nil, fault.Cannot("use %s: %s is no version and no range of versions", asked, constraint).WithCode(fault.ExitConfig)
	}
	return slices.DeleteFunc(candidates, func(v candidate) bool { return !c.Allows(v.parsed) }), nil
}
