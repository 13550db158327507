package gitmeta

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/sandwright/sandwright/internal/wholefile"
)

// Names of the files of one pack's folder.
const (
	packFile  = "pack"
	indexFile = "idx"
	factsFile = "facts"
)

// A pack is one on disk, and never changed. Its facts are by id.
type pack struct {
	dir   string
	sum   []byte
	size  int64
	index int64 // size of its index
	facts []fact
	at    map[string]int // place among the facts, by id
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
	p.at = make(map[string]int, len(p.facts))
	for i, one := range p.facts {
		p.at[one.id] = i
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

// fact is what the pack knows of an object.
func (p *pack) fact(id string) (f fact, ok bool) {
	i, ok := p.at[id]
	if ok {
		f = p.facts[i]
	}
	return f, ok
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

// replace writes a file as a whole, in the place of one that may be there.
func replace(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return wholefile.Put(path, 0o600, data)
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
