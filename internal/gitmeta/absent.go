package gitmeta

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"

	"github.com/sandwright/sandwright/internal/git"
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
	return sparse, repo.Stream(ctx, nil, func(r io.Reader) error {
		return git.Records(r, func(rec []byte) error {
			if p, ok := strings.CutPrefix(string(rec), "S "); ok {
				sparse[p] = true
			}
			return nil
		})
	}, "ls-files", "-z", "-t", "--cached")
}
