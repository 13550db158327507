package stage

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A memorial stages a folder with a memory and without, and knows what git was
// asked for.
type memorial struct {
	*dir
	opts Options
	log  string
}

func (d *dir) memorial() *memorial {
	d.t.Helper()
	d.t.Setenv("XDG_CONFIG_HOME", "")
	kept := d.t.TempDir()
	m := &memorial{d, Options{Cache: filepath.Join(kept, "cache"), Lists: filepath.Join(kept, "list")}, filepath.Join(kept, "asked")}
	git, err := exec.LookPath("git")
	d.check(err)
	d.file("../bin/git", fmt.Sprintf("#!/bin/sh\necho \"$*\" >> '%s'\nexec '%s' \"$@\"\n", m.log, git))
	d.check(os.Chmod(d.path("../bin/git"), 0o755))
	d.t.Setenv("PATH", d.path("../bin")+":"+os.Getenv("PATH"))
	return m
}

// seen stages once; walked says that git walked the folders for it, listed that
// it read the index.
func (m *memorial) seen(opts Options) (got []string, walked, listed bool) {
	m.t.Helper()
	m.check(os.WriteFile(m.log, nil, 0o600))
	tree, err := Inspect(m.t.Context(), m.root, opts)
	m.check(err)
	defer tree.Close()
	got = append(list(tree), lines(tree.Notices())...)
	if err := tree.Err(); err != nil {
		got = append(got, err.Error())
	} else {
		digest, err := tree.Digest(m.t.Context())
		m.check(err)
		got = append(got, digest)
	}
	asked, err := os.ReadFile(m.log)
	m.check(err)
	return got, bytes.Contains(asked, []byte("--others")), bytes.Contains(asked, []byte("--cached"))
}

// compare stages with a memory, which must be as without.
func (m *memorial) compare(when string) (walked, listed bool) {
	m.t.Helper()
	want, _, _ := m.seen(Options{Exclude: m.opts.Exclude})
	got, walked, listed := m.seen(m.opts)
	if diff := cmp.Diff(want, got); diff != "" {
		m.t.Errorf("%s: without a memory (-), and with it (+):\n%s", when, diff)
	}
	return walked, listed
}

// settle stages until a memory is there.
func (m *memorial) settle() {
	m.t.Helper()
	time.Sleep(2 * racyWindow)
	m.compare("at first")
	if walked, listed := m.compare("again"); walked || listed {
		m.t.Fatalf("git is asked again: for the folders %v, for the index %v", walked, listed)
	}
}

// afterwards stages once more when a memory can be made, and with it.
func (m *memorial) afterwards() {
	m.t.Helper()
	time.Sleep(2 * racyWindow)
	m.compare("later")
	m.compare("at last")
}

// monorepo has what git ignores, by rules in several places, what is untracked,
// and folders in which nothing is listed.
func monorepo(t *testing.T) *dir {
	d := checkout(t)
	d.file("p0/a.js", "a")
	d.file("p0/q/b.js", "b")
	d.file("p1/c.js", "c")
	d.file(".gitignore", "dist\n*.log\nnode_modules\n")
	d.file("p1/.gitignore", "out\n")
	d.commit()
	d.file("p0/dist/x", "")
	d.file("p0/node_modules/y/z.js", "")
	d.file("p1/out/x", "")
	d.file("p1/new/d.js", "untracked")
	d.file("p1/e.log", "")
	d.file("venv/.gitignore", "*\n")
	d.file("venv/lib/x.py", "")
	d.mkdir("hollow/deep")
	return d
}

// Git is not asked for what is as it was, and is for all that it depends on.
func TestMemory(t *testing.T) {
	global := func(d *dir) string { return os.Getenv("HOME") + "/.config/git/ignore" }
	for name, c := range map[string]struct {
		before, change func(d *dir)
		walked, listed bool // git must be asked
	}{
		"nothing":         {change: func(*dir) {}},
		"contents":        {change: func(d *dir) { d.file("p0/a.js", "other") }},
		"what is ignored": {change: func(d *dir) { d.file("p0/dist/more/y", ""); d.file("venv/lib/z.py", "") }},
		"mode":            {change: func(d *dir) { d.check(os.Chmod(d.path("p0/a.js"), 0o755)) }},
		"index refreshed": {change: func(d *dir) {
			d.check(os.Chtimes(d.path("p0/a.js"), time.Now(), time.Now()))
			d.git("update-index", "--refresh")
		}, listed: true},
		"edit committed":               {change: func(d *dir) { d.file("p0/a.js", "other"); d.git("commit", "-qam", "x") }, listed: true},
		"untracked file":               {change: func(d *dir) { d.file("p0/q/new", "") }, walked: true},
		"ignored file":                 {change: func(d *dir) { d.file("p0/q/new.log", "") }, walked: true},
		"file in a hollow folder":      {change: func(d *dir) { d.file("hollow/deep/x", "") }, walked: true},
		"file in an untracked folder":  {change: func(d *dir) { d.file("p1/new/e.js", "") }, walked: true},
		"untracked file gone":          {change: func(d *dir) { d.remove("p1/new/d.js") }, walked: true},
		"folder":                       {change: func(d *dir) { d.mkdir("p0/r") }, walked: true},
		"repository in a folder":       {change: func(d *dir) { d.git("init", "-q", d.path("p1/new")) }, walked: true},
		"added":                        {change: func(d *dir) { d.git("add", "p1/new/d.js") }, walked: true},
		"added though ignored":         {change: func(d *dir) { d.git("add", "-f", "p0/dist/x") }, walked: true},
		"no more tracked":              {change: func(d *dir) { d.git("rm", "-q", "--cached", "p0/a.js") }, walked: true},
		"no more tracked, and ignored": {change: func(d *dir) { d.file(".gitignore", "p0\n"); d.git("rm", "-qr", "--cached", "p0") }, walked: true},
		"rules":                        {change: func(d *dir) { d.file(".gitignore", "node_modules\n") }, walked: true},
		"rules of a folder":            {change: func(d *dir) { d.file("p1/.gitignore", "new\n") }, walked: true},
		"rules in a folder without":    {change: func(d *dir) { d.file("p1/new/.gitignore", "*.js\n") }, walked: true},
		"rules that ignore themselves": {change: func(d *dir) { d.file("venv/.gitignore", "lib\n") }, walked: true},
		"rules gone":                   {change: func(d *dir) { d.remove("p1/.gitignore") }, walked: true},
		"rules from the index": {
			before: func(d *dir) { d.git("update-index", "--skip-worktree", "p1/.gitignore"); d.remove("p1/.gitignore") },
			change: func(d *dir) {
				blob := d.path("../blob")
				d.check(os.WriteFile(blob, []byte("new\n"), 0o600))
				d.git("update-index", "--cacheinfo", "100644,"+strings.TrimSpace(d.git("hash-object", "-w", blob))+",p1/.gitignore")
				d.git("update-index", "--skip-worktree", "p1/.gitignore")
			}, walked: true,
		},
		"rules of the clone": {change: func(d *dir) { d.file(".git/info/exclude", "*.js\n") }, walked: true},
		"rules of the user":  {change: func(d *dir) { d.file("../h", ""); write(d, global(d), "*.js\n") }, walked: true},
		"other rules of the user": {
			before: func(d *dir) { write(d, global(d), "*.ts\n") }, change: func(d *dir) { write(d, global(d), "*.js\n") }, walked: true,
		},
		"core.excludesFile":         {change: func(d *dir) { d.file("../mine", "*.js\n"); d.git("config", "core.excludesFile", d.path("../mine")) }, walked: true},
		"core.excludesFile's rules": {before: func(d *dir) { write(d, os.Getenv("HOME")+"/mine", ""); d.git("config", "core.excludesFile", "~/mine") }, change: func(d *dir) { write(d, os.Getenv("HOME")+"/mine", "*.js\n") }, walked: true},
		"core.ignoreCase":           {change: func(d *dir) { d.git("config", "core.ignoreCase", "true"); d.file("p0/X.LOG", "") }, walked: true},
		"a folder for another":      {change: func(d *dir) { d.check(os.Rename(d.path("p1"), d.path("../p"))); d.file("p1/x", "") }, walked: true},
		"a folder is a link":        {change: func(d *dir) { d.check(os.Rename(d.path("p1"), d.path("../p"))); d.link("p1", "../p") }, walked: true},
		"fifo":                      {change: func(d *dir) { d.fifo("p0/q/fifo") }, walked: true},
		"fifo in a hollow folder":   {change: func(d *dir) { d.fifo("hollow/deep/fifo") }, walked: true},
		"fifo where all is ignored": {change: func(d *dir) { d.fifo("p0/dist/fifo") }},
		"another branch": {change: func(d *dir) {
			d.file("p2/x", "")
			d.git("checkout", "-qb", "b")
			d.commit()
			d.git("checkout", "-q", "main")
		}, walked: true},
		"rules of the index no more taken": {
			before: func(d *dir) { d.remove("p1/.gitignore") },
			change: func(d *dir) { d.git("update-index", "--skip-worktree", "p1/.gitignore") }, walked: true,
		},
		"rules of the index above what is staged": {
			before: func(d *dir) {
				d.git("update-index", "--skip-worktree", ".gitignore")
				d.remove(".gitignore")
				d.root = d.path("p1")
			},
			change: func(d *dir) {
				d.file("../../rules", "*.js\n")
				object := strings.TrimSpace(d.git("hash-object", "-w", d.path("../../rules")))
				d.git("update-index", "--cacheinfo", "100644,"+object+",.gitignore")
				d.git("update-index", "--skip-worktree", "../.gitignore")
			}, walked: true,
		},
		"the index is a link": {
			before: func(d *dir) {
				d.check(os.Rename(d.path(".git/index"), d.path("../index")))
				d.link(".git/index", d.path("../index"))
			},
			change: func(d *dir) { d.git("rm", "-q", "--cached", "p0/a.js") }, walked: true,
		},
		"no index":                    {change: func(d *dir) { d.remove(".git/index") }, walked: true},
		"an excluded folder":          {before: func(d *dir) { d.file(".dockerignore", "hidden\n"); d.file("hidden/a/b", "") }, change: func(d *dir) { d.file("hidden/a/.gitignore", "") }, walked: true},
		"the folder with the rule":    {change: func(d *dir) { d.check(os.Rename(d.path("venv"), d.path("v"))) }, walked: true},
		"attributes":                  {change: func(d *dir) { d.file("p0/.gitattributes", "*.js filter=lfs\n") }, walked: true},
		"the repository itself":       {change: func(d *dir) { d.remove(".git"); d.git("init", "-q"); d.git("add", "p0") }, walked: true},
		"no repository any more":      {change: func(d *dir) { d.remove(".git") }, walked: true},
		"the repository is broken":    {before: func(d *dir) { d.check(exec.Command("git", "init", "-q", d.parent).Run()) }, change: func(d *dir) { d.file(".git/HEAD", "nonsense\n") }, walked: true},
		"a rule above what is staged": {before: func(d *dir) { d.root = d.path("p1") }, change: func(d *dir) { d.file("../.gitignore", "*.js\n") }, walked: true},
		"a rule far above": {
			before: func(d *dir) { d.root = d.path("p0/q") }, change: func(d *dir) { d.file("../.gitignore", "*.js\n"); d.file("x.js", "") }, walked: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := monorepo(t).memorial()
			if c.before != nil {
				c.before(m.dir)
			}
			m.settle()
			c.change(m.dir)
			walked, listed := m.compare("after")
			if walked && !c.walked || listed && !c.walked && !c.listed || c.walked && !walked || c.listed && !listed {
				t.Errorf("git was asked for the folders %v, want %v; for the index %v, want %v", walked, c.walked, listed, c.listed)
			}
			m.afterwards()
		})
	}
}

func write(d *dir, path, text string) {
	d.t.Helper()
	d.check(os.MkdirAll(filepath.Dir(path), 0o755))
	d.check(os.WriteFile(path, []byte(text), 0o644))
}

// What is as it was but for the index is remembered with the new one.
func TestMemoryFollowsTheIndex(t *testing.T) {
	m := monorepo(t).memorial()
	m.settle()
	m.file("p0/a.js", "other")
	m.git("commit", "-qam", "x")
	m.settle()
}

// What a rule leaves out is remembered with the new index, too: the rule may go.
func TestMemoryFollowsTheIndexWithRules(t *testing.T) {
	d := monorepo(t)
	d.remove("p1/new")
	m := d.memorial()
	m.opts.Exclude = []string{"p0"}
	m.settle()
	m.file("p1/c.js", "other")
	m.git("commit", "-qam", "x")
	m.settle()
	m.opts.Exclude = nil
	m.compare("without the rule")
}

// A configuration that changes while git lists is not taken for the one that it listed by.
func TestMemoryOfAChangingConfiguration(t *testing.T) {
	m := monorepo(t).memorial()
	m.file("../mine", "*.js\n")
	real, err := exec.LookPath("git")
	m.check(err)
	m.file("../slow/git", fmt.Sprintf(`#!/bin/sh
case " $* " in
*" config "*) sleep 0.5; exec '%[1]s' "$@" ;;
*" --others "*) '%[1]s' "$@"; code=$?; '%[1]s' config core.excludesFile '%[2]s'; exit $code ;;
esac
exec '%[1]s' "$@"
`, real, m.path("../mine")))
	m.check(os.Chmod(m.path("../slow/git"), 0o755))
	time.Sleep(2 * racyWindow)
	fast := os.Getenv("PATH")
	t.Setenv("PATH", m.path("../slow")+":"+fast)
	m.seen(m.opts)
	t.Setenv("PATH", fast)
	m.compare("later")
}

// What may change without a change of its folder is never remembered.
func TestNotRemembered(t *testing.T) {
	for name, change := range map[string]func(d *dir){
		"a repository that is none yet": func(d *dir) { d.mkdir("p1/new/.git") },
		"a repository":                  func(d *dir) { d.git("init", "-q", d.path("p1/new")) },
		"a submodule": func(d *dir) {
			d.git("init", "-q", d.path("../sub"))
			d.check(exec.Command("git", "-C", d.path("../sub"), "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x", "--allow-empty").Run())
			d.git("submodule", "add", "-q", d.path("../sub"), "sub")
		},
		"a fifo": func(d *dir) { d.fifo("p1/fifo") },
		// Git's verdict on its owner is not in what it lists of it.
		"a repository without a configuration": func(d *dir) { d.file(".git/config", "") },
		"no git here":                          func(d *dir) { d.remove(".git") },
	} {
		t.Run(name, func(t *testing.T) {
			m := monorepo(t).memorial()
			change(m.dir)
			time.Sleep(2 * racyWindow)
			m.compare("at first")
			if walked, _ := m.compare("again"); !walked {
				t.Error("git was not asked again")
			}
		})
	}
}

// Where nothing can be remembered, what a rule leaves out is not looked through for that.
func TestExcludedFoldersAreLeftAlone(t *testing.T) {
	m := monorepo(t).memorial()
	m.remove("hollow")
	m.remove("p0/dist")
	m.remove("p0/node_modules")
	m.remove("p1/out")
	m.remove("venv")
	m.file("data/x/y", "")
	m.opts.Exclude = []string{"data"}
	asked := func() bool {
		m.compare("excluded")
		text, err := os.ReadFile(m.log)
		m.check(err)
		return bytes.Contains(text, []byte("check-ignore"))
	}
	time.Sleep(2 * racyWindow)
	if !asked() {
		t.Error("the excluded folder is not looked through, and could not be remembered")
	}
	m.git("init", "-q", m.path("p1/own"))
	if asked() {
		t.Error("the excluded folder is looked through for a memory that cannot be")
	}
}

// A tree that changes all the time is staged as without a memory.
func TestMemoryOfRandomChanges(t *testing.T) {
	m := monorepo(t).memorial()
	r := rand.New(rand.NewPCG(7, uint64(len(t.Name()))))
	folders := []string{".", "p0", "p0/q", "p1", "p1/new", "p1/out", "venv", "hollow/deep", "p0/dist", "p2", "p2/x/y"}
	names := []string{"a.js", "b.log", ".gitignore", "dist", "q", "out", ".gitattributes", "x"}
	rules := []string{"*.js\n", "q\n", "!a.js\n", "*\n", "/x\n", "out/\n", "p?\n", "\n"}
	of := func(list []string) string { return list[r.IntN(len(list))] }
	var done []string
	for i := range 120 {
		p := filepath.Join(of(folders), of(names))
		step := r.IntN(10)
		done = append(done, fmt.Sprint(step, " ", p))
		info, err := os.Lstat(m.path(p))
		switch {
		case step < 3 && (err != nil || info.Mode().IsRegular()):
			if os.MkdirAll(filepath.Dir(m.path(p)), 0o755) == nil {
				_ = os.WriteFile(m.path(p), []byte(of(rules)), 0o644)
			}
		case step == 3:
			_ = os.RemoveAll(m.path(p))
		case step == 4 && err != nil:
			_ = os.MkdirAll(m.path(p), 0o755)
		case step == 5:
			_ = os.Rename(m.path(p), m.path(filepath.Join(of(folders), of(names))))
		case step == 6:
			_ = exec.Command("git", "-C", m.root, "add", "-A", filepath.Dir(p)).Run()
		case step == 7:
			_ = exec.Command("git", "-C", m.root, "rm", "-rq", "--cached", filepath.Dir(p)).Run()
		case step == 8:
			_ = os.WriteFile(m.path(".git/info/exclude"), []byte(of(rules)), 0o644)
		case step == 9 && err != nil:
			_ = os.Symlink(of(folders), m.path(p))
		}
		if i%3 == 0 {
			time.Sleep(2 * racyWindow)
		}
		if m.compare("step " + fmt.Sprint(i)); t.Failed() {
			t.Fatalf("after:\n%s", strings.Join(done, "\n"))
		}
	}
}

// A memory that is damaged, cut or another one is no help, and no harm.
func TestBadMemory(t *testing.T) {
	m := monorepo(t).memorial()
	m.settle()
	good, err := os.ReadFile(m.opts.Lists)
	m.check(err)
	flipped := slices.Clone(good)
	flipped[len(flipped)/2] ^= 1
	for name, data := range map[string][]byte{"empty": {}, "cut": good[:len(good)-1], "half": good[:len(good)/2], "flipped": flipped, "noise": []byte(strings.Repeat("x", 1000))} {
		m.check(os.WriteFile(m.opts.Lists, data, 0o600))
		if walked, _ := m.compare(name); !walked {
			t.Errorf("%s: git was not asked", name)
		}
	}
	m.check(os.Remove(m.opts.Lists))
	m.check(os.Mkdir(m.opts.Lists, 0o755))
	if _, err := m.stage(m.opts).Digest(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot keep what was read") {
		t.Errorf("a memory that cannot be written: %v", err)
	}
}

func FuzzMemory(f *testing.F) {
	s := func(p string) sight { return sight{p, look{id: identity{dev: 1, ino: 2, size: 3, mtime: 4, ctime: 5}}} }
	m := &memory{outside: []sight{s("/index"), {path: "/none"}}, inside: []sight{s("."), s("a")}, tracked: []string{"a/b", "c"}, others: []string{"d"}}
	f.Add(m.bytes())
	f.Add((&memory{outside: []sight{{}}}).bytes())
	f.Add([]byte(memoryMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m := parseMemory(data); m != nil && !bytes.Equal(m.bytes(), data) {
			t.Errorf("%q is read as %q", data, m.bytes())
		}
	})
}
