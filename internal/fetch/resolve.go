package fetch

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// A ToolSpec is a tool as sandwright.yaml asks for it.
type ToolSpec struct {
	NPM string   // NAME@VERSION; {arch} stands for npm's word for the architecture
	Bin []string // files of the package put on PATH; empty: the package's own bin
}

// ResolveTool finds what a tool is on one platform, downloads it, verifies it
// against the registry's promise, and gives what the lock pins of it. The
// layer for this machine's own platform stays in the store.
func (f *Fetcher) ResolveTool(ctx context.Context, name string, spec ToolSpec, platform string) (lock.Artifact, error) {
	if !toolName.MatchString(name) {
		return lock.Artifact{}, fault.Cannot("use %q as the name of a tool", name)
	}
	pkg, version, err := splitSpec(strings.ReplaceAll(spec.NPM, "{arch}", npmArch(platform)))
	if err != nil {
		return lock.Artifact{}, err
	}
	work := "tool " + name + " for " + platform
	f.progress(Event{Name: work, Text: "resolving"})
	asked, err := f.release(ctx, pkg, version, "tool "+name)
	if err != nil {
		return lock.Artifact{}, err
	}
	holder, err := f.platformRelease(ctx, asked, platform)
	if err != nil {
		return lock.Artifact{}, err
	}
	a, err := f.measure(ctx, work, name, spec, asked, holder, platform)
	if err != nil {
		return lock.Artifact{}, err
	}
	f.progress(Event{Name: work, Text: "resolved to " + holder.String(), Finished: true})
	return a, nil
}

// measure downloads the package that holds a tool's programs and finds what
// the lock pins of it. No two do so with one tarball at once.
func (f *Fetcher) measure(ctx context.Context, work, name string, spec ToolSpec, asked, holder release, platform string) (a lock.Artifact, err error) {
	want, err := holder.integrity()
	if err != nil {
		return a, err
	}
	err = f.store.guarded(ctx, want[:64], func() error {
		path, s, err := f.promised(ctx, work, holder, want)
		if err != nil {
			return err
		}
		defer func() { _ = os.Remove(path) }()
		a = lock.Artifact{Package: holder.Name, Version: holder.Version, Packed: lock.PackedNPM, Size: s.size, SHA256: s.sha256, SHA512: s.sha512}
		if a.Bin, err = choosePrograms(path, asked, holder, spec.Bin); err == nil {
			err = f.tree(path, name, &a, platform)
		}
		if err != nil {
			return about(name, holder.String(), err)
		}
		return nil
	})
	return a, err
}

var (
	toolName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	npmSpec  = regexp.MustCompile(`^((?:@[A-Za-z0-9._~-]+/)?[A-Za-z0-9._~-]+)@([0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]*)?)$`)
)

// splitSpec takes NAME@VERSION apart; the version must be exact.
func splitSpec(spec string) (name, version string, err error) {
	m := npmSpec.FindStringSubmatch(spec)
	if m == nil {
		return "", "", fault.Cannot("use npm package %q: it must be NAME@VERSION with an exact version", spec).
			WithHint("run: npm view NAME version").WithCode(fault.ExitConfig)
	}
	return m[1], m[2], nil
}

// npmArch is npm's word for the architecture of a platform.
func npmArch(platform string) string {
	_, arch, _ := strings.Cut(platform, "/")
	if arch == "amd64" {
		return "x64"
	}
	return arch
}

// promised downloads a release and holds it against the sha512 that its
// registry promises.
func (f *Fetcher) promised(ctx context.Context, work string, r release, want string) (string, sums, error) {
	return f.fromRegistry(ctx, r, parcel{name: work, what: r.String(), key: want[:64], check: func(s sums) error {
		if s.sha512 != want {
			return fault.Cannot("use %s: it has sha512 %s, and its registry promises %s", r, s.sha512, want)
		}
		return nil
	}})
}

// fromRegistry downloads the tarball of a release from the first of its
// addresses that has it.
func (f *Fetcher) fromRegistry(ctx context.Context, r release, p parcel) (path string, s sums, err error) {
	urls, err := f.tarballs(r)
	if err != nil {
		return "", sums{}, err
	}
	for _, u := range urls {
		p.url = u
		if path, s, err = f.download(ctx, p); !missing(err) {
			break
		}
	}
	return path, s, err
}

// tree finds what a download becomes as a layer. Only the layer of this
// machine's platform is kept.
func (f *Fetcher) tree(path, name string, a *lock.Artifact, platform string) (err error) {
	parts := []part{partOf(path, name, *a)}
	var got laid
	if platform == hostPlatform() {
		_, got, err = f.store.layTool(parts, name, a.Bin, platform, defaultLimits(), nil, func(laid) error { return nil })
	} else {
		got, err = writeTool(io.Discard, parts, name, a.Bin, defaultLimits())
	}
	a.Tree, a.Files, a.Unpacked = got.tree, got.files, got.bytes
	return err
}

func hostPlatform() string { return "linux/" + runtime.GOARCH }

// about says which tool and package a fault of the archive is about.
func about(name, pkg string, err error) error {
	var f *fault.Fault
	if !errors.As(err, &f) {
		return fault.Cannot("unpack tool %s: %w", name, err)
	}
	out := fault.Cannot("use tool %s: %s: %s", name, pkg, f.What).WithHint("%s", f.Hint)
	out.Err = err
	return out
}

// listFiles gives the files of a part by name.
func listFiles(p part) (map[string]bool, error) {
	entries, err := survey(p)
	files := map[string]bool{}
	for _, e := range entries {
		if e.kind != tar.TypeDir {
			files[e.name] = true
		}
	}
	return files, err
}
