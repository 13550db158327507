package fetch

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// A BaseSpec is a Debian base as sandwright.yaml asks for it.
type BaseSpec struct {
	Suite    string
	Packages []string // on top of a minimal system with apt
	Security bool     // also take the suite's security and other updates
}

// ResolveBase lets apt, with this machine's sources and keys, decide which
// package files a base is made of, and gives what the lock pins of them. No
// package is downloaded.
func (f *Fetcher) ResolveBase(ctx context.Context, spec BaseSpec, platform string) (lock.System, error) {
	arch, err := debArch(platform)
	if err != nil {
		return lock.System{}, err
	}
	work := "base " + spec.Suite + " for " + platform
	f.progress(Event{Name: work, Text: "getting package lists"})
	a, err := f.newApt(ctx, spec.Suite, spec.Security, arch)
	if err != nil {
		return lock.System{}, err
	}
	defer a.remove()
	if err := a.update(ctx); err != nil {
		return lock.System{}, err
	}
	var s lock.System
	if s.Releases, err = a.releases(); err != nil {
		return lock.System{}, err
	}
	if s.Packages, err = a.solve(ctx, spec); err != nil {
		return lock.System{}, err
	}
	f.progress(Event{Name: work, Text: fmt.Sprintf("resolved to %d packages", len(s.Packages)), Finished: true})
	return s, nil
}

// solve asks apt which files an installation from nothing would take.
func (a *privateApt) solve(ctx context.Context, spec BaseSpec) ([]lock.Deb, error) {
	args := []string{"install", "--yes", "--print-uris", "--", minimal(a.arch), "apt"}
	out, err := a.run(ctx, append(args, spec.Packages...)...)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, fault.Cannot("resolve a base of Debian %s with packages %s: %w", spec.Suite, strings.Join(spec.Packages, ", "), err).
			WithHint("correct base.debian.packages; search with: apt-cache search WORD")
	}
	var debs []lock.Deb
	for _, line := range lines(out) {
		if strings.HasPrefix(line, "'") {
			d, err := parseURILine(line)
			if err != nil {
				return nil, err
			}
			debs = append(debs, d)
		}
	}
	slices.SortFunc(debs, func(x, y lock.Deb) int { return strings.Compare(x.Name, y.Name) })
	return debs, nil
}

var uriLine = regexp.MustCompile(`^'[^']*' ([a-z0-9][a-z0-9+.-]+)_([^_]+)_([a-z0-9]+)\.deb ([1-9][0-9]*) SHA256:([0-9a-f]{64})$`)

// parseURILine reads a line of --print-uris: 'URI' FILE SIZE SHA256:HASH. The
// file's name says package, version and architecture.
func parseURILine(line string) (lock.Deb, error) {
	m := uriLine.FindStringSubmatch(strings.TrimSpace(line))
	if m == nil {
		return lock.Deb{}, fault.Cannot("understand apt, which says: %s", line)
	}
	version, err := url.PathUnescape(m[2])
	size, errSize := strconv.ParseInt(m[4], 10, 64)
	if err != nil || errSize != nil {
		return lock.Deb{}, fault.Cannot("understand apt, which says: %s", line)
	}
	return lock.Deb{Name: m[1], Version: version, Arch: m[3], Size: size, SHA256: m[5]}, nil
}

// releases gives the signed indices that apt has verified, once a suite.
func (a *privateApt) releases() ([]lock.Release, error) {
	paths, err := filepath.Glob(filepath.Join(a.dir, "state/lists/*_InRelease"))
	if err != nil {
		return nil, err
	}
	seen := map[string]string{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fault.Cannot("read Debian's package lists: %w", err)
		}
		fields := releaseFields(string(data))
		s, err := sumFile(path)
		if err != nil {
			return nil, err
		}
		if fields["Origin"] == "Debian" && (seen[fields["Codename"]] == "" || s.sha256 < seen[fields["Codename"]]) {
			seen[fields["Codename"]] = s.sha256
		}
	}
	var out []lock.Release
	for suite, sum := range seen {
		out = append(out, lock.Release{Suite: suite, SHA256: sum})
	}
	if len(out) == 0 {
		return nil, fault.Cannot("find a signed list of Debian's own archive").WithHint("check apt's sources: %s", aptDir)
	}
	slices.SortFunc(out, func(x, y lock.Release) int { return strings.Compare(x.Suite, y.Suite) })
	return out, nil
}

// releaseFields reads the one-line fields of an InRelease file.
func releaseFields(text string) map[string]string {
	fields := map[string]string{}
	for _, line := range lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if ok && !strings.HasPrefix(line, " ") {
			fields[key] = strings.TrimSpace(value)
		}
	}
	return fields
}
