package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/overlayfs"
)

// prepare makes the sandbox's files. What it mounts is seen in this mount
// namespace alone.
func (b *box) prepare(context.Context) error {
	proc, err := os.Open("/proc")
	if err != nil {
		return fault.Cannot("open /proc: %w", err)
	}
	b.host = hostProc{dir: proc}
	p := b.req.Place
	if err := os.RemoveAll(p.dir()); err != nil {
		return fault.Cannot("clear %s: %w", p.dir(), err)
	}
	for dir, mode := range map[string]os.FileMode{p.dir(): 0o700, p.bundle(): 0o700, p.logs(): 0o755, p.dir() + "/work": 0o700} {
		if err := os.MkdirAll(dir, mode); err != nil {
			return fault.Cannot("make a place for the sandbox: %w", err)
		}
	}
	if err := mountOwn(p); err != nil {
		return fault.Cannot("mount the sandbox's own directories: %w", err)
	}
	lower := b.req.Config.Rootfs.Lower
	if len(b.req.Laid) > 0 {
		if err := b.req.lay(p.laid(), lower[0]); err != nil {
			return fault.Cannot("lay what was edited over the sandbox's layers: %w", err)
		}
		lower = append([]string{p.laid()}, lower...)
	}
	if err := mountRoot(p, lower); err != nil {
		return fault.Cannot("mount the sandbox's file system: %w", err).
			WithHint("%s must be on a file system that overlay can write to, such as ext4 or xfs", p.StateDir)
	}
	if err := writeBundle(b.req, b.net.path(), b.resolv); err != nil {
		return fault.Cannot("write what the runtime reads: %w", err)
	}
	return nil
}

// mountOwn gives this process its own /proc, and a bundle in memory that no
// other mount namespace sees and that ends with this one.
func mountOwn(p place) error {
	return errors.Join(
		mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""),
		mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""),
		mount("tmpfs", p.bundle(), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0700,size=64m"),
	)
}

// mountRoot mounts the layers with a writable one over them. The kernel reads
// all options from one page, hence short names from the bundle's directory,
// which becomes this process's own.
func mountRoot(p place, lower []string) error {
	if err := os.Chdir(p.bundle()); err != nil {
		return err
	}
	if err := copyRootDir(lower[0], "../upper"); err != nil {
		return err
	}
	if err := errors.Join(os.Mkdir("l", 0o700), os.Mkdir("rootfs", 0o700)); err != nil {
		return err
	}
	links := make([]string, len(lower))
	for i, dir := range lower {
		links[i] = fmt.Sprintf("l/%d", i)
		if err := os.Symlink(dir, links[i]); err != nil {
			return err
		}
	}
	options := "lowerdir=" + strings.Join(links, ":") + ",upperdir=../upper,workdir=../work"
	if overlayfs.HasVolatile() { // it ends with the sandbox
		options += "," + overlayfs.Volatile
	}
	if err := mount("overlay", "rootfs", "overlay", 0, options); err != nil {
		return err
	}
	return makeTmp("rootfs")
}

// copyRootDir makes upper with the mode and owner of the uppermost layer's
// root, which become those of the box's root.
func copyRootDir(lower, upper string) error {
	info, err := os.Stat(lower)
	if err != nil {
		return err
	}
	if err := os.Mkdir(upper, 0o700); err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(upper, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(upper, info.Mode().Perm())
}

// makeTmp adds the /tmp that an image lacks.
func makeTmp(rootfs string) error {
	root, err := os.OpenRoot(rootfs)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Mkdir("tmp", 0o777); err != nil {
		return nil // it is there, as whatever the image says
	}
	return root.Chmod("tmp", 0o777|os.ModeSticky)
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return &os.PathError{Op: "mount " + kind + " on", Path: filepath.Clean(target), Err: err}
	}
	return nil
}
