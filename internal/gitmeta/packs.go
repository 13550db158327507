package gitmeta

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/git"
)

// Names of the files of one pack's folder.
const (
	packFile  = "pack"
	indexFile = "idx"
	factsFile = "facts"
)

// maxTaken is the size, in bytes, of the largest object that is taken from an
// earlier pack: it is in memory meanwhile.
const maxTaken = 64 << 20

// A pack is one on disk, and never changed. Its facts are by id.
type pack struct {
	dir   string
	sum   []byte
	size  int64
	index int64 // size of its index
	facts []fact
}

// A shelf keeps the packs of one repository.
type shelf struct {
	dir  string // of the project
	name string // what its folders' names begin with

	newSum func(size int64) Sum
}

// key names what a pack of a head holds. Another version of Go may compress
// other bytes.
func (s shelf) key(h head, more ...string) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s%s\n%s %x %x\n%q", factsMagic, runtime.Version(), h.format, h.commit, h.tree, more)
	return filepath.Join(s.dir, s.name+"-"+hex.EncodeToString(sum.Sum(nil)[:16]))
}

// open reads a pack that was made before; the error says that there is none
// that can be used.
func (s shelf) open(dir string, f format) (*pack, error) {
	data, err := os.ReadFile(filepath.Join(dir, factsFile))
	if err != nil {
		return nil, err
	}
	p := &pack{dir: dir}
	if p.facts, err = decodeFacts(f, data); err != nil {
		return nil, err
	}
	file, err := os.Open(filepath.Join(dir, packFile))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	idx, err := os.Stat(filepath.Join(dir, indexFile))
	if err != nil {
		return nil, err
	}
	p.size, p.index, p.sum = info.Size(), idx.Size(), make([]byte, f.new().Size())
	_, err = file.ReadAt(p.sum, p.size-int64(len(p.sum)))
	return p, err
}

// get gives the pack of a key, which make fills a folder with where there is
// none yet.
func (s shelf) get(dir string, f format, fill func(tmp string) error) (*pack, error) {
	if p, err := s.open(dir, f); err == nil {
		_ = os.Chtimes(dir, time.Time{}, time.Now()) // it is in use; nothing is lost where that is not noted
		return p, nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp(s.dir, ".new-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	if err := fill(tmp); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	// Somebody else who made the same meanwhile is as good.
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	s.prune(dir)
	return s.open(dir, f)
}

// kept is how many packs of one repository stay, and keptFor how long each
// stays at least: another build may be reading it.
const (
	kept    = 3
	keptFor = time.Hour
)

// prune removes packs that are not likely to be asked for again.
func (s shelf) prune(but string) {
	for i, dir := range s.newest() {
		info, err := os.Stat(dir)
		if i >= kept && dir != but && err == nil && time.Since(info.ModTime()) > keptFor {
			_ = os.RemoveAll(dir)
		}
	}
}

// newest lists the shelf's folders, the last used first.
func (s shelf) newest() []string {
	dirs, _ := filepath.Glob(filepath.Join(s.dir, s.name+"-*"))
	used := func(dir string) time.Time {
		info, err := os.Stat(dir)
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return used(b).Compare(used(a)) })
	return dirs
}

// previous is the last pack of this repository, or nil.
func (s shelf) previous(f format) *pack {
	for _, dir := range s.newest() {
		if p, err := s.open(dir, f); err == nil {
			return p
		}
	}
	return nil
}

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

// writeSynced writes a file in a folder that gets its name later.
func writeSynced(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
