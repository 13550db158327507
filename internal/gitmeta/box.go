package gitmeta

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// branch is what the commit is checked out as. It is not the host's: the same
// commit makes the same box, from any branch or none.
const branch = "main"

// A box is one repository as the box gets it.
type box struct {
	at      string // path of its working tree in the workspace
	git     string // path of its folder
	depth   int    // of a submodule
	head    head
	branch  string
	exclude []byte
	shallow []byte // ids in hex, a line each: commits whose parents are not there
	tags    []byte // as packed-refs has them
	pack    *pack
	sparse  map[string]bool // paths that the host's checkout is without on purpose
}

// worktree is the way from a submodule's repository to its files.
func (b box) worktree() string {
	if b.at == "" {
		return ""
	}
	return relative(b.git, b.at)
}

func (b box) linkToGit() string { return relative(b.at, b.git) }

func relative(from, to string) string {
	rel, err := filepath.Rel(from, to)
	if err != nil {
		panic(err) // both are relative to the same folder
	}
	return filepath.ToSlash(rel)
}

// partial says that the clone lacks objects of the head.
func (b box) partial() bool {
	return b.pack != nil && slices.ContainsFunc(b.head.nodes, func(n node) bool {
		_, ok := b.pack.fact(n.id)
		return !ok && n.mode != modeModule
	})
}

// files are all but the objects and the index, below the repository's folder.
func (b box) files(c config) map[string][]byte {
	files := map[string][]byte{
		"HEAD":         []byte("ref: refs/heads/" + b.branch + "\n"),
		"config":       c.text(),
		"info/exclude": b.exclude,
	}
	if b.head.commit == "" {
		return files
	}
	commit := []byte(hex.EncodeToString([]byte(b.head.commit)) + "\n")
	files["refs/heads/"+b.branch] = commit
	if len(b.tags) > 0 {
		files["packed-refs"] = append([]byte("# pack-refs with: peeled fully-peeled sorted \n"), b.tags...)
	}
	if b.shallow == nil && b.head.grown {
		b.shallow = commit
	}
	if len(b.shallow) > 0 {
		files["shallow"] = b.shallow
	}
	return files
}

// files are the pack and its index, by their names in a repository.
func (p *pack) files(folder string) []File {
	name := p.name(folder)
	open := func(file string) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) { return os.Open(filepath.Join(p.dir, file)) }
	}
	id := sha256.Sum256(p.sum) // the checksum of a pack decides its index
	return []File{
		{Path: name + ".idx", Size: p.index, ID: id, Open: open(indexFile)},
		{Path: name + ".pack", Size: p.size, ID: id, Open: open(packFile)},
	}
}

// name is that of its files in a folder, without what they end in.
func (p *pack) name(folder string) string {
	return path.Join(folder, "pack-"+hex.EncodeToString(p.sum))
}

func inMemory(p string, data []byte) File {
	id := sha256.Sum256(data)
	return File{Path: p, Size: int64(len(data)), ID: id, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

// A config is what a repository's config says.
type config struct {
	Author
	home     string
	format   format
	worktree string
	partial  bool
	more     map[string]string
}

// text writes it. What the user of the box configures for all repositories is
// included last, so that it holds against the author that is here only so that
// somebody can commit.
func (c config) text() []byte {
	var b bytes.Buffer
	version := 0
	if c.format == "sha256" || c.partial {
		version = 1
	}
	fmt.Fprintf(&b, "[core]\n\trepositoryformatversion = %d\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n", version)
	// An inode or a change time of the box is not known before it is there.
	b.WriteString("\tcheckstat = minimal\n")
	if c.worktree != "" {
		fmt.Fprintf(&b, "\tworktree = %s\n", quote(c.worktree))
	}
	if version == 1 {
		b.WriteString("[extensions]\n")
	}
	if c.format == "sha256" {
		b.WriteString("\tobjectformat = sha256\n")
	}
	if c.partial { // what is missing is known to be missing
		b.WriteString("\tpartialclone = absent\n[remote \"absent\"]\n\tpromisor = true\n\tpartialclonefilter = blob:none\n")
	}
	fmt.Fprintf(&b, "[user]\n\tname = %s\n\temail = %s\n", quote(c.Name), quote(c.Email))
	for _, name := range slices.Sorted(maps.Keys(c.more)) {
		b.WriteString(variable(name, c.more[name]))
	}
	fmt.Fprintf(&b, "[include]\n\tpath = %s\n\tpath = %s\n", quote(c.home+"/.config/git/config"), quote(c.home+"/.gitconfig"))
	return b.Bytes()
}

// variable is one setting: section.key, or section.subsection.key.
func variable(name, value string) string {
	section, rest, _ := strings.Cut(name, ".")
	at := strings.LastIndexByte(rest, '.')
	if at < 0 {
		return fmt.Sprintf("[%s]\n\t%s = %s\n", section, rest, quote(value))
	}
	return fmt.Sprintf("[%s %s]\n\t%s = %s\n", section, quote(rest[:at]), rest[at+1:], quote(value))
}

// quote writes a value of git's configuration.
func quote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(value) + `"`
}
