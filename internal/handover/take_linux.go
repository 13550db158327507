package handover

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/receipt"
)

// Take reads an offer and carries it out in this box. Nothing is written when
// anything clashes. No link is followed on the way to a file. A file is there
// whole or as it was; an error in the middle leaves those before it. One that
// changed after it was compared is such an error.
func Take(r io.Reader) (Report, error) {
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
	t := taker{root: root, offer: o, same: make([]bool, len(o.Items)), seen: make([]stamp, len(o.Items))}
	if t.compare(); len(t.report.Clashes) > 0 {
		return t.report, nil
	}
	for i, item := range o.Items {
		if err := t.take(i, item, in); err != nil {
			return t.report, fmt.Errorf("%q: %w", item.Path, err)
		}
	}
	return t.report, nil
}

// A taker carries out one offer.
type taker struct {
	root   int
	offer  Offer
	same   []bool  // by item: it stands there already
	seen   []stamp // by item: of what was compared
	report Report
}

// compare finds what stands there already, and what clashes.
func (t *taker) compare() {
	for i, item := range t.offer.Items {
		now, err := t.sum(item.Path)
		t.seen[i] = now.stamp
		want := item.Sum
		if item.Remove {
			want = ""
		}
		reason := ""
		switch {
		case err != nil:
			reason = err.Error()
		case now.sum == want && (item.Remove || now.link == item.Link && (item.Link || now.mode == item.Mode)):
			t.same[i] = true
		case now.sum == item.Was, now.sum == want, t.offer.Force:
		case now.sum == "":
			reason = "it was removed in the box"
		case item.Was == "":
			reason = "it was made in the box"
		default:
			reason = "it was changed in the box"
		}
		if reason != "" {
			t.report.Clashes = append(t.report.Clashes, Clash{item.Path, reason})
		}
	}
}

// What stands at a path; without a sum, nothing.
type standing struct {
	sum  string
	mode uint32
	link bool
	stamp
}

// A stamp is another one after each change; the zero stamp is of nothing.
type stamp struct {
	ino   uint64
	size  int64
	ctime unix.Timespec
}

func stampOf(st *unix.Stat_t) stamp { return stamp{st.Ino, st.Size, st.Ctim} }

// errInTheWay is why an item cannot be taken, forced or not.
var errInTheWay = errors.New("a folder, a link or something that is no file is in its place or on the way to it")

// sum looks at a path without following a link.
func (t *taker) sum(name string) (s standing, err error) {
	dir, base, err := t.folder(name, false)
	if errors.Is(err, unix.ENOENT) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	defer unix.Close(dir)
	var st unix.Stat_t
	if err := unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW); errors.Is(err, unix.ENOENT) {
		return s, nil
	} else if err != nil {
		return s, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		target := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(dir, base, target)
		return standing{sum: receipt.SumOf(target[:max(0, n)]), link: true, stamp: stampOf(&st)}, err
	case unix.S_IFREG:
		sum, err := sumFile(dir, base)
		return standing{sum: sum, mode: st.Mode & 0o777, stamp: stampOf(&st)}, err
	}
	return s, errInTheWay
}

func sumFile(dir int, base string) (string, error) {
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(err, errInTheWay)
	}
	s := receipt.NewSummer(info.Size())
	if _, err := io.CopyN(s, f, info.Size()); err != nil {
		return "", err
	}
	return hex.EncodeToString([]byte(s.Sum())), nil
}

// folder opens the one that a path is in, and makes it where asked to.
func (t *taker) folder(name string, make bool) (fd int, base string, err error) {
	fd, err = unix.Openat(t.root, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	dir, base := path.Split(name)
	for part := range strings.SplitSeq(strings.TrimSuffix(dir, "/"), "/") {
		if err != nil || part == "" {
			break
		}
		above := fd
		if make {
			if err := unix.Mkdirat(above, part, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
				unix.Close(above)
				return -1, "", err
			}
		}
		fd, err = unix.Openat(above, part, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		unix.Close(above)
	}
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		err = errInTheWay
	}
	return fd, base, err
}

// take carries out one item, and reads its contents in any case.
func (t *taker) take(i int, item Item, in io.Reader) error {
	var contents io.Reader = io.LimitReader(in, 0)
	if !item.Remove && !item.Link {
		contents = io.LimitReader(in, item.Size)
	}
	if t.same[i] {
		t.report.Same++
		if n, err := io.Copy(io.Discard, contents); err != nil || n != item.Size && !item.Remove && !item.Link {
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
		return nil
	}
	dir, base, err := t.folder(item.Path, !item.Remove)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if item.Remove {
		if err := t.unchanged(i, dir, base); err != nil {
			return err
		}
		t.report.Removed++
		return unix.Unlinkat(dir, base, 0)
	}
	t.report.Put++
	temporary := fmt.Sprintf(".sandwright-%d-%d", os.Getpid(), i)
	if item.Link {
		err = unix.Symlinkat(item.Target, dir, temporary)
	} else {
		err = write(dir, temporary, item, contents)
	}
	if err == nil {
		err = t.unchanged(i, dir, base)
	}
	if err == nil {
		err = unix.Renameat(dir, temporary, dir, base)
	}
	if err != nil {
		_ = unix.Unlinkat(dir, temporary, 0)
	}
	return err
}

// unchanged tells whether what stands there is still what was compared, where
// that matters.
func (t *taker) unchanged(i, dir int, base string) error {
	var st unix.Stat_t
	err := unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		st, err = unix.Stat_t{}, nil
	}
	if err == nil && !t.offer.Force && stampOf(&st) != t.seen[i] {
		err = errors.New("it was changed in the box just now")
	}
	return err
}

func write(dir int, name string, item Item, contents io.Reader) error {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	n, err := io.Copy(struct{ io.Writer }{f}, contents)
	if err == nil && n != item.Size {
		err = io.ErrUnexpectedEOF
	}
	return errors.Join(err, f.Chmod(os.FileMode(item.Mode)), f.Close())
}
