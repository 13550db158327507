package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

const (
	npmDeadline    = 5 * time.Minute // of one resolution by npm
	parallelClosed = 8               // downloads of one closure at once
)

// An npmLock is what is read of a package-lock.json:
// https://docs.npmjs.com/cli/configuring-npm/package-lock-json.
type npmLock struct {
	Packages map[string]npmLocked `json:"packages"` // by path, such as node_modules/a
}

// An npmLocked is one installed package.
type npmLocked struct {
	Name      string `json:"name"` // where it is not the path's
	Version   string `json:"version"`
	Resolved  string `json:"resolved"`
	Integrity string `json:"integrity"`
	Link      bool   `json:"link"`
	Bundled   bool   `json:"inBundle"` // it comes in the tarball of another
	OS        words  `json:"os"`
	CPU       words  `json:"cpu"`
	Libc      words  `json:"libc"`
}

// closureOf lets npm resolve what a package depends on for a platform, down to
// exact versions. No package is installed and no script of one is run.
func (f *Fetcher) closureOf(ctx context.Context, tool, pkg, version, platform string) ([]lock.Dependency, error) {
	if _, err := exec.LookPath("npm"); err != nil {
		return nil, fault.Cannot("resolve the dependencies of tool %s: npm is not installed", tool).WithHint("on Debian, run: apt-get install npm")
	}
	dir, err := os.MkdirTemp(filepath.Join(f.store.dir, "tmp"), "npm-")
	if err != nil {
		return nil, fault.Cannot("resolve the dependencies of tool %s: %w", tool, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := f.npm.layProject(dir, pkg, version); err != nil {
		return nil, fault.Cannot("resolve the dependencies of tool %s: %w", tool, err)
	}
	ctx, stop := context.WithTimeout(ctx, npmDeadline)
	defer stop()
	_, err = command{name: "npm", dir: dir, env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "NODE_EXTRA_CA_CERTS=" + filepath.Join(dir, "ca.pem"),
	}, args: []string{
		"install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--omit=dev", "--install-strategy=hoisted",
		"--cache=" + filepath.Join(dir, "cache"), "--os=linux", "--cpu=" + npmArch(platform), "--libc=glibc",
	}}.run(ctx)
	if err != nil {
		return nil, fault.Cannot("resolve the dependencies of tool %s: %w", tool, err).WithHint("see what npm says of it: npm view %s@%s dependencies", pkg, version)
	}
	data, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return nil, fault.Cannot("resolve the dependencies of tool %s: %w", tool, err)
	}
	return parseNPMLock(data, tool, pkg, platform)
}

// layProject makes a project whose only dependency is one package, and npm's
// configuration for it.
func (n *NPM) layProject(dir, pkg, version string) error {
	manifest, err := json.Marshal(map[string]any{"private": true, "dependencies": map[string]string{pkg: version}})
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"package.json": manifest, ".npmrc": n.File(), "ca.pem": n.CABundle(os.Environ())} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// parseNPMLock gives the packages below one package for a platform, without
// that itself and without what its tarballs bundle.
func parseNPMLock(data []byte, tool, pkg, platform string) (list []lock.Dependency, err error) {
	var l npmLock
	if err := json.Unmarshal(data, &l); err != nil || len(l.Packages) == 0 || len(l.Packages) > lock.MaxDependencies {
		return nil, fault.Cannot("resolve the dependencies of tool %s: npm gives %d packages (%v)", tool, len(l.Packages), err)
	}
	var faults fault.List
	for at, p := range l.Packages {
		fits := p.OS.allows("linux") && p.CPU.allows(npmArch(platform)) && p.Libc.allows("glibc")
		if at == "" || at == "node_modules/"+pkg || p.Bundled || !fits {
			continue
		}
		name := at[strings.LastIndex(at, "node_modules/")+len("node_modules/"):]
		if p.Name != "" {
			name = p.Name
		}
		d := lock.Dependency{Path: at, Name: name, Version: p.Version}
		if d.SHA512, err = sha512Of(p.Integrity); err != nil || p.Link {
			faults = append(faults, fault.Cannot("pin %s, on which tool %s depends: it comes from %s, and not from a registry with a sha512", at, tool, p.Resolved))
			continue
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b lock.Dependency) int { return strings.Compare(a.Path, b.Path) })
	return list, faults.Err()
}

// packages are the parts of a tool: its download, and its closure, brought
// here and verified. Done removes what was brought.
func (f *Fetcher) packages(ctx context.Context, file, name string, a *lock.Artifact) (parts []part, done func() error, err error) {
	parts = []part{partOf(file, name, *a)}
	if len(a.Closure) == 0 {
		return parts, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp(filepath.Join(f.store.dir, "tmp"), "closure-")
	if err != nil {
		return nil, nil, err
	}
	done = func() error { return os.RemoveAll(dir) }
	sizes, err := f.dependencies(ctx, dir, name, a.Closure)
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	closure := slices.Clone(a.Closure)
	for i, d := range closure {
		closure[i].Size = sizes[d.SHA512]
		parts = append(parts, part{file: filepath.Join(dir, d.SHA512), packed: lock.PackedNPM, at: d.Path})
	}
	a.Closure = closure
	return parts, done, nil
}

// dependencies brings each tarball of a closure into dir, under its sha512,
// and gives their sizes by that.
func (f *Fetcher) dependencies(ctx context.Context, dir, name string, closure []lock.Dependency) (map[string]int64, error) {
	var mu sync.Mutex
	var faults fault.List
	sizes := map[string]int64{}
	all := &quota{what: "the dependencies of tool " + name, total: f.closureLimit}
	var group errgroup.Group
	group.SetLimit(parallelClosed)
	for _, d := range closure {
		mu.Lock()
		_, known := sizes[d.SHA512]
		sizes[d.SHA512] += 0
		mu.Unlock()
		if known {
			continue // another path has the same package
		}
		group.Go(func() error {
			size, err := f.dependency(ctx, dir, name, d, all)
			mu.Lock()
			defer mu.Unlock()
			faults = append(faults, fault.All(err)...)
			sizes[d.SHA512] = size
			return nil
		})
	}
	_ = group.Wait() // what went wrong is in faults
	return sizes, errors.Join(ctx.Err(), faults.Err())
}

// dependency brings the tarball of one package of a closure into dir. Its key
// is never that of the tool, which holds its own: the bytes may be the same.
func (f *Fetcher) dependency(ctx context.Context, dir, tool string, d lock.Dependency, all *quota) (size int64, err error) {
	what := d.Name + "@" + d.Version
	p := parcel{name: "tool " + tool, what: what, key: "npm-" + d.SHA512[:64], size: d.Size, quota: all, check: func(s sums) error {
		return disagree(s, lock.Artifact{Size: d.Size, SHA512: d.SHA512}, func(kind string, got, want any) error {
			return fault.Cannot("use tool %s: %s, on which it depends, has %s %v, and %s says %v%s", tool, what, kind, got, lock.Name, want, s.origin()).
				WithHint("see who changed the package or the lock, then run: sandwright lock --update %s", tool)
		})
	}}
	err = f.store.guarded(ctx, p.key, func() error {
		if p.url, err = f.npm.conventional(d.Name, d.Version); err != nil {
			return err
		}
		file, s, err := f.download(ctx, p)
		if missing(err) {
			file, s, err = npmSource{sourced{Fetcher: f, tool: tool}}.get(ctx, lock.Artifact{Package: d.Name, Version: d.Version}, p)
		}
		if err != nil {
			return err
		}
		size = s.size
		return os.Rename(file, filepath.Join(dir, d.SHA512))
	})
	return size, err
}

// conventional is where most registries have a tarball.
func (n *NPM) conventional(name, version string) (*url.URL, error) {
	base, err := n.registry(name)
	if err != nil {
		return nil, err
	}
	base.Path += fmt.Sprintf("%s/-/%s-%s.tgz", name, path.Base(name), version)
	base.RawPath = ""
	return base, nil
}
