package stage

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// maxAsked is how many files are asked for their extended attributes, beside
// those that can be executed: one more system call a file is dear.
const maxAsked = 5_000

// Dropped counts what no image gets, and keeps the first name of each.
type dropped struct {
	asked              int
	ask                asker
	bits, caps, xattrs count
}

type count struct {
	n       int
	first   string
	folders bool // one is among them
}

func (c *count) add(e *Entry) {
	if c.n++; c.n == 1 {
		c.first = e.Path
	}
	c.folders = c.folders || e.Kind == Dir
}

// lostBits are mode bits that nothing in the tree has.
const lostBits = unix.S_ISUID | unix.S_ISGID | unix.S_ISVTX

// folder looks for mode bits and attributes of a folder, which has the marks
// that the cache knows.
func (d *dropped) folder(f *frame, e *Entry) {
	if f.last == 0 && f.fd >= 0 && f.marks&asked == 0 {
		if d.asked++; d.asked <= maxAsked {
			f.marks |= asked | attributeMarks(folderAttributes(f.fd))
		}
	}
	e.marks = f.marks
	d.count(e, f.mode)
}

// count counts what an entry loses.
func (d *dropped) count(e *Entry, mode uint32) {
	if mode&lostBits != 0 {
		e.marks |= hasBits
		d.bits.add(e)
	}
	if e.marks&hasCaps != 0 {
		d.caps.add(e)
	}
	if e.marks&hasAttrs != 0 {
		d.xattrs.add(e)
	}
}

// look looks for mode bits and attributes of a file. All executable files are
// asked for attributes, others up to maxAsked of them, and none that the cache
// knows: who sets one moves ctime.
func (d *dropped) look(folder func() (int, error), e *Entry, name string, mode uint32) {
	if e.Kind != File {
		return
	}
	if e.marks&asked == 0 && e.cached == 0 {
		if mode&0o111 == 0 {
			d.asked++
		}
		if mode&0o111 != 0 || d.asked <= maxAsked {
			if dir, err := folder(); err == nil {
				e.marks |= asked | attributeMarks(d.ask.attributes(dir, name))
			}
		}
	}
	d.count(e, mode)
}

// attributeMarks reads a list of names, each ended by a NUL. The label that
// SELinux gives every file is none.
func attributeMarks(names string) (m marks) {
	for name := range strings.SplitSeq(names, "\x00") {
		switch name {
		case "", "security.selinux":
		case "security.capability":
			m |= hasCaps
		default:
			m |= hasAttrs
		}
	}
	return m
}

// What is lost, in the words of a notice.
const (
	lostBitsText  = "setuid, setgid and sticky bits"
	lostCapsText  = "capabilities"
	lostAttrsText = "extended attributes"
)

// notice is the one notice of all that was dropped.
func (d *dropped) notice() []Notice {
	var parts []string
	for _, c := range []struct {
		count
		what string
	}{{d.bits, lostBitsText}, {d.caps, lostCapsText}, {d.xattrs, lostAttrsText}} {
		of := "files"
		if c.folders {
			of = "files and folders"
		}
		switch {
		case c.n == 1:
			parts = append(parts, c.what+" of "+show(c.first))
		case c.n > 1:
			parts = append(parts, fmt.Sprintf("%s of %d %s, such as %s", c.what, c.n, of, show(c.first)))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return []Notice{{Reason: "dropped " + strings.Join(parts, "; "), Each: true}}
}

// Dropped says what of an entry no image gets; it is empty where that is nothing.
func (e *Entry) Dropped() string {
	var parts []string
	for _, lost := range []struct {
		marks
		what string
	}{{hasBits, lostBitsText}, {hasCaps, lostCapsText}, {hasAttrs, lostAttrsText}} {
		if e.marks&lost.marks != 0 {
			parts = append(parts, lost.what)
		}
	}
	return strings.Join(parts, ", ")
}
