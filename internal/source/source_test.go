package source

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/gitmeta"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/stage"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A repo is a checkout with a store and a memory of its own.
type repo struct {
	t     *testing.T
	dir   string
	home  string
	exact bool
	packs []string
}

func newRepo(t *testing.T, files map[string]string) *repo {
	r := &repo{t: t, dir: t.TempDir(), home: t.TempDir(), packs: []string{".", "apps/web", "packages/ui"}}
	for p, text := range files {
		r.write(p, text)
	}
	r.git("init", "-q", "-b", "main")
	r.commit()
	return r
}

func (r *repo) write(p, text string) {
	r.t.Helper()
	must(r.t, os.MkdirAll(filepath.Dir(filepath.Join(r.dir, p)), 0o755))
	must(r.t, os.WriteFile(filepath.Join(r.dir, p), []byte(text), 0o644))
}

func (r *repo) git(args ...string) {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.dir, "-c", "user.name=a", "-c", "user.email=a@b"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("git %v: %v: %s", args, err, out)
	}
}

func (r *repo) commit() {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-qm", "x", "--allow-empty")
}

// divide divides the checkout as a build does.
func (r *repo) divide() *Division {
	r.t.Helper()
	tree, err := stage.Open(r.t.Context(), r.dir, stage.Options{})
	must(r.t, err)
	r.t.Cleanup(func() { tree.Close() })
	contents, err := tree.Contents(r.t.Context())
	must(r.t, err)
	at := map[string]int{}
	for i, c := range contents {
		at[c.Path] = i
	}
	meta, err := gitmeta.Make(r.t.Context(), gitmeta.Options{
		Dir: tree.Root(), Mode: gitmeta.Head, Store: filepath.Join(r.home, "git"),
		NewSum: func(size int64) gitmeta.Sum { return stage.NewSummer(size) },
		Tree: gitmeta.Tree{Folder: func(string) bool { return false }, Hidden: func(string) bool { return false },
			Staged: func(p string) (gitmeta.Staged, bool) {
				i, ok := at[p]
				if !ok {
					return gitmeta.Staged{}, false
				}
				return gitmeta.Staged{Size: contents[i].Size + int64(len(contents[i].Target)), Sum: contents[i].Sum,
					Open: func() (io.ReadCloser, error) { return tree.Read(i) }}, true
			}},
	})
	must(r.t, err)
	store, err := fetch.OpenStore(filepath.Join(r.home, "store"))
	must(r.t, err)
	d, err := Divide(r.t.Context(), tree, Options{
		Packages: r.packs, Committed: meta.Committed, Store: store, Memory: filepath.Join(r.home, "memory"), Exact: r.exact,
	})
	must(r.t, err)
	return d
}

// keep divides and keeps, and gives the layers.
func (r *repo) keep() []plan.SourceLayer {
	r.t.Helper()
	d := r.divide()
	_, err := d.Keep(r.t.Context(), "linux/amd64")
	must(r.t, err)
	return d.Layers()
}

func names(layers []plan.SourceLayer) (out []string) {
	for _, l := range layers {
		out = append(out, l.Name)
	}
	return out
}

// hotOf is what the hot layer brings and deletes.
func hotOf(d *Division) (brings, deletes []string) {
	for _, f := range d.hot.files {
		brings = append(brings, f.path)
	}
	return brings, d.hot.removed
}

func demo() map[string]string {
	return map[string]string{
		"package.json": "{}", "README.md": "read", "apps/web/main.ts": "main", "apps/web/lib/a.ts": "a",
		"packages/ui/index.ts": "index", "packages/ui/src/b.ts": "b", "tools/x.sh": "x",
	}
}

func TestACleanCheckoutHasNoHotLayer(t *testing.T) {
	r := newRepo(t, demo())
	if diff := cmp.Diff([]string{"apps/web", "packages/ui", "."}, names(r.keep())); diff != "" {
		t.Error(diff)
	}
}

// TestClonesAgree: another path, umask, store and time give the same layers,
// to the byte.
func TestClonesAgree(t *testing.T) {
	r := newRepo(t, demo())
	must(t, os.Symlink("../packages/ui", filepath.Join(r.dir, "apps/link")))
	must(t, os.Chmod(filepath.Join(r.dir, "tools/x.sh"), 0o755))
	r.commit()
	first := r.divide()
	refs, err := first.Keep(t.Context(), "linux/amd64")
	must(t, err)
	other := &repo{t: t, dir: filepath.Join(t.TempDir(), "elsewhere"), home: t.TempDir(), packs: r.packs}
	out, err := exec.Command("sh", "-c", "umask 077; git clone -q "+r.dir+" "+other.dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	second := other.divide()
	again, err := second.Keep(t.Context(), "linux/amd64")
	must(t, err)
	if diff := cmp.Diff(first.Layers(), second.Layers()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(refs, again); diff != "" {
		t.Error(diff)
	}
}

func TestWhatDiffersIsHot(t *testing.T) {
	for name, c := range map[string]struct {
		edit            func(r *repo)
		brings, deletes []string
		cold            int // layers that stay as they were
	}{
		"an edit":        {func(r *repo) { r.write("apps/web/main.ts", "other") }, []string{"apps/web/main.ts"}, nil, 3},
		"a new file":     {func(r *repo) { r.write("apps/web/new.ts", "new") }, []string{"apps/web/new.ts"}, nil, 3},
		"a mode":         {func(r *repo) { must(r.t, os.Chmod(filepath.Join(r.dir, "tools/x.sh"), 0o755)) }, []string{"tools/x.sh"}, nil, 3},
		"a deletion":     {func(r *repo) { r.remove("README.md") }, nil, []string{"README.md"}, 3},
		"a rename":       {func(r *repo) { r.rename("apps/web/main.ts", "apps/web/start.ts") }, []string{"apps/web/start.ts"}, []string{"apps/web/main.ts"}, 3},
		"staged only":    {func(r *repo) { r.write("README.md", "newer"); r.git("add", "-A") }, []string{"README.md"}, nil, 3},
		"file to folder": {func(r *repo) { r.remove("README.md"); r.write("README.md/a", "a") }, []string{"README.md/a"}, []string{"README.md"}, 3},
		"file to link": {func(r *repo) {
			r.remove("README.md")
			must(r.t, os.Symlink("package.json", filepath.Join(r.dir, "README.md")))
		}, []string{"README.md"}, []string{"README.md"}, 3},
		// A folder that goes may hold what an install made: its layer is made anew.
		"folder to file": {func(r *repo) { r.remove("packages/ui/src"); r.write("packages/ui/src", "file") }, []string{"packages/ui/src"}, nil, 2},
		"a folder":       {func(r *repo) { r.remove("packages/ui/src") }, nil, nil, 2},
		"a package":      {func(r *repo) { r.remove("packages/ui"); r.packs = []string{".", "apps/web"} }, nil, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t, demo())
			before := r.keep()
			c.edit(r)
			d := r.divide()
			brings, deletes := hotOf(d)
			if diff := cmp.Diff([][]string{c.brings, c.deletes}, [][]string{brings, deletes}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			same := 0
			for _, l := range d.Layers() {
				if slices.ContainsFunc(before, func(b plan.SourceLayer) bool { return b.Digest == l.Digest }) {
					same++
				}
			}
			if same != c.cold {
				t.Errorf("%d layers are as before, want %d", same, c.cold)
			}
		})
	}
}

func (r *repo) remove(p string) { r.t.Helper(); must(r.t, os.RemoveAll(filepath.Join(r.dir, p))) }

func (r *repo) rename(from, to string) {
	r.t.Helper()
	must(r.t, os.Rename(filepath.Join(r.dir, from), filepath.Join(r.dir, to)))
}

// TestACommitMakesNothingAnew, but for who asks for what depends on the commit
// alone.
// A file that grows by zeros, or loses some at its end, is another one.
func TestZerosAtTheEndAreHot(t *testing.T) {
	files := demo()
	files["apps/web/disk"] = strings.Repeat("\x00", 2<<20)
	r := newRepo(t, files)
	r.keep()
	for _, size := range []int{3 << 20, 2<<20 - 1, 0} {
		r.write("apps/web/disk", strings.Repeat("\x00", size))
		if brings, _ := hotOf(r.divide()); !slices.Equal(brings, []string{"apps/web/disk"}) {
			t.Errorf("%d bytes: the hot layer brings %v", size, brings)
		}
	}
}

func TestACommitMakesNothingAnew(t *testing.T) {
	r := newRepo(t, demo())
	r.keep()
	r.write("apps/web/main.ts", "other")
	edited := r.keep()
	r.commit()
	if diff := cmp.Diff(edited, r.keep()); diff != "" {
		t.Errorf("a commit changes:\n%s", diff)
	}
	r.exact = true
	exact := r.keep()
	if diff := cmp.Diff([]string{"apps/web", "packages/ui", "."}, names(exact)); diff != "" {
		t.Error(diff)
	}
	fresh := &repo{t: t, dir: r.dir, home: t.TempDir(), packs: r.packs}
	if diff := cmp.Diff(fresh.keep(), exact); diff != "" {
		t.Errorf("a build from a memory differs from one without:\n%s", diff)
	}
}

// TestMuchThatIsCommittedBecomesCold: the hot layer does not grow for ever.
func TestMuchThatIsCommittedBecomesCold(t *testing.T) {
	r := newRepo(t, demo())
	r.keep()
	r.write("packages/ui/big.bin", strings.Repeat("x", maxStaleBytes+1))
	r.write("README.md", "still dirty")
	brings, _ := hotOf(r.divide())
	if diff := cmp.Diff([]string{"README.md", "packages/ui/big.bin"}, brings); diff != "" {
		t.Error(diff)
	}
	r.git("add", "packages")
	r.git("commit", "-qm", "big")
	if brings, _ = hotOf(r.divide()); !slices.Equal(brings, []string{"README.md"}) {
		t.Errorf("hot is %q", brings)
	}
}

// TestAMemoryWithoutItsLayer is passed over: the tree could not make it.
func TestAMemoryWithoutItsLayer(t *testing.T) {
	r := newRepo(t, demo())
	r.keep()
	r.write("apps/web/main.ts", "other")
	must(t, os.RemoveAll(filepath.Join(r.home, "store")))
	d := r.divide()
	for _, l := range d.cold {
		if l.remembered {
			t.Errorf("%s is remembered", l.name)
		}
	}
	if _, err := d.Keep(t.Context(), "linux/amd64"); err != nil {
		t.Error(err)
	}
}

// TestWhatIsForgotten is in no layer any more, once it is edited.
func TestWhatIsForgotten(t *testing.T) {
	r := newRepo(t, demo())
	r.keep()
	r.write("apps/web/main.ts", "other")
	d := r.divide()
	held := func() bool {
		return slices.ContainsFunc(d.cold, func(l layer) bool {
			return slices.ContainsFunc(l.files, func(f file) bool { return f.path == "apps/web/main.ts" })
		})
	}
	if !held() {
		t.Error("an edit takes a file out of its layer")
	}
	must(t, d.Forget())
	must(t, d.Forget())
	if d = r.divide(); held() {
		t.Error("what was forgotten is in a layer")
	}
}

func TestWithoutARepositoryAllIsHot(t *testing.T) {
	r := newRepo(t, demo())
	r.remove(".git")
	layers := r.keep()
	if len(layers) != 1 || !layers[0].Hot || layers[0].Files != len(demo()) {
		t.Errorf("got %+v", layers)
	}
}

// TestAPart sees what its patterns match, and changes with nothing else.
func TestAPart(t *testing.T) {
	r := newRepo(t, demo())
	r.keep()
	part := func() []plan.SourceLayer {
		p, idle, err := r.divide().Part("part", []string{"packages/*", "apps/web/*.ts", "nothing"})
		must(t, err)
		if !slices.Equal(idle, []int{2}) {
			t.Errorf("idle are %v", idle)
		}
		return p.Layers()
	}
	before := part()
	if len(before) != 2 || before[0].Files != 1 || before[1].Files != 2 {
		t.Fatalf("got %+v", before)
	}
	r.write("README.md", "other")
	r.write("apps/web/lib/a.ts", "other")
	if diff := cmp.Diff(before, part()); diff != "" {
		t.Error(diff)
	}
	r.write("apps/web/main.ts", "other")
	after := part()
	if len(after) != 2 || after[0].Digest != before[1].Digest || !after[1].Hot || after[1].Files != 1 {
		t.Errorf("got %+v", after)
	}
}

// TestALayerHoldsWhatWasLookedAt: a file that changes between the look and the
// writing, without a trace or with one, is in no layer.
func TestALayerHoldsWhatWasLookedAt(t *testing.T) {
	r := newRepo(t, demo())
	d := r.divide()
	l := d.cold[0]
	l.files = slices.Clone(l.files)
	l.files[1].sum = strings.Repeat("x", 32)
	if err := d.write(t.Context(), io.Discard, l); !errors.Is(err, stage.ErrChanged) {
		t.Errorf("got %v", err)
	}
	l.files[1].sum, l.remembered = "", true
	if err := d.write(t.Context(), io.Discard, l); err == nil {
		t.Error("a remembered layer was made of another tree")
	}
}

// TestALayerIsRoots: owner and times are the engine's to set, for every user alike.
func TestALayerIsRoots(t *testing.T) {
	r := newRepo(t, demo())
	d := r.divide()
	var buf bytes.Buffer
	must(t, d.write(context.Background(), &buf, d.cold[0]))
	var got []string
	tr := tar.NewReader(&buf)
	for hdr, err := tr.Next(); err == nil; hdr, err = tr.Next() {
		got = append(got, hdr.Name)
		if hdr.Uid != 0 || hdr.Gid != 0 || hdr.ModTime.Unix() != 0 {
			t.Errorf("%s is of %d:%d, %s", hdr.Name, hdr.Uid, hdr.Gid, hdr.ModTime)
		}
	}
	if diff := cmp.Diff([]string{"apps/", "apps/web/", "apps/web/lib/", "apps/web/lib/a.ts", "apps/web/main.ts"}, got); diff != "" {
		t.Error(diff)
	}
}
