package fetch

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/semver"
)

// npmSource takes a tool from an npm registry: the package itself, or the one
// for the platform that it wraps.
type npmSource struct{ sourced }

var (
	npmName = regexp.MustCompile(`^(?:@[A-Za-z0-9._~-]+/)?[A-Za-z0-9._~-]+$`)
	tagName = regexp.MustCompile(`^[a-z][a-z0-9._-]*$`)
)

// splitNPM takes NAME@CONSTRAINT apart, for a platform.
func splitNPM(spec, platform string) (name, constraint string, err error) {
	text := strings.ReplaceAll(spec, "{arch}", npmArch(platform))
	at := max(0, strings.LastIndex(text, "@"))
	name, constraint = text[:at], strings.TrimPrefix(text[at:], "@")
	if !npmName.MatchString(name) || constraint == "" {
		return "", "", fault.Cannot("use npm package %q: it must be NAME@VERSION", spec).
			WithHint("run: npm view NAME version").WithCode(fault.ExitConfig)
	}
	return name, constraint, nil
}

// npmArch is npm's word for the architecture of a platform.
func npmArch(platform string) string {
	_, arch, _ := strings.Cut(platform, "/")
	if arch == "amd64" {
		return "x64"
	}
	return arch
}

func (n npmSource) choose(ctx context.Context, platforms []string) (string, error) {
	var candidates []candidate
	for i, platform := range platforms {
		name, constraint, err := splitNPM(n.spec.NPM, platform)
		if err != nil {
			return "", err
		}
		if c, err := semver.ParseConstraint(constraint); err == nil && c.Exact() {
			return constraint, nil // find says whether it is there, and old enough
		}
		p, err := n.packumentOf(ctx, name, "tool "+n.tool)
		if err != nil {
			return "", err
		}
		these, err := p.candidates(name, constraint)
		if err != nil {
			return "", err
		}
		if i == 0 {
			candidates = these
		}
		candidates = slices.DeleteFunc(candidates, func(c candidate) bool {
			return !slices.ContainsFunc(these, func(d candidate) bool { return c.version == d.version })
		})
	}
	return n.newest(n.spec.NPM, candidates, func(version string) error { return n.thereFor(ctx, version, platforms) })
}

// thereFor is nil for a version that has a package for every platform: one
// may be published later than the wrapper, or never.
func (n npmSource) thereFor(ctx context.Context, version string, platforms []string) error {
	for _, platform := range platforms {
		if _, err := n.find(ctx, version, platform); err != nil {
			return err
		}
	}
	return nil
}

// find gives the release itself, or for a wrapper the platform package that it
// pins exactly.
func (n npmSource) find(ctx context.Context, version, platform string) (found, error) {
	name, _, err := splitNPM(n.spec.NPM, platform)
	if err != nil {
		return found{}, err
	}
	asked, err := n.release(ctx, name, version, "tool "+n.tool)
	if err != nil {
		return found{}, err
	}
	holder := asked
	if !n.spec.Closure { // which has the platform's package among its own
		if holder, err = n.platformRelease(ctx, asked, platform); err != nil {
			return found{}, err
		}
	}
	for _, r := range []release{asked, holder} {
		if err := n.oldEnough(r.String(), r.released); err != nil {
			return found{}, err
		}
	}
	sum, err := holder.integrity()
	return found{
		Artifact: lock.Artifact{
			Package: holder.Name, Version: holder.Version, Released: utc(holder.released), Packed: lock.PackedNPM, SHA512: sum,
			Scripts: installScripts(asked.Scripts),
		},
		promiser: "its registry",
		programs: asked.Bin.named(asked.Name),
		known:    holder.Bin.named(holder.Name),
		wrapped:  holder.String() != asked.String(),
	}, err
}

// get downloads the tarball of a release from the first of its addresses that
// has it.
func (n npmSource) get(ctx context.Context, a lock.Artifact, p parcel) (path string, s sums, err error) {
	r, err := n.release(ctx, a.Package, a.Version, "tool "+n.tool)
	if err != nil {
		return "", sums{}, err
	}
	urls, err := n.tarballs(r)
	if err != nil {
		return "", sums{}, err
	}
	for _, u := range urls {
		p.url = u
		if path, s, err = n.download(ctx, p); !missing(err) {
			break
		}
	}
	return path, s, err
}
