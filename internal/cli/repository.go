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

// A repository is what git begins to say of the workspace's. One that the box
// does not get is asked all the same: what is committed is in it.
type repository struct {
	*gitmeta.Begun
	given bool
}

// beginGit asks git what does not depend on the tree.
func beginGit(ctx context.Context, p project) (repository, error) {
	file, mode := p.file, p.file.Git
	r := repository{given: mode != gitmeta.None}
	if !r.given {
		mode = gitmeta.Head
	}
	dir, err := filepath.EvalSymlinks(p.root())
	if err != nil {
		return r, err
	}
	r.Begun, err = gitmeta.Begin(ctx, gitmeta.Options{
		Dir: dir, Mode: mode, Store: repositoriesDir(dir),
		Author: gitmeta.Author{Name: file.User.Name, Email: file.User.Name + "@" + file.Name + ".invalid"},
		Home:   file.User.Home, Config: file.GitConfig,
		NewSum: func(size int64) gitmeta.Sum { return stage.NewSummer(size) },
	})
	return r, err
}

// askGit makes the .git of the box, as the file asks for it, and says what is
// staged as it was committed. A repository that cannot be asked, and that the box
// does not get, has nothing committed.
func askGit(ctx context.Context, t *stage.Tree, begun func() (repository, error)) (out asked, err error) {
	r, err := begun()
	if err == nil {
		var tree gitmeta.Tree
		if tree, err = stagedTree(ctx, t); err == nil {
			out.metadata, err = r.Make(ctx, tree)
			out.committed = out.metadata.Committed
		}
	}
	if !r.given {
		return asked{committed: out.committed}, nil
	}
	return out, err
}

// stagedTree is what is staged, by path.
func stagedTree(ctx context.Context, t *stage.Tree) (gitmeta.Tree, error) {
	contents, err := t.Contents(ctx)
	if err != nil {
		return gitmeta.Tree{}, err
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
	return gitmeta.Tree{
		Folder: func(p string) bool { k, ok := kind(p); return ok && k == stage.Dir },
		Staged: func(p string) (gitmeta.Staged, bool) {
			i, ok := places[p]
			if !ok || contents[i].Kind == stage.Dir {
				return gitmeta.Staged{}, false
			}
			c := contents[i]
			return gitmeta.Staged{
				Size: c.Size + int64(len(c.Target)), Sum: c.Sum,
				Open: func() (io.ReadCloser, error) { return t.Read(i) },
			}, true
		},
		Hidden: func(p string) bool {
			for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
				if k, ok := kind(dir); ok && k != stage.Dir {
					return false // something else is where its folder was
				}
			}
			return t.Holds(p)
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
