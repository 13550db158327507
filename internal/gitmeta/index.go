package gitmeta

import (
	"encoding/binary"
	"io"
	"path"
	"strconv"
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
	b = append(b, "TREE\x00\x00\x00\x00"...)
	start := len(b)
	b = appendTree(b, h)
	binary.BigEndian.PutUint32(b[start-4:], uint32(len(b)-start))
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
	sizes []size // of the folders, by their place among the nodes
}

// A size is how many files are in a folder, at any depth, and folders, at none.
type size struct{ files, folders int }

// measure gives the size of one folder, whose nodes are next, after it has put
// down those of the folders in it.
func (c *cursor) measure(folder string) (s size) {
	for c.next < len(c.nodes) && within(c.nodes[c.next].path, folder) {
		at := c.next
		c.next++
		if c.nodes[at].mode != modeTree {
			s.files++
			continue
		}
		c.sizes[at] = c.measure(c.nodes[at].path)
		s.files += c.sizes[at].files
		s.folders++
	}
	return s
}

// appendTree writes the TREE extension: with it, git knows the trees without
// making them anew. A folder stands before those in it, as among the nodes.
func appendTree(b []byte, h head) []byte {
	c := &cursor{nodes: h.nodes, sizes: make([]size, len(h.nodes))}
	b = appendFolder(b, "", h.tree, c.measure(""))
	for i, n := range h.nodes {
		if n.mode == modeTree {
			b = appendFolder(b, path.Base(n.path), n.id, c.sizes[i])
		}
	}
	return b
}

func appendFolder(b []byte, name, id string, s size) []byte {
	b = append(append(b, name...), 0)
	b = strconv.AppendInt(b, int64(s.files), 10)
	b = strconv.AppendInt(append(b, ' '), int64(s.folders), 10)
	return append(append(b, '\n'), id...)
}

// within says that p is below the folder, at any depth; all is below "".
func within(p, folder string) bool {
	return folder == "" || len(p) > len(folder) && p[len(folder)] == '/' && strings.HasPrefix(p, folder)
}
