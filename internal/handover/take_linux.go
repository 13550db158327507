package handover

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// newDir is the folder of the workspace in which files stand until all of an
// offer is there. One that a killed process left is removed by the next.
const newDir = ".sandwright-receive"

// beat is how often Take writes that it goes on, at most.
const beat = time.Second

// Take reads an offer and carries it out in this box. Nothing is changed when
// anything clashes, or before all of it has come. No link is followed on the way
// to a file. A file is there whole or as it was; an error in the middle of the
// renames leaves those before it. One that changed after it was compared is
// such an error. Meanwhile empty lines in alive say that it goes on.
func Take(r io.Reader, alive io.Writer) (Report, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	o, err := receive(in)
	if err != nil {
		return Report{}, err
	}
	root, err := unix.Open(o.Root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Report{}, fmt.Errorf("%s: %w", o.Root, err)
	}
	defer unix.Close(root)
	t := taker{
		root: root, offer: o, alive: alive, said: time.Now(), removes: map[string]bool{},
		same: make([]bool, len(o.Items)), seen: make([]standing, len(o.Items)),
	}
	for _, item := range o.Items {
		if item.Remove {
			t.removes[item.Path] = true
		}
	}
	if t.compare(); len(t.report.Clashes) > 0 {
		return t.report, nil
	}
	return t.report, t.takeAll(in)
}

// A taker carries out one offer.
type taker struct {
	root    int
	fresh   int // newDir
	offer   Offer
	alive   io.Writer
	said    time.Time
	removes map[string]bool // what the offer removes
	same    []bool          // by item: it stands there already
	seen    []standing      // by item: what was compared
	report  Report
}

// tick says now and then that it goes on.
func (t *taker) tick() {
	if time.Since(t.said) > beat {
		t.said = time.Now()
		_, _ = t.alive.Write([]byte("\n")) // who does not read it cares only for the end
	}
}

func (t *taker) takeAll(in io.Reader) (err error) {
	if err := t.openNew(); err != nil {
		return err
	}
	defer func() {
		unix.Close(t.fresh)
		err = errors.Join(err, t.remove(t.root, newDir, true))
	}()
	// Each part runs over all items before the next begins.
	for _, part := range []func(i int, item Item) error{
		func(i int, item Item) error { return t.bring(i, item, in) },
		func(i int, item Item) error { return t.unchanged(i, item) },
		func(back int, _ Item) error { // a folder goes after what is in it
			i := len(t.offer.Items) - 1 - back
			return t.drop(i, t.offer.Items[i])
		},
		t.put,
	} {
		for i, item := range t.offer.Items {
			t.tick()
			if err := part(i, item); err != nil {
				return fmt.Errorf("%q: %w", item.Path, err)
			}
		}
	}
	return nil
}

// openNew makes newDir, in the place of one that was left.
func (t *taker) openNew() error {
	err := t.remove(t.root, newDir, true)
	if err == nil {
		err = unix.Mkdirat(t.root, newDir, 0o700)
	}
	if err == nil {
		t.fresh, err = unix.Openat(t.root, newDir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", newDir, err)
	}
	return nil
}

// bring reads the contents of one item, and makes it in newDir if it is not
// there yet.
func (t *taker) bring(i int, item Item, in io.Reader) error {
	switch {
	case item.Remove:
		return nil
	case item.Link && !t.same[i]:
		return unix.Symlinkat(item.Target, t.fresh, strconv.Itoa(i))
	case item.Link:
		t.report.Same++
		return nil
	case !t.same[i]:
		return write(t.fresh, strconv.Itoa(i), item, in)
	}
	t.report.Same++
	if n, err := io.Copy(io.Discard, io.LimitReader(in, item.Size)); err != nil || n != item.Size {
		return errors.Join(err, io.ErrUnexpectedEOF)
	}
	return nil
}

func write(dir int, name string, item Item, in io.Reader) error {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	n, err := io.Copy(struct{ io.Writer }{f}, io.LimitReader(in, item.Size))
	if err == nil && n != item.Size {
		err = io.ErrUnexpectedEOF
	}
	return errors.Join(err, f.Chmod(os.FileMode(item.Mode)), f.Sync(), f.Close())
}

// unchanged tells whether what stands there is still what was compared, where
// that matters.
func (t *taker) unchanged(i int, item Item) error {
	if t.offer.Force || t.same[i] || t.seen[i].blocker != "" {
		return nil
	}
	dir, _, st, err := t.at(item.Path)
	unix.Close(dir)
	if err == nil && stampOf(&st) != t.seen[i].stamp {
		err = errors.New("it was changed in the box just now")
	}
	return err
}

// drop removes an item that is no more.
func (t *taker) drop(i int, item Item) error {
	if !item.Remove {
		return nil
	}
	if t.same[i] {
		t.report.Same++
		return nil
	}
	dir, base, _, err := t.at(item.Path)
	defer unix.Close(dir)
	if err != nil {
		return err
	}
	t.report.Removed++
	return t.remove(dir, base, t.offer.Force)
}

// put moves an item from newDir into its place. A folder goes that is there,
// which by now has nothing in it but folders, unless all is overwritten.
func (t *taker) put(i int, item Item) error {
	if item.Remove || t.same[i] {
		return nil
	}
	dir, base, err := t.folder(item.Path, true)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if t.seen[i].folder {
		err = t.remove(dir, base, t.offer.Force)
	} else {
		err = t.unchanged(i, item)
	}
	if err != nil {
		return err
	}
	t.report.Put++
	return unix.Renameat(t.fresh, strconv.Itoa(i), dir, base)
}
