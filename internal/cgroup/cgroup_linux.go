// Package cgroup finds, empties and removes control groups by name, in every
// hierarchy that is mounted: cgroup v1, v2, or both side by side.
package cgroup

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// patience bounds the wait for processes that the kernel is still ending.
const patience = 10 * time.Second

// Dirs gives the directories of the groups that match a pattern of
// path/filepath, such as "name-*", one for each hierarchy and group.
func Dirs(pattern string) ([]string, error) {
	roots, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, root := range roots {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, found...)
	}
	return dirs, nil
}

// hierarchies are the mount points of type cgroup and cgroup2.
func hierarchies() ([]string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var roots []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		if fields := strings.Fields(before); len(fields) > 4 && strings.HasPrefix(after, "cgroup") {
			roots = append(roots, fields[4])
		}
	}
	return roots, lines.Err()
}

// Remove ends every process in the groups that match, and in those below
// them, and removes the groups. None that matches is no error.
func Remove(pattern string) error {
	dirs, err := Dirs(pattern)
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		errs = append(errs, removeTree(dir))
	}
	return errors.Join(errs...)
}

// removeTree removes the groups below dir before dir itself.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, removeTree(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(err, removeOne(dir))
}

func removeOne(dir string) error {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		err := unix.Rmdir(dir)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || time.Now().After(end) {
			return &os.PathError{Op: "remove", Path: dir, Err: err}
		}
		kill(dir)
	}
}

// kill sends SIGKILL to every process of one group.
func kill(dir string) {
	procs, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs")) // gone: nothing to kill
	for _, field := range strings.Fields(string(procs)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}
