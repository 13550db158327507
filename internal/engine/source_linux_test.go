package engine

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/llbgen"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/source"
	"github.com/sandwright/sandwright/internal/stage"
)

// A checkout is a working tree whose sandbox is built again and again.
type checkout struct {
	t         *testing.T
	e         *Engine
	shop      *shop
	dir       string
	memory    string
	committed map[string]string // contents and mode, as sum
	packages  []string
	build     func(*plan.Plan, *source.Division) []*source.Part
}

func newCheckout(t *testing.T) *checkout {
	root := t.TempDir()
	e := open(t, root, io.Discard)
	return &checkout{
		t: t, e: e, shop: newShop(t, filepath.Join(root, "layout")), dir: t.TempDir(), memory: filepath.Join(t.TempDir(), "memory"),
		packages: []string{".", "apps/web", "packages/ui"},
	}
}

func (c *checkout) path(p string) string { return filepath.Join(c.dir, p) }

func (c *checkout) write(p, text string) {
	c.t.Helper()
	must(c.t, os.MkdirAll(filepath.Dir(c.path(p)), 0o755))
	must(c.t, os.WriteFile(c.path(p), []byte(text), 0o644))
}

// commit takes what is there for what is committed.
func (c *checkout) commit() {
	c.t.Helper()
	tree, err := stage.Open(c.t.Context(), c.dir, stage.Options{})
	must(c.t, err)
	defer tree.Close()
	c.committed = map[string]string{}
	contents, err := tree.Contents(c.t.Context())
	must(c.t, err)
	for _, e := range contents {
		c.committed[e.Path] = fmt.Sprint(e.Kind, e.Mode, e.Sum)
	}
}

// sandbox builds it, and gives its result and what stage itself says is in it.
func (c *checkout) sandbox() (Result, map[string]string) {
	c.t.Helper()
	tree, err := stage.Open(c.t.Context(), c.dir, stage.Options{UID: 1000, GID: 1000})
	must(c.t, err)
	defer tree.Close()
	contents, err := tree.Contents(c.t.Context())
	must(c.t, err)
	clean := map[string]uint32{}
	for _, e := range contents {
		if c.committed[e.Path] != fmt.Sprint(e.Kind, e.Mode, e.Sum) {
			continue
		}
		clean[e.Path] = 0o100000 | e.Mode
		if e.Kind == stage.Link {
			clean[e.Path] = 0o120000
		}
	}
	d, err := source.Divide(c.t.Context(), tree, source.Options{Packages: c.packages, Committed: clean, Store: c.shop.store, Memory: c.memory})
	must(c.t, err)
	p, l := c.shop.plan(c.t, map[string]string{"node": script("22")})
	p.Build, p.Source = nil, d.Layers()
	p.Installs[0].Steps[0].Args = []string{"/bin/sh", "-c", "mkdir -p node_modules; echo x > node_modules/x"}
	var parts []*source.Part
	if c.build != nil {
		parts = c.build(&p, d)
	}
	l.Source, err = d.Keep(c.t.Context(), c.shop.platform, parts...)
	must(c.t, err)
	def, err := llbgen.Lower(c.t.Context(), p, l)
	must(c.t, err)
	trees := d.Trees(parts...)
	trees[llbgen.Manifests], trees[llbgen.Git] = stage.Files(nil, stage.Options{}), stage.Files(nil, stage.Options{})
	res, err := c.e.Solve(c.t.Context(), Request{
		Image: "source", Definition: def, Trees: trees, Secrets: map[string][]byte{llbgen.SecretNPMRC: nil, llbgen.SecretCA: nil},
	})
	must(c.t, err)
	var buf bytes.Buffer
	must(c.t, tree.Tar(c.t.Context(), &buf))
	return res, tarred(c.t, &buf)
}

// check compares the workspace of the sandbox with what stage says.
func (c *checkout) check(what string) Result {
	c.t.Helper()
	res, want := c.sandbox()
	got := c.workspace(res)
	for p := range got {
		if p == "node_modules" || strings.HasPrefix(p, "node_modules/x") {
			delete(got, p)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("%s: the sandbox is not the tree (-want +got):\n%s", what, diff)
	}
	return res
}

// tarred says of each entry of a tar what it is.
func tarred(t *testing.T, r io.Reader) map[string]string {
	out := map[string]string{}
	tr := tar.NewReader(r)
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		must(t, err)
		data, err := io.ReadAll(tr)
		must(t, err)
		out[strings.TrimSuffix(hdr.Name, "/")] = describe(hdr.FileInfo().Mode(), data, hdr.Linkname, uint32(hdr.Uid))
	}
}

func describe(mode fs.FileMode, data []byte, target string, uid uint32) string {
	if mode.Type() != fs.ModeSymlink {
		target = fmt.Sprintf("%o", mode.Perm())
	}
	return fmt.Sprintf("%s %s %x of %d", mode.Type(), target, sha256.Sum256(data), uid)
}

// workspace says the same of the workspace of a result.
func (c *checkout) workspace(res Result) map[string]string {
	c.t.Helper()
	at := c.t.TempDir()
	must(c.t, unix.Mount("overlay", at, "overlay", unix.MS_RDONLY, "lowerdir="+strings.Join(res.Lower(), ":")))
	defer func() { must(c.t, unix.Unmount(at, 0)) }()
	root, out := filepath.Join(at, "home/dev/app"), map[string]string{}
	must(c.t, filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, p)
		if err != nil || rel == "." {
			return err
		}
		info, err := os.Lstat(p)
		must(c.t, err)
		var data []byte
		target := ""
		switch {
		case info.Mode().IsRegular():
			data, err = os.ReadFile(p)
		case info.Mode().Type() == fs.ModeSymlink:
			target, err = os.Readlink(p)
		}
		must(c.t, err)
		st, _ := info.Sys().(*syscall.Stat_t)
		out[rel] = describe(info.Mode(), data, target, st.Uid)
		return nil
	}))
	return out
}

func (c *checkout) link(target, p string) { must(c.t, os.Symlink(target, c.path(p))) }
func (c *checkout) remove(p string)       { must(c.t, os.RemoveAll(c.path(p))) }

// start is a tree with something of every kind.
func (c *checkout) start() {
	for _, p := range []string{"package.json", "README.md", "apps/web/main.ts", "apps/web/lib/a.ts", "packages/ui/index.ts", "packages/ui/src/b.ts"} {
		c.write(p, "is "+p)
	}
	c.link("../apps", "packages/link")
	c.commit()
}

// TestTheSandboxIsTheTree, after every kind of edit, over layers that were
// made before it.
func TestTheSandboxIsTheTree(t *testing.T) {
	c := newCheckout(t)
	c.start()
	c.check("clean")
	for _, edit := range []struct {
		name string
		do   func()
	}{
		{"an edit and a new file", func() { c.write("apps/web/main.ts", "new"); c.write("apps/web/deep/er/x", "x") }},
		{"a deletion", func() { c.remove("packages/ui/index.ts") }},
		{"a rename", func() { must(t, os.Rename(c.path("README.md"), c.path("READ.md"))) }},
		{"a mode", func() { must(t, os.Chmod(c.path("package.json"), 0o755)) }},
		{"a file becomes a folder", func() { c.remove("READ.md"); c.write("READ.md/in/it", "y") }},
		{"a folder becomes a file", func() { c.remove("packages/ui/src"); c.write("packages/ui/src", "z") }},
		{"a link leads elsewhere", func() { c.remove("packages/link"); c.link("ui", "packages/link") }},
		{"a file becomes a link", func() { c.remove("apps/web/lib/a.ts"); c.link("../main.ts", "apps/web/lib/a.ts") }},
		{"a link becomes a folder", func() { c.remove("packages/link"); c.write("packages/link/a", "a") }},
		{"a commit", c.commit},
		{"all is as at first", func() { c.remove("."); must(t, os.Mkdir(c.dir, 0o755)); c.start() }},
	} {
		edit.do()
		c.check(edit.name)
	}
}

// TestTheSandboxIsTheTreeAfterAnyEdits: a property, of random trees and edits.
func TestTheSandboxIsTheTreeAfterAnyEdits(t *testing.T) {
	c := newCheckout(t)
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 7))
		c.remove(".")
		must(t, os.Mkdir(c.dir, 0o755))
		c.start()
		for round := range 5 {
			for range 1 + r.IntN(12) {
				c.anyEdit(r)
			}
			if r.IntN(3) == 0 {
				c.commit()
			}
			c.check(fmt.Sprintf("seed %d, round %d", seed, round))
		}
	}
}

// anyEdit makes a file, folder or link of any of a few paths, or deletes it.
func (c *checkout) anyEdit(r *rand.Rand) {
	parts := []string{[]string{"apps/web", "packages/ui", "docs", "."}[r.IntN(4)]}
	for range 1 + r.IntN(2) {
		parts = append(parts, string(rune('a'+r.IntN(4))))
	}
	p := path.Join(parts...)
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) { // what is in the way goes
		if info, err := os.Lstat(c.path(dir)); err == nil && !info.IsDir() {
			c.remove(dir)
		}
	}
	must(c.t, os.MkdirAll(filepath.Dir(c.path(p)), 0o755))
	c.remove(p)
	switch r.IntN(5) {
	case 0:
	case 1:
		c.link("a", p)
	case 2:
		c.write(p+"/in", fmt.Sprint(r.IntN(3)))
	default:
		c.write(p, fmt.Sprint(r.IntN(3)))
		must(c.t, os.Chmod(c.path(p), []fs.FileMode{0o644, 0o755}[r.IntN(2)]))
	}
}

// TestStepsSeeTheirInputs, and run again for nothing else; what they leave is
// in the image, and in front of later steps that ask for it.
func TestStepsSeeTheirInputs(t *testing.T) {
	c := newCheckout(t)
	c.start()
	steps := []plan.Step{
		{Run: "found=$(find packages -type f | sort); echo \"$found\" > packages/ui/dist; test ! -e apps; test -e node_modules/x", Part: plan.Part{Inputs: []string{"packages/ui"}}, Outputs: []string{"packages/ui/dist"}},
		{Run: "cat main.ts > out; mkdir -p lib/sub; echo $SOURCE_DATE_EPOCH >> lib/sub/out; cat /proc/sys/kernel/hostname >> out", Dir: "apps/web", Part: plan.Part{Inputs: []string{"apps"}}},
		{Run: "cat packages/ui/dist apps/web/out > all", Part: plan.Part{Inputs: []string{"README.md", "packages/ui/dist"}}, Outputs: []string{"all"}, Sees: []int{0, 1}},
		{Run: "cat README.md >> all"},
	}
	c.build = func(p *plan.Plan, d *source.Division) (parts []*source.Part) {
		p.Build = slices.Clone(steps)
		for i := range p.Build {
			if s := &p.Build[i]; len(s.Inputs) > 0 {
				part, _, err := d.Part(fmt.Sprint("part ", i), s.Inputs)
				must(t, err)
				s.Source = part.Layers()
				parts = append(parts, part)
			}
		}
		return parts
	}
	ran := func(res Result) (out []int) {
		for i, s := range steps {
			if !cached(res, s.Name()) {
				out = append(out, i)
			}
		}
		return out
	}
	for _, round := range []struct {
		edit func()
		ran  []int
		all  string
	}{
		{func() {}, []int{0, 1, 2, 3}, "packages/ui/index.ts\npackages/ui/src/b.ts\nis apps/web/main.tssandwright\nis README.md"},
		{func() { c.write("package.json", "other") }, []int{3}, "packages/ui/index.ts\npackages/ui/src/b.ts\nis apps/web/main.tssandwright\nis README.md"},
		{func() { c.write("apps/web/main.ts", "new ") }, []int{1, 2, 3}, "packages/ui/index.ts\npackages/ui/src/b.ts\nnew sandwright\nis README.md"},
		{func() { c.remove("packages/ui/index.ts") }, []int{0, 2, 3}, "packages/ui/src/b.ts\nnew sandwright\nis README.md"},
		{c.commit, nil, "packages/ui/src/b.ts\nnew sandwright\nis README.md"},
	} {
		round.edit()
		res, _ := c.sandbox()
		if diff := cmp.Diff(round.ran, ran(res)); diff != "" {
			t.Errorf("steps that ran (-want +got):\n%s", diff)
		}
		all := ""
		for _, l := range res.Layers {
			if data, err := os.ReadFile(filepath.Join(l.Dir, "home/dev/app/all")); err == nil {
				all = string(data)
				break
			}
		}
		if diff := cmp.Diff(round.all, all); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
