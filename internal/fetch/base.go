package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// bootstrapDeadline bounds the making of one base.
const bootstrapDeadline = 30 * time.Minute

// epoch is the time of everything that a bootstrap writes: the start of 2020.
const epoch = 1577836800

// BaseLayer gives the image of a system that the lock pins, whose single
// layer is made of exactly those packages. It is made once a store: apt gets
// the packages, each is verified against the lock, and mmdebstrap installs
// them without a network. With the image in the store nothing is asked.
func (f *Fetcher) BaseLayer(ctx context.Context, system lock.System, suite, platform string) (Ref, error) {
	key := system.Key()
	ref := Ref{Name: "base/" + suite, Digest: f.store.ref("base-" + key)}
	if f.store.whole(ref.Digest) {
		return ref, nil
	}
	if platform != hostPlatform() {
		return Ref{}, fault.Cannot("make a base for %s on a %s machine", platform, hostPlatform()).
			WithHint("build for %s on such a machine", platform)
	}
	ctx, stop := context.WithTimeout(ctx, bootstrapDeadline)
	defer stop()
	err := f.store.guarded(ctx, "base-"+key, func() (err error) {
		ref, err = f.makeBase(ctx, system, ref.Name, suite, platform)
		return err
	})
	return ref, err
}

// makeBase makes what another process has not made in the meantime.
func (f *Fetcher) makeBase(ctx context.Context, system lock.System, name, suite, platform string) (Ref, error) {
	ref := Ref{Name: name, Digest: f.store.ref("base-" + system.Key())}
	if f.store.whole(ref.Digest) {
		return ref, nil
	}
	arch, err := debArch(platform)
	if err != nil {
		return Ref{}, err
	}
	if err := needPrograms(map[string]string{"apt-get": "apt", "dpkg-deb": "dpkg", "mmdebstrap": "mmdebstrap"}); err != nil {
		return Ref{}, err
	}
	work := "base " + suite
	if err := f.debs(ctx, system, suite, arch, work); err != nil {
		return Ref{}, err
	}
	layer, err := f.bootstrap(ctx, system, suite, arch, work)
	if err != nil {
		return Ref{}, err
	}
	if ref, err = f.store.image(name, layer, platform); err == nil {
		err = f.store.setRef("base-"+system.Key(), ref.Digest)
	}
	if err != nil {
		return Ref{}, fault.Cannot("keep the base: %w", err)
	}
	f.progress(Event{Name: work, Text: "made", Finished: true})
	return ref, nil
}

// bootstrap installs the packages of a system, all of which are in the store,
// into an empty root and gives the sha256 of the layer.
func (f *Fetcher) bootstrap(ctx context.Context, system lock.System, suite, arch, work string) (string, error) {
	f.progress(Event{Name: work, Text: fmt.Sprintf("bootstrapping %d packages", len(system.Packages))})
	dir, err := os.MkdirTemp(filepath.Join(f.store.dir, "tmp"), "base-")
	if err != nil {
		return "", fault.Cannot("make the base: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := f.layRepository(ctx, filepath.Join(dir, "repo"), system); err != nil {
		return "", err
	}
	layer, err := f.store.put(func(w io.Writer) error { return f.mmdebstrap(ctx, w, dir, system, suite, arch, work) }, nil)
	if err != nil && ctx.Err() == nil {
		return "", fault.Cannot("make the base: %w", err).WithHint("run: sandwright lock --update base")
	}
	return layer, err
}

// layRepository makes a flat apt repository of the pinned files and no other.
func (f *Fetcher) layRepository(ctx context.Context, dir string, system lock.System) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.Cannot("make the base: %w", err)
	}
	var index strings.Builder
	for _, d := range system.Packages {
		control, err := command{name: "dpkg-deb", args: []string{"--field", f.store.blob(d.SHA256)}}.run(ctx)
		if err != nil {
			return fault.Cannot("read package %s: %w", d.Name, err)
		}
		name := d.SHA256 + ".deb"
		if err := os.Link(f.store.blob(d.SHA256), filepath.Join(dir, name)); err != nil {
			return fault.Cannot("make the base: %w", err)
		}
		fmt.Fprintf(&index, "%s\nFilename: ./%s\nSize: %d\nSHA256: %s\n\n", strings.TrimSpace(control), name, d.Size, d.SHA256)
	}
	if err := os.WriteFile(filepath.Join(dir, "Packages"), []byte(index.String()), 0o600); err != nil {
		return fault.Cannot("make the base: %w", err)
	}
	return nil
}

// mmdebstrap writes the layer of a system to w.
func (f *Fetcher) mmdebstrap(ctx context.Context, w io.Writer, dir string, system lock.System, suite, arch, work string) error {
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := cleanBase(w, pr)
		if err == nil {
			_, err = io.Copy(io.Discard, pr) // tar pads its last record
		}
		pr.CloseWithError(err)
		done <- err
	}()
	c := bootstrapCommand(dir, system, suite, arch, os.Geteuid() == 0)
	c.out, c.line = pw, func(line string) { f.bootstrapEvent(work, line) }
	_, err := c.run(ctx)
	pw.CloseWithError(err)
	return errors.Join(err, <-done)
}

// bootstrapCommand is the call of mmdebstrap on the repository in dir. As
// root it is isolated, because mmdebstrap then mounts; otherwise mmdebstrap
// isolates itself.
func bootstrapCommand(dir string, system lock.System, suite, arch string, root bool) command {
	include := make([]string, len(system.Packages))
	for i, d := range system.Packages {
		include[i] = d.Name + "=" + d.Version
	}
	c := command{
		name: "mmdebstrap", dir: dir, isolated: root,
		env: []string{"TMPDIR=" + dir, fmt.Sprintf("SOURCE_DATE_EPOCH=%d", epoch)},
		args: []string{
			"--mode=unshare", "--variant=custom", "--format=tar", "--architectures=" + arch,
			`--aptopt=APT::Install-Recommends "false"`, `--aptopt=APT::Sandbox::User "root"`,
			"--include=" + strings.Join(include, ","), suite, "-",
			"deb [trusted=yes] copy:" + filepath.Join(dir, "repo") + " ./",
		},
	}
	if root {
		c.args[0] = "--mode=root"
	}
	return c
}

// bootstrapEvent passes on what mmdebstrap says it is doing.
func (f *Fetcher) bootstrapEvent(work, line string) {
	if text, ok := strings.CutPrefix(line, "I: "); ok && !strings.Contains(text, "/") {
		f.progress(Event{Name: work, Text: strings.TrimSuffix(text, "...")})
	}
}
