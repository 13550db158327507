package fetch

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// debSource takes a tool from a package of Debian's archive, which apt
// verifies. What the package depends on must be in the base.
type debSource struct{ sourced }

// splitDeb takes NAME, NAME=VERSION or NAME/SUITE apart.
func splitDeb(spec string) (name, version, suite string) {
	name, suite, _ = strings.Cut(spec, "/")
	name, version, _ = strings.Cut(name, "=")
	return name, version, suite
}

// split is splitDeb with the suite that is meant.
func (d debSource) split() (name, version, suite string, err error) {
	name, version, suite = splitDeb(d.spec.Deb)
	if suite == "" {
		suite = d.spec.Suite
	}
	if suite == "" {
		err = fault.Cannot("lock tool %s: its deb names no suite, and the base is not Debian's", d.tool).
			WithHint("write deb: %s/bookworm", name).WithCode(fault.ExitConfig)
	}
	return name, version, suite, err
}

// choose gives the version of the first platform: that of another may differ,
// where Debian built it again there.
func (d debSource) choose(ctx context.Context, platforms []string) (string, error) {
	deb, _, err := d.ask(ctx, platforms[0])
	return deb.Version, err
}

func (d debSource) find(ctx context.Context, _, platform string) (found, error) {
	deb, suite, err := d.ask(ctx, platform)
	if err != nil {
		return found{}, err
	}
	if d.spec.MinimumAge > 0 {
		d.notice("tool " + d.tool + ": " + agelessDeb)
	}
	return found{
		Artifact: lock.Artifact{
			Package: deb.Name, Version: deb.Version, Packed: lock.PackedDeb, Size: deb.Size, SHA256: deb.SHA256,
			Evidence: []lock.Evidence{{Kind: "apt", Verdict: lock.Listed, Identity: "Debian " + suite}},
		},
		promiser: "Debian",
		programs: map[string]string{d.tool: "usr/bin/" + d.tool},
		known:    map[string]string{},
	}, nil
}

// ask lets apt say which file it would download.
func (d debSource) ask(ctx context.Context, platform string) (deb lock.Deb, suite string, err error) {
	name, version, suite, err := d.split()
	if err != nil {
		return deb, "", err
	}
	err = d.withApt(ctx, suite, platform, func(a *privateApt) error {
		if version != "" {
			name += "=" + version
		}
		out, err := a.run(ctx, "download", "--print-uris", name)
		if err != nil && ctx.Err() == nil {
			return noRelease("find Debian package %s, which tool %s asks for: %w", name, d.tool, err).
				WithHint("correct deb: of the tool; search with: apt-cache search WORD")
		}
		if err != nil {
			return err
		}
		for _, line := range lines(out) {
			if strings.HasPrefix(line, "'") {
				deb, err = parseURILine(line)
			}
		}
		return err
	})
	if err == nil && deb.Name == "" {
		err = fault.Cannot("find Debian package %s, which tool %s asks for: apt names no file", name, d.tool)
	}
	return deb, suite, err
}

// withApt runs work with an apt that knows the suite.
func (d debSource) withApt(ctx context.Context, suite, platform string, work func(*privateApt) error) error {
	arch, err := debArch(platform)
	if err != nil {
		return err
	}
	a, err := d.newApt(ctx, suite, true, arch)
	if err != nil {
		return err
	}
	defer a.remove()
	if err := a.update(ctx); err != nil {
		return err
	}
	return work(a)
}

// get lets apt bring the file.
func (d debSource) get(ctx context.Context, a lock.Artifact, p parcel) (path string, s sums, err error) {
	_, _, suite, err := d.split()
	if err != nil {
		return "", s, err
	}
	path = filepath.Join(d.store.dir, "partial", p.key)
	err = d.withApt(ctx, suite, p.platform, func(apt *privateApt) error {
		deb := lock.Deb{Name: a.Package, Version: a.Version}
		if err := apt.download(ctx, []lock.Deb{deb}); err != nil {
			return err
		}
		names, err := filepath.Glob(filepath.Join(apt.dir, "debs", "*.deb"))
		if err != nil || len(names) != 1 {
			return fault.Cannot("find package %s %s: apt brought %d files", a.Package, a.Version, len(names))
		}
		return os.Rename(names[0], path)
	})
	if err != nil {
		return "", s, err
	}
	return settled(path, p)
}
