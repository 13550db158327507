package gitmeta

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // what a repository's objects are named by
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/git"
)

// Modes of a tree's entries, as git writes them.
const (
	modeTree   = 0o040000
	modeLink   = 0o120000
	modeModule = 0o160000
)

const (
	maxPath   = 4096     // PATH_MAX: nobody can check out a longer one
	maxCommit = 64 << 20 // bytes
)

// A format is how the objects of a repository are named: sha1 or sha256.
type format string

func (f format) new() hash.Hash {
	if f == "sha256" {
		return sha256.New()
	}
	return sha1.New() //nolint:gosec // see above
}

// formatOf is that of an object's name in hex.
func formatOf(name string) format {
	if len(name) == 2*sha256.Size {
		return "sha256"
	}
	return "sha1"
}

// name is the id of an object, as raw bytes.
func (f format) name(kind string, data []byte) string {
	h := f.new()
	fmt.Fprintf(h, "%s %d\x00", kind, len(data))
	h.Write(data)
	return string(h.Sum(nil))
}

// A node is one entry of the commit's tree, with its id as raw bytes.
type node struct {
	path string
	mode uint32
	id   string
}

// A head is the commit that a box begins with. A repository without a commit
// has a head without one.
type head struct {
	format format
	commit string // id; "" is none
	data   []byte // of the commit
	made   bool   // of our making: git does not have it
	grown  bool   // it has parents, which the box has not
	tree   string
	nodes  []node // in git's order: a folder stands before what is in it; see shelf.nodes
}

// readHead asks git for HEAD. Where a folder of the repository is staged and
// not the whole, the head is a commit of our making: HEAD's, without its
// parents and signature, of that folder.
func readHead(ctx context.Context, repo *git.Repo) (head, error) {
	commit, data, err := readCommit(ctx, repo)
	if err != nil {
		return head{}, err
	}
	if commit == "" {
		name, err := repo.Line(ctx, "rev-parse", "--show-object-format")
		return head{format: format(name)}, err
	}
	h := head{format: formatOf(commit), data: data}
	tree, _, _ := strings.Cut(strings.TrimPrefix(string(h.data), "tree "), "\n")
	if prefix := repo.Prefix(); prefix != "" {
		if tree, err = repo.Find(ctx, commit+":"+prefix); err != nil {
			return h, err
		}
		if tree == "" { // git knows no folder without a file
			tree = hex.EncodeToString([]byte(h.format.name("tree", nil)))
		}
		h.data, h.made = ofTree(h.data, tree), true
		commit = hex.EncodeToString([]byte(h.format.name("commit", h.data)))
	}
	h.grown = bytes.Contains(header(h.data), []byte("\nparent "))
	if h.tree, err = h.format.id(tree); err == nil {
		h.commit, err = h.format.id(commit)
	}
	return h, err
}

// readCommit gives the commit that is checked out, and its name in hex, which is
// "" where there is none.
func readCommit(ctx context.Context, repo *git.Repo) (name string, data []byte, err error) {
	err = repo.Objects(ctx, []string{"HEAD^{commit}"}, func(o git.Object) (err error) {
		switch {
		case o.Kind == "missing":
			return nil
		case o.Size > maxCommit:
			return fault.Cannot("use the repository's HEAD: its commit is larger than %d MB", maxCommit>>20)
		}
		name = o.ID
		data, err = io.ReadAll(o)
		return err
	})
	return name, data, err
}

// list reads every entry of the tree.
func (h *head) list(ctx context.Context, repo *git.Repo) (nodes []node, err error) {
	return nodes, repo.Stream(ctx, nil, func(r io.Reader) error {
		return git.Records(r, func(rec []byte) error {
			n, err := h.format.node(rec)
			nodes = append(nodes, n)
			return err
		})
	}, "ls-tree", "-r", "-t", "-z", "--full-tree", hex.EncodeToString([]byte(h.tree)))
}

// header is a commit up to its message.
func header(commit []byte) []byte {
	head, _, _ := bytes.Cut(commit, []byte("\n\n"))
	return head
}

// ofTree makes of a commit one of another tree, without what only held for the
// one it was.
func ofTree(commit []byte, tree string) []byte {
	head, message, _ := bytes.Cut(commit, []byte("\n\n"))
	out := []byte("tree " + tree + "\n")
	for line := range bytes.Lines(append(bytes.Clone(head), '\n')) {
		word, _, _ := bytes.Cut(line, []byte(" "))
		switch string(word) {
		case "author", "committer", "encoding":
			out = append(out, line...)
		}
	}
	return append(append(out, '\n'), message...)
}

// id reads an id in hex.
func (f format) id(text string) (string, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != f.new().Size() {
		return "", fault.Cannot("read git's answer: %q is not the name of an object", text)
	}
	return string(raw), nil
}

// node reads a record of ls-tree: mode, type, id, TAB, path.
func (f format) node(rec []byte) (node, error) {
	about, p, ok := strings.Cut(string(rec), "\t")
	octal, rest, _ := strings.Cut(about, " ")
	_, name, _ := strings.Cut(rest, " ")
	mode, err := strconv.ParseUint(octal, 8, 32)
	if err != nil || !ok {
		return node{}, fault.Cannot("read git's list: %q is not mode, type, object and path", rec)
	}
	n := node{path: p, mode: uint32(mode)}
	if p == "." || len(p) >= maxPath || !fs.ValidPath(strings.ToValidUTF8(p, "_")) || hasGit(p) {
		return n, fault.Cannot("use the repository's HEAD: %q is not a path that git would make", p).
			WithHint("run: git fsck")
	}
	n.id, err = f.id(name)
	if n.mode&0o170000 == 0o100000 { // old commits hold other bits than these
		n.mode = 0o100644 | n.mode&0o100 | n.mode&0o100>>3 | n.mode&0o100>>6
	}
	return n, err
}

// hasGit says that a component of a path is .git.
func hasGit(p string) bool {
	for ; p != "."; p = path.Dir(p) {
		if strings.EqualFold(path.Base(p), ".git") {
			return true
		}
	}
	return false
}
