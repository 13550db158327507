package source

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/stage"
)

const (
	// What is committed and not in the remembered layers is hot while it is no
	// more than this.
	maxStale      = 100
	maxStaleBytes = 1 << 20
	// maxRemoved bounds the files that are deleted one by one.
	maxRemoved = 100
)

// divide decides what is cold. Layers of the memory stay as they are while
// little of them is out of date; others are made of what is committed now.
func (d *Division) divide(memory map[string][]file) {
	names := d.names
	groups := make([]layer, len(names))
	for i, name := range names {
		groups[i] = d.remembered(name, memory[name])
		if !groups[i].remembered {
			groups[i] = d.fresh(i, name)
		}
	}
	for {
		d.cold = d.cold[:0]
		for _, l := range groups {
			if len(l.files) > 0 {
				d.cold = append(d.cold, l)
			}
		}
		var stale map[string]bool
		if d.hot, stale = d.over(d.cold, d.files); len(stale) == 0 {
			return
		}
		for i, name := range names { // each can be stale once
			if stale[name] {
				groups[i] = d.fresh(i, name)
			}
		}
	}
}

// remembered is a layer of the memory, if the store still has it.
func (d *Division) remembered(name string, files []file) layer {
	l := layer{name: name, files: files, remembered: true}
	l.digest = digestOf(files, nil)
	l.remembered = len(files) > 0 && d.opts.Store.HasLayer(l.digest)
	return l
}

// fresh is the layer of what is committed of a group.
func (d *Division) fresh(group int, name string) layer {
	l := layer{name: name}
	for _, f := range d.files {
		if f.group == group && f.clean {
			l.files = append(l.files, f)
		}
	}
	l.digest = digestOf(l.files, nil)
	return l
}

// over is what must lie over cold layers to make just these files of them. It
// names the remembered layers that are too far from that. Files are in the order of
// a walk.
func (d *Division) over(cold []layer, files []file) (h hot, stale map[string]bool) {
	stale = map[string]bool{}
	under := make([]*file, len(files)) // what the last layer that has it has of each
	for _, l := range cold {
		at := 0
		for i := range l.files {
			f := &l.files[i]
			var kind stage.Kind
			var there bool
			if at, kind, there = find(files, at, f.path); there && kind == f.kind {
				if at < len(files) && files[at].path == f.path {
					under[at] = f
				}
				continue
			}
			h.removed = append(h.removed, f.path)
			if !deletable(f, files) {
				stale[l.name] = true
			}
		}
	}
	count, bytes := 0, int64(0)
	for i, f := range files {
		if under[i] != nil && f.same(*under[i]) {
			continue
		}
		h.files = append(h.files, f)
		if f.clean {
			count++
			bytes += f.size
		}
	}
	slices.Sort(h.removed)
	h.removed = slices.Compact(h.removed)
	if count > maxStale || bytes > maxStaleBytes || len(h.removed) > maxRemoved {
		d.outdated(cold, h, stale)
	}
	return h, stale
}

// find gives the place of a path, or the one where it would be, and what is
// there: the folders of files are folders. It looks at a place and the next first.
func find(files []file, at int, p string) (place int, kind stage.Kind, there bool) {
	is := func(at int) bool { return at < len(files) && files[at].path == p }
	switch {
	case is(at + 1):
		at++
	case !is(at):
		at, _ = slices.BinarySearchFunc(files, p, func(f file, p string) int { return fsutil.ComparePath(f.path, p) })
	}
	switch {
	case is(at):
		kind = files[at].kind
	case at < len(files) && below(files[at].path, p):
		kind = stage.Dir
	default:
		return at, 0, false
	}
	if at+1 < len(files) && below(files[at+1].path, p) {
		kind = stage.Dir
	}
	return at, kind, true
}

// outdated names the remembered layers in which something is hot that is
// committed, or from which something was deleted.
func (d *Division) outdated(cold []layer, h hot, stale map[string]bool) {
	hot := map[string]bool{}
	for _, p := range h.removed {
		hot[p] = true
	}
	groups := map[int]bool{}
	for _, f := range h.files {
		if f.clean {
			hot[f.path] = true
			groups[f.group] = true
		}
	}
	named := map[string]bool{}
	for group := range groups {
		named[d.names[group]] = true
	}
	for _, l := range cold {
		if l.remembered && (named[l.name] || slices.ContainsFunc(l.files, func(f file) bool { return hot[f.path] })) {
			stale[l.name] = true
		}
	}
}

// deletable says that a file of a cold layer can be deleted in a later one
// without touching what an install has made: its folder stays, and nothing but
// the repository writes such a file.
func deletable(f *file, files []file) bool {
	name := path.Base(f.path)
	if f.kind == stage.Dir || strings.HasPrefix(name, ".pnp.") || strings.Contains("/"+f.path, "/node_modules/") {
		return false
	}
	dir := folderOf(f.path)
	_, kind, there := find(files, 0, dir)
	return dir == "." || there && kind == stage.Dir
}

// digestOf stands for all that is in a layer.
func digestOf(files []file, removed []string) string {
	h := sha256.New()
	var b []byte
	text := func(s string) { b = append(binary.BigEndian.AppendUint64(b, uint64(len(s))), s...) }
	for _, f := range files {
		b = binary.BigEndian.AppendUint64(b[:0], uint64(f.kind)<<32|uint64(f.mode))
		text(f.path)
		text(f.sum)
		h.Write(b)
	}
	for _, p := range removed {
		b = binary.BigEndian.AppendUint64(b[:0], ^uint64(0))
		text(p)
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// folderOf is the folder that a clean path is in.
func folderOf(p string) string {
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		return p[:i]
	}
	return "."
}

// below says that p is under dir.
func below(p, dir string) bool {
	return len(p) > len(dir) && p[len(dir)] == '/' && strings.HasPrefix(p, dir)
}
