package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Box makes a group for each service, below the groups that this process is
// itself in, and never touches any other. Not safe for concurrent use.
type Box struct {
	trees []tree
	why   error // nothing can be made in a hierarchy; nil if there was none
}

// A tree is where a Box makes its groups in one hierarchy.
type tree struct {
	place
	base  string // the directory that holds the services'
	moved bool   // this process stands in a leaf of base, out of the way
}

// leaf is the group of base that this process moves to where cgroup2 wants
// nobody in a group that has controllers on. It is no service's name.
const leaf = ".init"

// used are the controllers that a Box has a use for, in either version.
func used() []string { return []string{"memory", "cpu", "cpuacct", "pids", "freezer"} }

// Open finds the groups of this process and makes one called sandwright-NAME
// below each that is writable. NAME tells supervisors apart that share a
// group. Where nothing is writable there are no groups, and asking for a limit
// is an error that says why.
func Open(name string) *Box {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return &Box{why: err}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return &Box{why: err}
	}
	return open(name, places(string(groups), string(mounts)), used())
}

// open makes the groups below what was found, with the controllers it wants.
func open(name string, found []place, wanted []string) *Box {
	b := new(Box)
	for _, p := range found {
		p.controllers = among(p.controllers, wanted)
		if !p.unified && len(p.controllers) == 0 {
			continue
		}
		t := tree{place: p, base: filepath.Join(p.dir, "sandwright-"+name)}
		if err := makeDir(t.base); err != nil {
			b.why = errors.Join(b.why, err)
			continue
		}
		if t.unified {
			t.enable(wanted)
		}
		b.trees = append(b.trees, t)
	}
	return b
}

func makeDir(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	// A read-only mount says so only when something is written.
	return unix.Access(dir, unix.W_OK)
}

// enable turns the controllers of cgroup2 on for the services' groups, as far
// as they are to be had, and finds out which are.
func (t *tree) enable(wanted []string) {
	err := switchOn(t.dir, wanted)
	if errors.Is(err, unix.EBUSY) {
		own := filepath.Join(t.base, leaf)
		if makeDir(own) == nil && write(own, "cgroup.procs", "0") == nil {
			t.moved = true
			_ = switchOn(t.dir, wanted) // what is on shows below
		}
	}
	_ = switchOn(t.base, wanted)
	t.controllers = among(words(t.base, "cgroup.subtree_control"), wanted)
}

// among is those of some controllers that are wanted.
func among(controllers, wanted []string) []string {
	return slices.DeleteFunc(controllers, func(c string) bool { return !slices.Contains(wanted, c) })
}

// switchOn turns on every controller that is wanted and that dir has.
func switchOn(dir string, wanted []string) error {
	on := words(dir, "cgroup.subtree_control")
	var err error
	for _, c := range among(words(dir, "cgroup.controllers"), wanted) {
		if !slices.Contains(on, c) {
			err = errors.Join(err, write(dir, "cgroup.subtree_control", "+"+c))
		}
	}
	return err
}

// Sweep ends and removes the groups that an earlier supervisor of the same
// name has left behind. Call it before the first Group.
func (b *Box) Sweep() error {
	var errs []error
	for _, t := range b.trees {
		errs = append(errs, t.clear())
	}
	return errors.Join(errs...)
}

// Close ends what is left in the services' groups and removes all groups.
func (b *Box) Close() error {
	var errs []error
	for _, t := range b.trees {
		errs = append(errs, t.clear(), t.leave(), removeTree(t.base))
	}
	return errors.Join(errs...)
}

// clear removes every group of base but our own.
func (t *tree) clear() error {
	entries, err := os.ReadDir(t.base)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != leaf {
			err = errors.Join(err, removeTree(filepath.Join(t.base, e.Name())))
		}
	}
	return err
}

// leave takes this process back to where it was found.
func (t *tree) leave() error {
	if !t.moved {
		return nil
	}
	for _, dir := range []string{t.base, t.dir} {
		for _, c := range words(dir, "cgroup.subtree_control") {
			_ = write(dir, "cgroup.subtree_control", "-"+c) // if not, the next line says so
		}
	}
	if err := write(t.dir, "cgroup.procs", "0"); err != nil {
		return fmt.Errorf("cannot go back to %s: %w", t.dir, err)
	}
	return nil
}

// write writes one of the kernel's files, which exists.
func write(dir, file, text string) error {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

// words reads one of the kernel's files. One that cannot be read has none.
func words(dir, file string) []string {
	text, _ := os.ReadFile(filepath.Join(dir, file))
	return strings.Fields(string(text))
}
