package gitmeta

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/git"
)

// readHistory adds what a repository with its history has besides: the branch
// of the host, the tags of its past, and where a shallow clone ends.
func (b *box) readHistory(ctx context.Context, repo *git.Repo, dirs dirs) error {
	name, err := repo.Line(ctx, "symbolic-ref", "-q", "HEAD")
	if short, ok := strings.CutPrefix(name, "refs/heads/"); ok && err == nil && fs.ValidPath(short) {
		b.branch = short
	} // else no branch is checked out
	commit := hex.EncodeToString([]byte(b.head.commit))
	tags, err := repo.Output(ctx, "for-each-ref", "--merged="+commit, "--sort=refname",
		"--format=%(objectname) %(refname)%(if)%(*objectname)%(then)%0a^%(*objectname)%(end)", "refs/tags")
	if err != nil {
		return err
	}
	b.tags = tags
	b.shallow, err = dirs.shallow(b.head.format)
	return err
}

// history gives the pack of a head with its past, as git packs it.
func (s shelf) history(ctx context.Context, repo *git.Repo, b box) (*pack, error) {
	return s.get(s.key(b.head, string(b.tags), string(b.shallow)), b.head.format, func(tmp string) error {
		wanted := bytes.NewBufferString(hex.EncodeToString([]byte(b.head.commit)) + "\n")
		for line := range strings.Lines(string(b.tags)) {
			if id, _, ok := strings.Cut(line, " "); ok {
				fmt.Fprintln(wanted, id)
			}
		}
		err := repo.Stream(ctx, wanted, func(r io.Reader) error {
			_, err := io.Copy(io.Discard, r) // the checksum, which the pack ends with too
			return err
		}, "pack-objects", "--revs", "--threads=1", "--delta-base-offset", "--missing=allow-promisor", "-q", filepath.Join(tmp, "made"))
		if err != nil {
			return err
		}
		if err := b.nameFiles(tmp); err != nil {
			return err
		}
		absent, err := readAbsent(ctx, repo, b.head.format)
		if err != nil {
			return err
		}
		facts, err := s.learn(ctx, repo, b.head, absent)
		if err != nil {
			return err
		}
		return writeSynced(filepath.Join(tmp, factsFile), encodeFacts(facts))
	})
}

// nameFiles gives the files that git wrote their names, readable and on disk.
func (b *box) nameFiles(dir string) error {
	for suffix, name := range map[string]string{".pack": packFile, ".idx": indexFile} {
		found, err := filepath.Glob(filepath.Join(dir, "made-*"+suffix))
		if err != nil || len(found) != 1 {
			return fmt.Errorf("cannot pack the history: git wrote %d files", len(found))
		}
		file := filepath.Join(dir, name)
		if err := os.Rename(found[0], file); err != nil {
			return err
		}
		if err := sync(file); err != nil {
			return err
		}
	}
	return nil
}

func sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// learn gives the facts of the head's files that the index needs. What is known
// from the pack before is not read again.
func (s shelf) learn(ctx context.Context, repo *git.Repo, h head, absent map[string]bool) ([]fact, error) {
	var facts, known []fact
	if old := s.previous(h.format); old != nil {
		known = old.facts
	}
	var fresh []string
	seen := map[string]bool{}
	for _, n := range h.nodes {
		if n.mode == modeModule || seen[n.id] || absent[n.id] {
			continue
		}
		seen[n.id] = true
		if f, ok := factOf(known, n.id); ok {
			facts = append(facts, f)
		} else {
			fresh = append(fresh, hex.EncodeToString([]byte(n.id)))
		}
	}
	err := repo.Objects(ctx, fresh, func(o git.Object) error {
		id, err := h.format.id(o.Name)
		if err != nil || o.Kind == "missing" {
			return err
		}
		sum := s.newSum(o.Size)
		_, err = io.Copy(sum, o)
		facts = append(facts, fact{id: id, size: uint64(o.Size), sum: sum.Sum()})
		return err
	})
	slices.SortFunc(facts, func(a, b fact) int { return strings.Compare(a.id, b.id) })
	return facts, err
}
