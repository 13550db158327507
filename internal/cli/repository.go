package cli

import (
	"context"
	"io"
	"path"
	"path/filepath"

	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/gitmeta"
	"github.com/sandwright/sandwright/internal/stage"
)

// An asked is what git said of the workspace's repository.
type asked struct {
	metadata  gitmeta.Metadata
	committed map[string]uint32 // see repository
}

// askGit reads the repository.
func askGit(ctx context.Context, b blueprint) (out asked, err error) {
	out.metadata, out.committed, err = repository(ctx, b)
	return out, err
}

// repository makes the .git of the box, as the file asks for it, and says what
// is staged as it was committed, with git's mode.
func repository(ctx context.Context, b blueprint) (gitmeta.Metadata, map[string]uint32, error) {
	o, err := repositoryOptions(ctx, b)
	if err != nil {
		return gitmeta.Metadata{}, nil, err
	}
	if o.Mode == gitmeta.None {
		return gitmeta.Metadata{}, committedOf(ctx, o), nil
	}
	m, err := gitmeta.Make(ctx, o)
	return m, m.Committed, err
}

func repositoryOptions(ctx context.Context, b blueprint) (gitmeta.Options, error) {
	file := b.project.file
	contents, err := b.tree.Contents(ctx)
	if err != nil {
		return gitmeta.Options{}, err
	}
	places := make(map[string]int, len(contents))
	for i, c := range contents {
		places[c.Path] = i
	}
	kind := func(p string) (k stage.Kind, ok bool) {
		i, ok := places[p]
		if ok {
			k = contents[i].Kind
		}
		return k, ok
	}
	return gitmeta.Options{
		Dir: b.tree.Root(), Mode: file.Git, Store: repositoriesDir(b.tree.Root()),
		Author: gitmeta.Author{Name: file.User.Name, Email: file.User.Name + "@" + file.Name + ".invalid"},
		Home:   file.User.Home, Config: file.GitConfig,
		NewSum: func(size int64) gitmeta.Sum { return stage.NewSummer(size) },
		Folder: func(p string) bool { k, ok := kind(p); return ok && k == stage.Dir },
		Staged: func(p string) (gitmeta.Staged, bool) {
			i, ok := places[p]
			if !ok || contents[i].Kind == stage.Dir {
				return gitmeta.Staged{}, false
			}
			c := contents[i]
			return gitmeta.Staged{
				Size: c.Size + int64(len(c.Target)), Sum: c.Sum,
				Open: func() (io.ReadCloser, error) { return b.tree.Read(i) },
			}, true
		},
		Hidden: func(p string) bool {
			for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
				if k, ok := kind(dir); ok && k != stage.Dir {
					return false // something else is where its folder was
				}
			}
			return b.tree.Holds(p)
		},
	}, nil
}

// repositoriesDir keeps what was made of one folder's commits.
func repositoriesDir(root string) string {
	return filepath.Join(home(), "git", folderID(root))
}

// made is the repository as the engine reads it.
func made(m gitmeta.Metadata, owner stage.Options) fsutil.FS {
	out := make([]stage.Made, len(m.Files))
	for i, f := range m.Files {
		out[i] = stage.Made{Path: f.Path, Size: f.Size, ID: f.ID, Open: f.Open}
	}
	return stage.MadeTree(out, owner)
}
