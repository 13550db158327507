package leak

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/sandwright/sandwright/internal/redact"
	"github.com/sandwright/sandwright/internal/tokens"
)

// A File is one of a tree that is on its way into an image.
type File struct {
	Path string
	Sum  string // stands for its contents, 16 bytes or more; empty of a folder
}

// A Suspect is a file that holds a secret or looks as if it did.
type Suspect struct {
	Path     string // of the tree, as it is
	Shown    string // without the secrets in it
	Variable string // the secret that it holds; empty: it only looks like one
	What     string // what it looks like, such as: a token of GitHub
	Line     int    // where; 0 is everywhere
}

// A Tree looks for secrets in the files of a tree.
type Tree struct {
	set     *redact.Set
	formats *tokens.Formats
	memory  *memory
}

// NewTree makes a Tree for values, each by its variable's name. What it finds
// out is kept in a file of dir for each name, so that contents are read once.
func NewTree(values map[string]string, dir, name string) (*Tree, error) {
	t := &Tree{set: redact.New(values), formats: tokens.NewFormats()}
	var err error
	t.memory, err = openMemory(dir, name, values)
	return t, err
}

// Secrets are those that are looked for; nil where there are none.
func (t *Tree) Secrets() *redact.Set { return t.set }

// Look gives every suspect, by the order of the files. It opens the files, by
// their places, whose contents were not looked into since the secrets are what
// they are.
func (t *Tree) Look(ctx context.Context, files []File, open func(place int) (io.ReadCloser, error)) ([]Suspect, error) {
	todo := t.memory.unknown(files)
	known, err := t.read(ctx, files, todo, open)
	if err != nil {
		return nil, err
	}
	if err := t.memory.save(files); err != nil {
		return nil, err
	}
	var out []Suspect
	for i, f := range files {
		if name := t.holds(f.Path, known[i]); name != "" || f.Sum != "" {
			out = append(out, t.suspects(f.Path, name, t.memory.suspects[f.Sum])...)
		}
	}
	return out, nil
}

// An interruptible file ends with its context.
type interruptible struct {
	ctx context.Context
	io.ReadCloser
}

func (i interruptible) Read(b []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.ReadCloser.Read(b)
}

// Again looks into one file whose contents are others than Look knew.
func (t *Tree) Again(path string, contents io.Reader) ([]Suspect, error) {
	name, found, err := t.file(io.NopCloser(contents))
	if err != nil {
		return nil, err
	}
	return t.suspects(path, t.holds(path, name), found), nil
}

// suspects is what is said of one file: that it holds a secret, or else all that
// looks like one.
func (t *Tree) suspects(path, holds string, found []tokens.Finding) (out []Suspect) {
	if holds != "" {
		return []Suspect{{Path: path, Shown: t.set.Text(path), Variable: holds}}
	}
	if what := tokens.Named(path); what != "" {
		out = append(out, Suspect{Path: path, Shown: path, What: what})
	}
	for _, one := range found {
		out = append(out, Suspect{Path: path, Shown: path, What: one.What, Line: one.Line})
	}
	return out
}

// holds gives the secret that stands in a file's name, or in its contents.
func (t *Tree) holds(path, inContents string) string {
	if name, ok := t.set.Holds([]byte(path)); ok {
		return name
	}
	return inContents
}

// read looks into files, several at a time. It gives the secrets that they hold.
func (t *Tree) read(ctx context.Context, files []File, todo []int, open func(int) (io.ReadCloser, error)) (map[int]string, error) {
	workers := min(4, max(2, runtime.NumCPU()), len(todo))
	type answer struct {
		place int
		name  string
		found []tokens.Finding
	}
	answers := make([][]answer, workers)
	group, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		group.Go(func() error {
			for n := w; n < len(todo) && ctx.Err() == nil; n += workers {
				r, err := open(todo[n])
				if err != nil {
					return err
				}
				name, found, err := t.file(interruptible{ctx, r})
				if err != nil {
					return err
				}
				answers[w] = append(answers[w], answer{todo[n], name, found})
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	holds, bad := map[int]string{}, map[string]string{}
	for _, a := range slices.Concat(answers...) {
		if a.name != "" {
			bad[files[a.place].Sum] = a.name
		} else {
			t.memory.learn(files[a.place].Sum, a.found)
		}
	}
	for i, f := range files {
		if name := bad[f.Sum]; name != "" {
			holds[i] = name
		}
	}
	return holds, nil
}

// file looks into one file, for both at once, and closes it.
func (t *Tree) file(r io.ReadCloser) (name string, found []tokens.Finding, err error) {
	defer func() { err = errors.Join(err, r.Close()) }()
	scanner := t.formats.Scanner()
	name, _, err = t.set.Scan(io.TeeReader(r, scanner))
	if err == nil && name == "" { // without secrets Scan reads nothing
		_, err = io.Copy(scanner, r)
	}
	return name, scanner.Findings, errors.Join(err, scanner.Close())
}

// treeID stands for the contents of all files.
func treeID(files []File) string {
	h := sha256.New()
	var all strings.Builder
	for _, f := range files {
		all.WriteString(f.Sum)
		if all.Len() > 1<<15 {
			io.WriteString(h, all.String())
			all.Reset()
		}
	}
	io.WriteString(h, all.String())
	return string(h.Sum(nil))
}
