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
	n     int
	first string
}

func (c *count) add(p string) {
	if c.n++; c.n == 1 {
		c.first = p
	}
}

// look looks for mode bits and attributes of a file. All executable files are
// asked for attributes, others up to maxAsked of them, and none that the cache
// knows: who sets one moves ctime.
func (d *dropped) look(dir int, e *Entry, name string, st *unix.Stat_t) {
	if e.Kind != File {
		return
	}
	if uint32(st.Mode)&(unix.S_ISUID|unix.S_ISGID|unix.S_ISVTX) != 0 {
		d.bits.add(e.Path)
	}
	if e.marks&asked == 0 && e.cached == 0 {
		if uint32(st.Mode)&0o111 == 0 {
			if d.asked++; d.asked > maxAsked {
				return
			}
		}
		e.marks |= asked | attributeMarks(d.ask.attributes(dir, name))
	}
	if e.marks&hasCaps != 0 {
		d.caps.add(e.Path)
	}
	if e.marks&hasAttrs != 0 {
		d.xattrs.add(e.Path)
	}
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

// notice is the one notice of all that was dropped.
func (d *dropped) notice() []Notice {
	var parts []string
	for _, c := range []struct {
		count
		what string
	}{{d.bits, "setuid, setgid and sticky bits"}, {d.caps, "capabilities"}, {d.xattrs, "extended attributes"}} {
		switch {
		case c.n == 1:
			parts = append(parts, c.what+" of "+show(c.first))
		case c.n > 1:
			parts = append(parts, fmt.Sprintf("%s of %d files, such as %s", c.what, c.n, show(c.first)))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return []Notice{{Reason: "dropped " + strings.Join(parts, "; ")}}
}
