package gitmeta

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/git"
	"github.com/sandwright/sandwright/internal/smallfile"
)

// readAbsent lists the objects of HEAD that a partial clone does not have.
// Asking for one of them would make git fetch it.
func readAbsent(ctx context.Context, repo *git.Repo, f format) (map[string]bool, error) {
	absent := map[string]bool{}
	_, err := repo.Output(ctx, "config", "--get-regexp", `^(extensions\.partialclone|remote\..*\.promisor)$`)
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() == 1 {
		return absent, nil // it is none
	}
	if err != nil {
		return nil, err
	}
	return absent, repo.Stream(ctx, nil, func(r io.Reader) error {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			name, ok := strings.CutPrefix(lines.Text(), "?")
			if !ok {
				continue
			}
			id, err := f.id(name)
			if err != nil {
				return err
			}
			absent[id] = true
		}
		return lines.Err()
	}, "rev-list", "--objects", "--no-walk", "--missing=print", "HEAD")
}

// readSparse lists the paths that git does not expect in the working tree.
func readSparse(ctx context.Context, repo *git.Repo) (map[string]bool, error) {
	sparse := map[string]bool{}
	if plainIndex(filepath.Join(repo.Top, ".git")) {
		return sparse, nil
	}
	return sparse, repo.Stream(ctx, nil, func(r io.Reader) error {
		return git.Records(r, func(rec []byte) error {
			if p, ok := strings.CutPrefix(string(rec), "S "); ok {
				sparse[p] = true
			}
			return nil
		})
	}, "ls-files", "-z", "-t", "--cached")
}

// plainIndex says that a repository's folder holds an index that cannot mark a
// path as not expected: the format of version 2 has no room for that, see
// gitformat-index(5), and the index is no difference to another.
func plainIndex(dir string) bool {
	f, err := smallfile.Open(filepath.Join(dir, "index"))
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 8)
	if _, err := io.ReadFull(f, head); err != nil || string(head) != "DIRC\x00\x00\x00\x02" {
		return false
	}
	names, err := os.ReadDir(dir)
	return err == nil && !slices.ContainsFunc(names, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "sharedindex.") })
}
