package engine

import (
	"bufio"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// clearMounts detaches what a killed engine left mounted below root. The
// caller holds root's lock, so that no live engine can own any of it.
func clearMounts(root string) error {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	defer f.Close()
	var stale []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if dir, ok := mountOf(lines.Text(), root); ok {
			stale = append(stale, dir)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	var errs []error
	for _, dir := range slices.Backward(stale) { // the innermost first
		errs = append(errs, unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW))
		if !strings.HasPrefix(dir, root+"/") {
			_ = os.Remove(dir) // BuildKit's own temporary folder; empty now
		}
	}
	return errors.Join(errs...)
}

// mountOf reads a line of mountinfo, see proc(5), and gives the mount point
// where it is one of root's: below it, or one of the folders in which BuildKit
// copies files, outside of root, with layers of root in it.
func mountOf(line, root string) (string, bool) {
	head, tail, _ := strings.Cut(line, " - ")
	fields := strings.Fields(head)
	if len(fields) < 5 {
		return "", false
	}
	dir := unescapeMount(fields[4])
	if strings.HasPrefix(dir, root+"/") {
		return dir, true
	}
	temporary := strings.HasPrefix(path.Base(dir), "buildkit-mount") || strings.HasPrefix(path.Base(dir), "containerd-mount")
	return dir, temporary && (strings.Contains(unescapeMount(fields[3]), root+"/") || strings.Contains(unescapeMount(tail), root+"/"))
}

// clearBundles removes the folders of steps that a killed engine left. Nothing
// is mounted below root any more.
func clearBundles(root string) error {
	executor := filepath.Join(workerRoot(root), "executor")
	entries, err := os.ReadDir(executor)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		bundle := filepath.Join(executor, entry.Name()) // a kill can come before there is a config.json in it
		if rest := os.Remove(filepath.Join(bundle, "rootfs")); rest != nil && !errors.Is(rest, os.ErrNotExist) {
			err = errors.Join(err, rest) // there is something in it, which is not ours to remove
			continue
		}
		err = errors.Join(err, os.RemoveAll(bundle))
	}
	return err
}

// unescapeMount undoes the octal escapes of proc(5).
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
