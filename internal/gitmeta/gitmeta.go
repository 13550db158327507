// Package gitmeta makes the .git of a box: a repository that holds the commit
// of the host's checkout, and nothing else of it: no remote, hook, credential
// or configuration but what sandwright.yaml asks for. Its bytes depend on that
// commit and on what is staged, not on the clone, its path or the time.
package gitmeta

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/git"
)

// What a box gets.
const (
	None = "none" // no repository
	Head = "head" // the one commit
	Full = "full" // its history too, as far as this clone has it
)

// Options say what is wanted.
type Options struct {
	Dir    string               // the staged folder: absolute, without a link in it
	Mode   string               // None, Head or Full
	Store  string               // folder where packs are kept between builds; of this project alone
	Author Author               // who commits in the box and has said nothing else
	Home   string               // of the box's user: what is configured there goes before Author
	Config map[string]string    // of the workspace's repository besides: section.key or section.subsection.key
	NewSum func(size int64) Sum // makes the sums that Staged has
	Tree                        // Begin does not ask for it
}

// A Tree is what is staged.
type Tree struct {
	Staged func(path string) (Staged, bool) // a file or link of the tree
	Folder func(path string) bool           // a folder of the tree
	// Hidden says of a path that is not staged that it is there all the same:
	// left out on purpose, not deleted.
	Hidden func(path string) bool
}

// A Sum is written contents, and gives what stands for them.
type Sum interface {
	io.Writer
	Sum() string
}

// An Author is a name and an address.
type Author struct{ Name, Email string }

// A File of a box's metadata, or an empty folder where Open is nil. ID is a
// hash of its contents.
type File struct {
	Path string // relative to the workspace
	Size int64
	ID   [sha256.Size]byte
	Open func() (io.ReadCloser, error)
}

// A Metadata is every repository of one box: of the workspace and of each
// submodule. Only the index of each depends on more than the commit.
type Metadata struct {
	Files   []File // sorted by path
	Notices []string
	// Committed is git's mode, such as 0100644, of each file and link of the tree
	// whose contents are those of the commit.
	Committed map[string]uint32
}

// Make reads the repository of the folder. Outside git, and for None, there is
// nothing in what it gives.
func Make(ctx context.Context, o Options) (Metadata, error) {
	b, err := Begin(ctx, o)
	if err != nil {
		return Metadata{}, err
	}
	return b.Make(ctx, o.Tree)
}

// A Begun knows what git says of the folder's repository, but for its
// submodules, whatever is staged.
type Begun struct {
	maker *maker // nil where there is nothing to make
	repo  *git.Repo
	top   box
}

// Begin asks git, before the tree is known.
func Begin(ctx context.Context, o Options) (*Begun, error) {
	if o.Mode == None {
		return &Begun{}, nil
	}
	repo, err := git.Find(o.Dir)
	if err != nil || repo == nil {
		return &Begun{}, err
	}
	m := &maker{Options: o, top: repo.Top, large: openLarge(o.Store)}
	top, err := m.ask(ctx, repo, box{git: ".git"})
	return &Begun{m, repo, top}, err
}

// Make makes the repository of a tree, once.
func (b *Begun) Make(ctx context.Context, t Tree) (Metadata, error) {
	m := b.maker
	if m == nil {
		return Metadata{}, nil
	}
	m.Tree, m.out.Committed = t, map[string]uint32{}
	if err := m.give(ctx, b.repo, b.top); err != nil {
		return Metadata{}, err
	}
	if err := m.large.save(); err != nil {
		return Metadata{}, err
	}
	slices.SortFunc(m.out.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return m.out, nil
}

// Digest is a hash of all that the box gets.
func (m Metadata) Digest() string {
	sum := sha256.New()
	for _, f := range m.Files {
		fmt.Fprintf(sum, "%q %d %x\n", f.Path, f.Size, f.ID)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// A maker collects the files of all repositories.
type maker struct {
	Options
	top   string
	large *large
	out   Metadata
}

// maxModules bounds how deep submodules nest.
const maxModules = 16

// ask says what the one that has its place in b is, of which no file is
// given yet.
func (m *maker) ask(ctx context.Context, repo *git.Repo, b box) (box, error) {
	dirs, h, sparse, err := m.read(ctx, repo)
	if err != nil {
		return b, err
	}
	b.head, b.branch = h, branch
	if b.exclude, err = dirs.excludes(); err != nil {
		return b, err
	}
	full := m.Mode == Full && h.commit != "" && !h.made
	if m.Mode == Full && h.made {
		m.notice("gave the box one commit: only a part of the repository is staged, and its history is of the whole")
	}
	if full {
		if err := b.readHistory(ctx, repo, dirs); err != nil {
			return b, err
		}
	}
	if h.commit == "" {
		return b, nil
	}
	b.sparse = sparse
	s := m.shelf(b.at)
	if b.head.nodes, err = s.nodes(h, func() ([]node, error) { return h.list(ctx, repo) }); err != nil {
		return b, err
	}
	if full {
		b.pack, err = s.history(ctx, repo, b)
	} else {
		b.pack, err = s.head(ctx, repo, b.head)
	}
	return b, err
}

// give adds the files of a repository that was asked for, and its submodules.
func (m *maker) give(ctx context.Context, repo *git.Repo, b box) error {
	if err := m.add(b); err != nil {
		return err
	}
	return m.modules(ctx, repo, b)
}

// read asks git for all that it has to say of a repository that is left as it
// is, side by side. What locate refuses goes before what others say of it.
func (m *maker) read(ctx context.Context, repo *git.Repo) (d dirs, h head, sparse map[string]bool, err error) {
	var group errgroup.Group
	var headErr error
	group.Go(func() (err error) {
		sparse, err = readSparse(ctx, repo)
		return err
	})
	group.Go(func() error {
		h, headErr = readHead(ctx, repo)
		return nil
	})
	d, err = locate(ctx, repo, m.top)
	sparseErr := group.Wait()
	return d, h, sparse, cmp.Or(err, headErr, sparseErr)
}

// modules adds each submodule that is checked out. As git does, it keeps their
// repositories in that of the one they are in.
func (m *maker) modules(ctx context.Context, repo *git.Repo, b box) error {
	for _, n := range b.head.nodes {
		if n.mode != modeModule {
			continue
		}
		at := path.Join(b.at, n.path)
		if !m.Folder(at) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(m.Dir, at, ".git")); err != nil {
			continue
		}
		inner := box{at: at, git: path.Join(b.git, "modules", n.path), depth: b.depth + 1}
		if inner.depth > maxModules {
			return fault.Cannot("give the box the repository of %q: submodules nest deeper than %d", at, maxModules)
		}
		module := repo.Module(n.path)
		inner, err := m.ask(ctx, module, inner)
		if err == nil {
			err = m.give(ctx, module, inner)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shelf is that of the repository with its place at a path of the workspace.
func (m *maker) shelf(at string) shelf {
	sum := sha256.Sum256([]byte(at))
	return shelf{dir: m.Store, name: m.Mode + "-" + hex.EncodeToString(sum[:4]), newSum: m.NewSum}
}

// add lists the files of one repository.
func (m *maker) add(b box) error {
	partial := b.partial()
	c := config{Author: m.Author, home: m.Home, format: b.head.format, worktree: b.worktree(), partial: partial}
	if b.at == "" {
		c.more = m.Config
	}
	files := b.files(c)
	for name, data := range files {
		m.out.Files = append(m.out.Files, inMemory(path.Join(b.git, name), data))
	}
	for _, folder := range []string{"objects/pack", "refs/tags"} {
		m.out.Files = append(m.out.Files, File{Path: path.Join(b.git, folder)})
	}
	if b.at != "" {
		m.out.Files = append(m.out.Files, inMemory(path.Join(b.at, ".git"), []byte("gitdir: "+b.linkToGit()+"\n")))
	}
	if b.pack != nil {
		m.out.Files = append(m.out.Files, b.pack.files(path.Join(b.git, "objects/pack"))...)
		index, err := m.index(b)
		if err != nil {
			return err
		}
		m.out.Files = append(m.out.Files, inMemory(path.Join(b.git, "index"), index))
	}
	if partial {
		m.out.Files = append(m.out.Files, inMemory(b.pack.name(path.Join(b.git, "objects/pack"))+".promisor", nil))
		m.notice("gave the box a repository without some of its objects: this clone is a partial one")
	}
	return nil
}

// index says of each entry whether the box has just what was committed.
func (m *maker) index(b box) ([]byte, error) {
	var failed error
	if len(m.out.Committed) == 0 {
		m.out.Committed = make(map[string]uint32, len(b.head.nodes))
	}
	data := indexOf(b.head, func(n node) stat {
		if n.mode == modeModule {
			return stat{}
		}
		p := n.path
		if b.at != "" {
			p = path.Join(b.at, p)
		}
		s, ok := m.Staged(p)
		if !ok {
			return stat{hidden: b.sparse[n.path] || m.Hidden(p)}
		}
		f, known := b.pack.fact(n.id)
		same := known && f.sum == s.Sum
		if known && !same && n.mode != modeLink {
			var err error
			same, err = m.large.stands(f, s, m.NewSum)
			failed = cmp.Or(failed, err)
		}
		if same {
			m.out.Committed[p] = n.mode
			return stat{size: uint32(s.Size)}
		}
		return stat{}
	})
	return data, failed
}

func (m *maker) notice(text string) {
	if !slices.Contains(m.out.Notices, text) {
		m.out.Notices = append(m.out.Notices, text)
	}
}

// errRepository is what a repository that reads from outside itself is refused
// with.
func errRepository(top, why string) error {
	return fault.Cannot("give the box the repository of %q: %s", top, why).
		WithHint("write git: none in sandwright.yaml")
}
