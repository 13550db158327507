package fetch

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// A ToolSpec is a tool as sandwright.yaml asks for it; its keys are described
// there.
type ToolSpec struct {
	NPM        string // NAME@CONSTRAINT; {arch} stands for npm's word for the architecture
	Closure    bool
	GitHub     string // OWNER/NAME@CONSTRAINT
	Asset      string
	URL        string
	Version    string // of URL
	OCI        string
	Deb        string
	Arch       map[string]string
	Files      []string
	Bin        []string // files of the package put on PATH; empty: the package's own bin
	MinimumAge time.Duration
	Suite      string // Debian's, for a Deb that names none
	Vouching   Vouching
	Inputs     string // as lock.Tool.Inputs
	Manager    ManagerHash
	Pinned     string // the version that is locked for other platforms; empty: none
}

// A source is where one tool comes from.
type source interface {
	// choose gives the newest version that is there for all platforms and
	// that the tool's constraint and minimum age allow.
	choose(ctx context.Context, platforms []string) (string, error)
	// find says what that version is on a platform. It downloads nothing
	// but what is said of it.
	find(ctx context.Context, version, platform string) (found, error)
	// get brings the download of an artifact that was found or locked.
	get(ctx context.Context, a lock.Artifact, p parcel) (path string, s sums, err error)
	// evidence gives what is served beside a download. None of it is
	// verified.
	evidence(ctx context.Context, what found, platform string) (served, error)
}

// A found is what a source says of a download that is not here yet.
type found struct {
	lock.Artifact                   // of its sums, size and hashes, those that the source promises
	promiser      string            // who promises them, such as "its registry"
	programs      map[string]string // that are asked for: name -> file, where that is known
	known         map[string]string // name -> file, as the holder of the files says itself
	wrapped       bool              // the programs are promised by another package than the one that holds them
	dir           string            // where it stands below the tool; empty: there
}

// String names the download for people.
func (f found) String() string { return f.Package + "@" + f.Version }

// source is where the tool of that name comes from.
func (f *Fetcher) source(name string, spec ToolSpec) source {
	tool := sourced{f, name, spec}
	switch {
	case spec.GitHub != "":
		return githubSource{tool}
	case spec.URL != "":
		return urlSource{tool}
	case spec.OCI != "":
		return ociSource{tool}
	case spec.Deb != "":
		return debSource{tool}
	}
	return npmSource{tool}
}

// sourced is what all sources know.
type sourced struct {
	*Fetcher
	tool string
	spec ToolSpec
}

// Why minimum-age reaches neither what is Debian's nor the base.
const (
	AgelessBase = "minimum-age is for tools: no archive or registry says when all of a base was released"
	agelessDeb  = "minimum-age does not reach it: Debian's archive says of no package when it was released"
)

// oldEnough is nil for a release that the tool's minimum age allows.
func (s sourced) oldEnough(what, released string) error {
	if s.spec.MinimumAge <= 0 {
		return nil
	}
	at, err := time.Parse(time.RFC3339, released)
	if err != nil {
		return fault.Cannot("lock tool %s: nobody says when %s was released, and minimum-age is %s", s.tool, what, days(s.spec.MinimumAge)).
			WithHint("set minimum-age: 0d for the tool, if you trust it anyway")
	}
	age := s.now().Sub(at)
	if age >= s.spec.MinimumAge {
		return nil
	}
	return fault.Cannot("lock tool %s: %s was released on %s, %s ago, and minimum-age is %s", s.tool, what, at.Format(time.DateOnly), days(age), days(s.spec.MinimumAge)).
		WithHint("ask for an older version, or wait until %s", at.Add(s.spec.MinimumAge).Format(time.DateOnly))
}

// days is a duration as people say it.
func days(d time.Duration) string {
	n, unit := int(d/(24*time.Hour)), "day"
	if n < 2 {
		n, unit = int(d/time.Hour), "hour"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// utc writes a time as the lock has it; empty for one that cannot be read.
func utc(text string, layouts ...string) string {
	for _, layout := range append(layouts, time.RFC3339) {
		if at, err := time.Parse(layout, text); err == nil && at.Year() > 1970 && at.Year() < 10000 {
			return at.UTC().Format("2006-01-02T15:04:05Z")
		}
	}
	return ""
}

// templated fills in {version}, {os} and {arch}.
func (s sourced) templated(text, version, platform string) string {
	system, arch, _ := strings.Cut(platform, "/")
	if word := s.spec.Arch[arch]; word != "" {
		arch = word
	}
	return strings.NewReplacer("{version}", version, "{os}", system, "{arch}", arch).Replace(text)
}
