package gitmeta

import (
	"encoding/binary"
	"fmt"
	"io"
	"path"
	"strings"
)

// A Staged is a file or link of the tree that the box gets.
type Staged struct {
	Size int64
	Sum  string // of the contents, or of the link's target
	Open func() (io.ReadCloser, error)
}

// A stat is what the index says of a file in the box. The zero stat makes git
// compare contents; any other stands for those that were committed.
type stat struct {
	size   uint32
	hidden bool // git is not to expect the file: skip-worktree
}

const (
	flagExtended = 0x4000
	flagHidden   = 0x4000 // of the extended flags
	maxName      = 0xfff
)

// indexOf writes an index of the head's tree, as gitformat-index(5) describes
// it. Files in the box have the time 0, so that a file whose time and size are
// as the index says is not read by git status.
func indexOf(h head, look func(node) stat) []byte {
	stats, version, count := make([]stat, len(h.nodes)), 2, 0
	for i, n := range h.nodes {
		if n.mode == modeTree {
			continue
		}
		count++
		if stats[i] = look(n); stats[i].hidden {
			version = 3
		}
	}
	b := make([]byte, 0, 32+count*(72+len(h.tree)+8)+64)
	b = append(b, "DIRC"...)
	b = binary.BigEndian.AppendUint32(b, uint32(version))
	b = binary.BigEndian.AppendUint32(b, uint32(count))
	for i, n := range h.nodes {
		if n.mode != modeTree {
			b = appendEntry(b, n, stats[i])
		}
	}
	tree := appendTree(nil, "", h.tree, &cursor{nodes: h.nodes})
	b = append(b, "TREE"...)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(tree))), tree...)
	sum := h.format.new()
	sum.Write(b)
	return sum.Sum(b)
}

// appendEntry writes one entry: its stat, id, flags, path, and 1 to 8 NULs.
func appendEntry(b []byte, n node, s stat) []byte {
	start := len(b)
	b = append(b, make([]byte, 24)...) // ctime, mtime, device and inode
	b = binary.BigEndian.AppendUint32(b, n.mode)
	b = append(b, make([]byte, 8)...) // uid and gid
	b = binary.BigEndian.AppendUint32(b, s.size)
	b = append(b, n.id...)
	flags := uint16(min(len(n.path), maxName))
	if s.hidden {
		b = binary.BigEndian.AppendUint16(b, flags|flagExtended)
		b = binary.BigEndian.AppendUint16(b, flagHidden)
	} else {
		b = binary.BigEndian.AppendUint16(b, flags)
	}
	b = append(b, n.path...)
	return append(b, make([]byte, 8-(len(b)-start)%8)...)
}

// A cursor goes through the nodes once.
type cursor struct {
	nodes []node
	next  int
}

// appendTree writes the part of the TREE extension that is about one folder and
// what is below it: with it, git knows the trees without making them anew.
func appendTree(b []byte, folder, id string, c *cursor) []byte {
	entries, folders := 0, 0
	var below []byte
	for c.next < len(c.nodes) && within(c.nodes[c.next].path, folder) {
		n := c.nodes[c.next]
		c.next++
		if n.mode != modeTree {
			entries++
			continue
		}
		first := c.next
		below = appendTree(below, n.path, n.id, c)
		folders++
		for _, inner := range c.nodes[first:c.next] {
			if inner.mode != modeTree {
				entries++
			}
		}
	}
	name := ""
	if folder != "" {
		name = path.Base(folder)
	}
	b = append(b, name...)
	b = append(b, 0)
	b = fmt.Appendf(b, "%d %d\n", entries, folders)
	return append(append(b, id...), below...)
}

// within says that p is below the folder, at any depth; all is below "".
func within(p, folder string) bool {
	return folder == "" || len(p) > len(folder) && p[len(folder)] == '/' && strings.HasPrefix(p, folder)
}
