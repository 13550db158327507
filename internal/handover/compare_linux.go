package handover

import (
	"encoding/hex"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/receipt"
)

// compare finds what stands there already, and what clashes.
func (t *taker) compare() {
	for i, item := range t.offer.Items {
		now, err := t.look(item.Path)
		clash := Clash{Path: item.Path}
		if err == nil {
			if t.same[i] = now.is(item); !t.same[i] && !t.offer.Force {
				clash, err = t.clash(item, now)
			}
			now.sum = "" // all of them would be much
			t.seen[i] = now
		}
		if err != nil {
			clash.Reason = err.Error()
		}
		if clash.Reason != "" {
			t.report.Clashes = append(t.report.Clashes, clash)
		}
	}
}

// is tells whether an item stands there already; one that is no more does so
// also where its folder is none any more.
func (s standing) is(item Item) bool {
	if item.Remove {
		return s.sum == "" && !s.folder
	}
	return s.sum == item.Sum && s.link == item.Link && (item.Link || s.mode == item.Mode)
}

// clash says why an item is not taken, unless all is overwritten.
func (t *taker) clash(item Item, now standing) (Clash, error) {
	reason := ""
	switch {
	case now.blocker != "" && !t.removes[now.blocker]:
		reason = "what it is in is no folder in the box"
	case now.folder && item.Was == "":
		made, err := t.foreign(item.Path)
		if made == "" {
			return Clash{item.Path, ""}, err
		}
		return Clash{made, "it was made in the box"}, err
	case now.folder:
		reason = "it was changed in the box"
	case now.sum == item.Was, now.sum == item.Sum && !item.Remove:
	case now.sum == "":
		reason = "it was removed in the box"
	case item.Was == "":
		reason = "it was made in the box"
	default:
		reason = "it was changed in the box"
	}
	return Clash{item.Path, reason}, nil
}

// What stands at a path; without a sum, nothing, or a folder.
type standing struct {
	sum     string
	mode    uint32
	link    bool
	folder  bool
	blocker string // a path on the way that is no folder
	stamp
}

// A stamp is another one after each change; the zero stamp is of nothing.
type stamp struct {
	ino   uint64
	size  int64
	ctime unix.Timespec
}

func stampOf(st *unix.Stat_t) stamp { return stamp{st.Ino, st.Size, st.Ctim} }

// errSpecial is why an item cannot be taken, forced or not.
var errSpecial = errors.New("something that is no file, link or folder is in its place")

// look sums what stands at a path, without following a link.
func (t *taker) look(name string) (s standing, err error) {
	dir, base, st, err := t.at(name)
	defer unix.Close(dir)
	if errors.Is(err, errBlocked) {
		return standing{blocker: base}, nil
	}
	if err != nil || st.Ino == 0 {
		return s, err
	}
	s = standing{mode: st.Mode & 0o777, stamp: stampOf(&st)}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		s.folder = true
	case unix.S_IFLNK:
		target := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(dir, base, target)
		s.sum, s.link = receipt.SumOf(target[:max(0, n)]), true
		return s, err
	case unix.S_IFREG:
		s.sum, err = t.sum(dir, base)
		return s, err
	default:
		return s, errSpecial
	}
	return s, nil
}

func (t *taker) sum(dir int, base string) (string, error) {
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(err, errSpecial)
	}
	s := receipt.NewSummer(info.Size())
	for left := info.Size(); left > 0; left -= receipt.ChunkSize {
		t.tick()
		if _, err := io.CopyN(s, f, min(left, receipt.ChunkSize)); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString([]byte(s.Sum())), nil
}
