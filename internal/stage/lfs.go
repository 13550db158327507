package stage

import (
	"bytes"
	"context"
	"io"
	"path"

	"github.com/sandwright/sandwright/internal/git"
)

const (
	// lfsPrefix begins a pointer of Git LFS, as its specification says.
	lfsPrefix = "version https://git-lfs.github.com/spec/v1\n"
	// A pointer is smaller than maxPointer. One without extensions has about
	// 130 bytes: others are looked into only where attributes speak of LFS.
	maxPointer           = 1024
	minPlain, maxPlain   = 120, 160
	maxPlainPointers     = 1000
	maxAttributes        = 1 << 20
	attributeLFS         = "filter=lfs"
	attributeLFSPathspec = ":(attr:filter=lfs)"
)

// lfs notices files whose place is taken by a pointer of Git LFS: those that
// git's attributes say are with LFS, and others that have the size of one.
func (w *walker) lfs(ctx context.Context, repos []repository) error {
	named, err := w.lfsNames(ctx, repos)
	if err != nil {
		return err
	}
	plain := 0
	for i := range w.entries {
		e := &w.entries[i]
		if e.Kind != File || e.Size >= maxPointer || e.Size < minPlain {
			continue
		}
		if e.marks&looked == 0 && !named[e.Path] {
			if e.Size > maxPlain || plain == maxPlainPointers {
				continue
			}
			plain++
		}
		w.look(e)
		if e.marks&pointer != 0 {
			w.notices = append(w.notices, Notice{Path: e.Path, Kind: "file", What: "kept",
				Reason: "it is a Git LFS pointer, not the file; run: git lfs pull"})
		}
	}
	return nil
}

// look reads the beginning of a file, once.
func (w *walker) look(e *Entry) {
	if e.marks&looked != 0 {
		return
	}
	head, err := w.head(e, len(lfsPrefix))
	if err != nil {
		return // who reads the file says so
	}
	e.marks |= looked
	if string(head) == lfsPrefix {
		e.marks |= pointer
	}
}

// head reads at most n bytes of a file that is as it was looked at.
func (w *walker) head(e *Entry, n int) ([]byte, error) {
	t := &Tree{root: w.root}
	c, err := t.content(e)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return io.ReadAll(io.LimitReader(c, int64(n)))
}

// lfsNames asks git for the files that its attributes give to LFS, in the
// repositories that have such attributes.
func (w *walker) lfsNames(ctx context.Context, repos []repository) (map[string]bool, error) {
	named := map[string]bool{}
	speaks := map[string]bool{}
	for i := range w.entries {
		e := &w.entries[i]
		if e.Kind != File || path.Base(e.Path) != attributesFile || e.Size > maxAttributes {
			continue
		}
		if text, err := w.head(e, maxAttributes); err == nil && bytes.Contains(text, []byte(attributeLFS)) {
			speaks[path.Dir(e.Path)] = true
		}
	}
	for _, repo := range repos {
		if !anyBelow(speaks, repo.sub) {
			continue
		}
		err := repo.asked.Stream(ctx, nil, func(out io.Reader) error {
			return git.Records(out, func(rec []byte) error {
				named[path.Join(repo.sub, string(rec))] = true
				return nil
			})
		}, "ls-files", "-z", "--", attributeLFSPathspec)
		if err != nil {
			return nil, err
		}
	}
	return named, nil
}

func anyBelow(dirs map[string]bool, sub string) bool {
	for dir := range dirs {
		if below(dir, sub) {
			return true
		}
	}
	return false
}
