package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path"
	"regexp"
	"runtime"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

var toolName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// ChooseVersion finds the version of a tool that a lock for these platforms
// should pin: the newest that its constraint and minimum age allow.
func (f *Fetcher) ChooseVersion(ctx context.Context, name string, spec ToolSpec, platforms []string) (string, error) {
	f.progress(Event{Name: "tool " + name, Text: "looking for versions"})
	return f.source(name, spec).choose(ctx, platforms)
}

// ResolveTool finds what a tool is on one platform, downloads it, verifies it
// against what its source promises, and gives what the lock pins of it. The
// layer for this machine's own platform stays in the store.
func (f *Fetcher) ResolveTool(ctx context.Context, name string, spec ToolSpec, platform string) (lock.Artifact, error) {
	if !toolName.MatchString(name) {
		return lock.Artifact{}, fault.Cannot("use %q as the name of a tool", name)
	}
	src, version := f.source(name, spec), spec.Pinned
	work := "tool " + name + " for " + platform
	f.progress(Event{Name: work, Text: "resolving"})
	if version == "" {
		var err error
		if version, err = src.choose(ctx, []string{platform}); err != nil {
			return lock.Artifact{}, err
		}
	}
	what, err := src.find(ctx, version, platform)
	if err != nil {
		return lock.Artifact{}, err
	}
	a, err := f.measure(ctx, work, name, spec, src, what, platform)
	if err != nil {
		return lock.Artifact{}, err
	}
	f.progress(Event{Name: work, Text: "resolved to " + what.String(), Finished: true})
	return a, nil
}

// measure downloads what was found and finds what the lock pins of it. No two
// do so with one download at once.
func (f *Fetcher) measure(ctx context.Context, work, name string, spec ToolSpec, src source, what found, platform string) (a lock.Artifact, err error) {
	key := what.key()
	ahead := what.Packed == lock.PackedNPM
	err = f.store.guarded(ctx, key, func() (err error) {
		a = what.Artifact
		if ahead {
			if a.Evidence, err = f.vouchedAhead(ctx, src, spec, what, platform); err != nil {
				return err
			}
		}
		path, s, err := src.get(ctx, what.Artifact, parcel{name: work, what: what.String(), key: key, size: what.Size, platform: platform, check: what.promised})
		if err != nil {
			return err
		}
		defer func() { _ = os.Remove(path) }()
		a.Size, a.SHA256, a.SHA512 = s.size, s.sha256, s.sha512
		if !ahead {
			if a.Evidence, err = f.vouched(ctx, src, spec, what, path, s, platform); err != nil {
				return err
			}
		}
		listed, err := spec.Manager.listed(a, path)
		if err != nil {
			return err
		}
		a.Evidence = append(a.Evidence, listed...)
		if spec.Closure {
			if a.Closure, err = f.closureOf(ctx, name, a.Package, a.Version, platform); err != nil {
				return err
			}
			if err := f.vouchedClosure(ctx, name, spec, a.Closure); err != nil {
				return err
			}
		}
		if err := f.inspect(ctx, path, name, spec, what, &a, platform); err != nil {
			return about(name, what.String(), err)
		}
		if platform != hostPlatform() { // its layer is not kept
			return nil
		}
		return f.rememberVouched(name, a, spec.Inputs, platform)
	})
	return a, err
}

// inspect finds what a verified download holds and becomes.
func (f *Fetcher) inspect(ctx context.Context, path, name string, spec ToolSpec, what found, a *lock.Artifact, platform string) error {
	a.Keep = spec.Files
	files, err := look(path, name, a)
	if err != nil {
		return err
	}
	if a.Packed == lock.PackedNPM {
		if a.Scripts, err = lifecycle(path, a.Scripts); err != nil {
			return err
		}
	}
	if len(a.Closure) > 0 {
		what = what.below(modulesOf(a.Package))
	}
	bin, left, err := choosePrograms(files, what, spec.Bin)
	if err != nil {
		return err
	}
	if a.Bin = bin; len(left) > 0 {
		f.notice("tool " + name + ": " + what.String() + " has no program " + strings.Join(left, ", ") + "; the box goes without")
	}
	return f.tree(ctx, path, name, a, platform)
}

// below is the same for a package that stands in a directory.
func (f found) below(dir string) found {
	for _, m := range []*map[string]string{&f.programs, &f.known} {
		out := map[string]string{}
		for name, file := range *m {
			out[name] = path.Join(dir, file)
		}
		*m = out
	}
	f.dir = dir
	return f
}

// key names a download before its hash is known.
func (f found) key() string {
	if f.SHA256 != "" {
		return f.SHA256
	}
	if f.SHA512 != "" {
		return f.SHA512[:64]
	}
	sum := sha256.Sum256([]byte(f.String() + "\n" + f.Image + "\n" + strings.Join(f.URLs, " ")))
	return hex.EncodeToString(sum[:])
}

// promised holds a download against what its source promises. S may hold the
// size alone, when that settles it.
func (f found) promised(s sums) error {
	return disagree(s, f.Artifact, func(what string, got, want any) error {
		return fault.Cannot("use %s: it has %s %v, and %s promises %v%s", f, what, got, f.promiser, want, s.origin())
	})
}

// disagree calls refuse with the first of size, sha256 and sha512 that a has
// and s differs in.
func disagree(s sums, a lock.Artifact, refuse func(what string, got, want any) error) error {
	switch {
	case a.Size > 0 && s.size != a.Size:
		return refuse("size", s.size, a.Size)
	case a.SHA256 != "" && s.sha256 != a.SHA256:
		return refuse("sha256", s.sha256, a.SHA256)
	case a.SHA512 != "" && s.sha512 != a.SHA512:
		return refuse("sha512", s.sha512, a.SHA512)
	}
	return nil
}

// tree finds what a download becomes as a layer. Only the layer of this
// machine's platform is kept.
func (f *Fetcher) tree(ctx context.Context, path, name string, a *lock.Artifact, platform string) error {
	parts, done, err := f.packages(ctx, path, name, a)
	if err != nil {
		return err
	}
	var got laid
	if platform == hostPlatform() {
		_, got, err = f.store.layTool(parts, name, a.Bin, platform, defaultLimits(), whileLive{ctx, io.Discard}, func(laid) error { return nil })
	} else {
		var list []byte
		if got, list, err = writeTool(whileLive{ctx, io.Discard}, parts, name, a.Bin, defaultLimits()); err == nil {
			err = f.store.keepList(list)
		}
	}
	a.Tree, a.Files, a.Unpacked = got.tree, got.files, got.bytes
	return errors.Join(err, done())
}

// A whileLive passes on what is written until its context ends.
type whileLive struct {
	ctx  context.Context
	next io.Writer
}

func (w whileLive) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.next.Write(p)
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
