package gitmeta

import (
	"context"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/git"
)

// maxTaken is the size, in bytes, of the largest object that is taken from an
// earlier pack: it is in memory meanwhile.
const maxTaken = 64 << 20

// head gives the pack of a head: its commit, trees and files.
func (s shelf) head(ctx context.Context, repo *git.Repo, h head) (*pack, error) {
	return s.get(s.key(h), h.format, func(tmp string) error {
		absent, err := readAbsent(ctx, repo, h.format)
		if err != nil {
			return err
		}
		w := headPack{repo: repo, head: h, dir: tmp, newSum: s.newSum, absent: absent}
		if old := s.previous(h.format); old != nil {
			file, err := os.Open(filepath.Join(old.dir, packFile))
			if err == nil {
				defer file.Close()
				w.old, w.oldFile = old.facts, file
			}
		}
		again, err := w.write(ctx)
		if errors.Is(err, errBroken) {
			w.old = nil
			again, err = w.write(ctx)
		}
		if err == nil && again {
			_, err = w.write(ctx)
		}
		return err
	})
}

// A headPack is a pack in the making.
type headPack struct {
	repo    *git.Repo
	head    head
	dir     string
	newSum  func(size int64) Sum
	old     []fact // of the pack before
	oldFile io.ReaderAt
	absent  map[string]bool // objects that this clone does not have
}

// write makes the pack. Objects that are missing are known afterwards, and
// then it has to be made again.
func (w *headPack) write(ctx context.Context) (again bool, err error) {
	file, err := os.Create(filepath.Join(w.dir, packFile))
	if err != nil {
		return false, err
	}
	defer file.Close()
	wanted := w.wanted()
	p, err := newPack(file, w.head.format, len(wanted), w.newSum)
	if err != nil {
		return false, err
	}
	known := len(w.absent)
	if err := w.fill(ctx, p, wanted); err != nil || len(w.absent) > known {
		return true, err
	}
	sum, err := p.close()
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = writeSynced(filepath.Join(w.dir, indexFile), packIndex(w.head.format, p.facts, sum))
	}
	if err == nil {
		err = writeSynced(filepath.Join(w.dir, factsFile), encodeFacts(p.facts))
	}
	return false, err
}

// wanted lists the ids of the pack's objects, each once, in the order in which
// git would come upon them.
func (w *headPack) wanted() []string {
	ids := []string{w.head.commit, w.head.tree}
	seen := map[string]bool{w.head.commit: true, w.head.tree: true}
	for _, n := range w.head.nodes {
		if n.mode != modeModule && !seen[n.id] && !w.absent[n.id] {
			seen[n.id] = true
			ids = append(ids, n.id)
		}
	}
	return ids
}

// fill takes each object from the pack before or from git.
func (w *headPack) fill(ctx context.Context, p *packWriter, wanted []string) error {
	var fresh []string
	taken := map[string]bool{}
	for _, id := range wanted {
		f, ok := factOf(w.old, id)
		if taken[id] = ok && f.length <= maxTaken || w.head.made && id == w.head.commit; !taken[id] {
			fresh = append(fresh, hex.EncodeToString([]byte(id)))
		}
	}
	next := 0
	upTo := func(id string) error {
		for ; next < len(wanted) && wanted[next] != id; next++ {
			if err := w.take(p, wanted[next]); err != nil {
				return err
			}
		}
		return nil
	}
	err := w.repo.Objects(ctx, fresh, func(o git.Object) error {
		id, err := w.head.format.id(o.Name)
		if err == nil {
			err = upTo(id)
		}
		next++
		if err != nil {
			return err
		}
		return w.add(p, id, o)
	})
	if err != nil {
		return err
	}
	return upTo("")
}

func (w *headPack) add(p *packWriter, id string, o git.Object) error {
	if o.Kind == "missing" {
		w.absent[id] = true
		return nil
	}
	k, ok := kindOf(o.Kind)
	if !ok {
		return fault.Cannot("use object %s: it is a %s", o.Name, o.Kind).WithHint("run: git fsck")
	}
	return p.add(id, k, o.Size, o)
}

// errBroken says that an earlier pack is not what was written.
var errBroken = errors.New("cannot read an earlier pack: it is broken")

// take adds an object that git is not asked for.
func (w *headPack) take(p *packWriter, id string) error {
	f, ok := factOf(w.old, id)
	if !ok {
		return p.add(id, 1, int64(len(w.head.data)), strings.NewReader(string(w.head.data)))
	}
	raw := make([]byte, f.length)
	if _, err := w.oldFile.ReadAt(raw, int64(f.at)); err != nil || crc32.ChecksumIEEE(raw) != f.crc {
		return errBroken
	}
	return p.put(f, raw)
}
