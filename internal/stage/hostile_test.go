package stage

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/fault"
)

// A hostile is one tree and everything that is expected of it. PARENT stands
// for the folder that holds the checkout.
type hostile struct {
	name    string
	opts    Options
	plain   bool // outside git
	build   func(d *dir)
	want    []string // what is staged
	refused []string // or the faults, each without "cannot stage "
	notices []string
}

func hostiles() []hostile {
	return slices.Concat(plainTrees(), hostileLinks(), moreHostileLinks(), harmlessLinks(), linkRuleTrees(), hostileKinds(), hostileNames(),
		moreKinds(), moreNames(), gitStates(), hostileRepositories(), ruleTrees(), outsideTrees(), lfsTrees())
}

func plainTrees() []hostile {
	return []hostile{
		{name: "files", build: func(d *dir) { d.file("a", "1"); d.file("b/c", "2") }, want: []string{"a", "b/c"}},
		{name: "empty", build: func(*dir) {}, want: []string{},
			notices: []string{"staged nothing: git ignores every file here, or there is none"}},
		{name: "ignored", build: func(d *dir) { d.file(".gitignore", "x\n"); d.file("x", "1"); d.file("y", "2") }, want: []string{".gitignore", "y"}},
		{name: "nested ignore", build: func(d *dir) { d.file("a/.gitignore", "x\n"); d.file("a/x", ""); d.file("x", "") }, want: []string{"a/.gitignore", "x"}},
		{name: "tracked though ignored", build: func(d *dir) {
			d.file("x", "1")
			d.commit()
			d.file(".gitignore", "x\n")
		}, want: []string{".gitignore", "x"}},
		{name: "deleted", build: func(d *dir) { d.file("a", ""); d.file("b", ""); d.commit(); d.remove("b") }, want: []string{"a"}},
		{name: "file became folder", build: func(d *dir) { d.file("a", ""); d.commit(); d.remove("a"); d.file("a/b", "") }, want: []string{"a/b"}},
		{name: "folder became file", build: func(d *dir) { d.file("a/b", ""); d.commit(); d.remove("a"); d.file("a", "") }, want: []string{"a"}},
		{name: "order by component", build: func(d *dir) { d.file("a/z", ""); d.file("a-b", ""); d.file("a.c", ""); d.file("a0", "") },
			want: []string{"a/z", "a-b", "a.c", "a0"}},
	}
}

func hostileLinks() []hostile {
	return []hostile{
		{name: "absolute", build: func(d *dir) { d.link("x", "/etc/passwd") }, refused: []string{"x: it points to /etc/passwd, outside the project"}},
		{name: "all at once", build: func(d *dir) { d.link("b", "/etc/shadow"); d.link("a/b", "../../outside"); d.link("c", "a/b") },
			refused: []string{
				"a/b: it points to ../../outside, outside the project",
				"b: it points to /etc/shadow, outside the project",
				"c: it leads to a/b, which points to ../../outside, outside the project",
			}},
		{name: "one up", build: func(d *dir) { d.link("x", "../outside/file") }, refused: []string{"x: it points to ../outside/file, outside the project"}},
		{name: "prefix look-alike", build: func(d *dir) { d.link("x", "../repo-evil/file") }, refused: []string{"x: it points to ../repo-evil/file, outside the project"}},
		{name: "out and back", build: func(d *dir) { d.file("f", ""); d.link("x", "../repo/f") }, refused: []string{"x: it points to ../repo/f, outside the project"}},
		{name: "own absolute path", build: func(d *dir) { d.file("f", ""); d.link("x", d.path("f")) }, refused: []string{"x: it points to PARENT/repo/f, outside the project"}},
		{name: "folder link", build: func(d *dir) { d.link("x", "../outside") }, refused: []string{"x: it points to ../outside, outside the project"}},
		{name: "deep climb", build: func(d *dir) { d.link("a/b/c/x", "../../../../outside/file") }, refused: []string{"a/b/c/x: it points to ../../../../outside/file, outside the project"}},
		{name: "climb within slashes", build: func(d *dir) { d.link("x", ".//.././/outside/") }, refused: []string{"x: it points to .//.././/outside/, outside the project"}},
		{name: "chain", build: func(d *dir) { d.link("a", "b"); d.link("b", "c"); d.link("c", "/etc") }, refused: []string{
			"a: it leads to c, which points to /etc, outside the project",
			"b: it leads to c, which points to /etc, outside the project",
			"c: it points to /etc, outside the project",
		}},
		{name: "climb through a folder link", build: func(d *dir) { d.file("a/b/f", ""); d.link("deep", "a/b"); d.link("x", "deep/../../../outside/file") },
			refused: []string{"x: it points to deep/../../../outside/file, outside the project"}},
		{name: "spelled inside, leads out", build: func(d *dir) { d.file("a/b/f", ""); d.link("a/b/top", "../.."); d.link("a/b/x", "top/../outside") },
			refused: []string{"a/b/x: it points to top/../outside, outside the project"}},
		{name: "through a missing name", build: func(d *dir) { d.link("x", "missing/../../outside/file") },
			refused: []string{"x: it points to missing/../../outside/file, outside the project"}},
		{name: "through a file", build: func(d *dir) { d.file("f", ""); d.link("x", "f/../../outside/file") },
			refused: []string{"x: it points to f/../../outside/file, outside the project"}},
		{name: "magic link", build: func(d *dir) { d.link("x", "/proc/self/root/etc/passwd") }, refused: []string{"x: it points to /proc/self/root/etc/passwd, outside the project"}},
		{name: "root of all", build: func(d *dir) { d.link("x", "/") }, refused: []string{"x: it points to /, outside the project"}},
		{name: "target in odd bytes", build: func(d *dir) { d.link("x", "/a b\n\xff") }, refused: []string{`x: it points to "/a b\n\xff", outside the project`}},
		{name: "tracked link", build: func(d *dir) { d.link("x", "/etc/passwd"); d.commit() }, refused: []string{"x: it points to /etc/passwd, outside the project"}},
		{name: "tracked folder became a link", build: func(d *dir) { d.file("a/file", "mine"); d.commit(); d.remove("a"); d.link("a", "../outside") },
			refused: []string{"a: it points to ../outside, outside the project"}},
		{name: "ignored folder link with tracked files", build: func(d *dir) {
			d.file("a/file", "mine")
			d.commit()
			d.remove("a")
			d.link("a", "../outside")
			d.file(".gitignore", "/a\n")
		}, want: []string{".gitignore"}},
		{name: "tracked deep folder became a link", build: func(d *dir) {
			d.file("a/sub/file", "mine")
			d.file("b", "")
			d.commit()
			d.remove("a")
			d.link("a", "../outside")
			d.file(".gitignore", "/a\n")
		}, want: []string{".gitignore", "b"}},
	}
}

func harmlessLinks() []hostile {
	return []hostile{
		{name: "inside", build: func(d *dir) { d.file("a/f", ""); d.link("b/x", "../a/f") }, want: []string{"a/f", "b/x -> ../a/f"}},
		{name: "byte for byte", build: func(d *dir) { d.file("a/f", ""); d.link("x", "./a//f") }, want: []string{"a/f", "x -> ./a//f"}},
		{name: "to the root", build: func(d *dir) { d.link("a/x", "..") }, want: []string{"a/x -> .."}},
		{name: "out of a folder and in", build: func(d *dir) { d.file("a/b/f", ""); d.link("l", "a/b"); d.link("x", "l/../b/f") },
			want: []string{"a/b/f", "l -> a/b", "x -> l/../b/f"}},
		{name: "dangling", build: func(d *dir) { d.link("x", "no/where") }, want: []string{"x -> no/where"},
			notices: []string{"kept x: it points to no/where, which is not there"}},
		{name: "to an ignored file", build: func(d *dir) { d.file(".gitignore", "f\n"); d.file("f", ""); d.link("x", "f") }, want: []string{".gitignore", "x -> f"},
			notices: []string{"kept x: it points to f, which is not staged"}},
		{name: "to git's own folder", build: func(d *dir) { d.file("a/f", ""); d.link("x", ".git"); d.link("a/y", "../.git/config") }, want: []string{"a/f", "a/y -> ../.git/config", "x -> .git"},
			notices: []string{"kept a/y: it points to ../.git/config, which is git's own, and is not staged", "kept x: it points to .git, which is git's own, and is not staged"}},
		{name: "to itself", build: func(d *dir) { d.link("x", "x") }, want: []string{"x -> x"},
			notices: []string{"kept x: it points to x, which leads round and round"}},
		{name: "round and round", build: func(d *dir) { d.link("a", "b"); d.link("b", "a/c") }, want: []string{"a -> b", "b -> a/c"},
			notices: []string{"kept a: it points to b, which leads round and round", "kept b: it points to a/c, which leads round and round"}},
		{name: "growing loop", build: func(d *dir) { d.link("x", "x/x/x/x") }, want: []string{"x -> x/x/x/x"},
			notices: []string{"kept x: it points to x/x/x/x, which leads round and round"}},
		{name: "back out of a file", build: func(d *dir) { d.file("f", ""); d.link("x", "f/.."); d.link("y", "f/../f") }, want: []string{"f", "x -> f/..", "y -> f/../f"},
			notices: []string{"kept x: it points to f/.., which is not there", "kept y: it points to f/../f, which is not there"}},
		{name: "into a file", build: func(d *dir) { d.file("f", ""); d.link("x", "f/") }, want: []string{"f", "x -> f/"},
			notices: []string{"kept x: it points to f/, which is not there"}},
	}
}

func hostileKinds() []hostile {
	return []hostile{
		{name: "untracked fifo", build: func(d *dir) { d.fifo("p"); d.file("a", "") }, want: []string{"a"},
			notices: []string{"left out p: it is a fifo"}},
		{name: "untracked socket and device below", build: func(d *dir) { d.file("a/f", ""); d.socket("a/s"); d.device("a/d") }, want: []string{"a/f"},
			notices: []string{"left out a/d: it is a device", "left out a/s: it is a socket"}},
		{name: "excluded fifo", build: func(d *dir) { d.fifo("p"); d.file(ignoreName, "p\n") }, want: []string{ignoreName}},
		{name: "folders of nothing but a fifo", build: func(d *dir) { d.mkdir("a/b/c"); d.fifo("a/b/p"); d.fifo("a/b/c/:(top)q"); d.file("f", "") },
			want: []string{"f"}, notices: []string{"left out a/b/c/:(top)q: it is a fifo", "left out a/b/p: it is a fifo"}},
		{name: "a fifo beside ignored files", build: func(d *dir) { d.file("a/.gitignore", "*\n!p\n"); d.file("a/b", ""); d.fifo("a/p"); d.file("f", "") },
			want: []string{"f"}, notices: []string{"left out a/p: it is a fifo"}},
		{name: "ignored fifos", build: func(d *dir) {
			d.file(".gitignore", "*.sock\n/a/\n")
			d.mkdir("a/b")
			d.mkdir("c")
			d.fifo("a/b/p")
			d.fifo("c/x.sock")
			d.fifo("y.sock")
		}, want: []string{".gitignore"}},
		{name: "ignored and included fifo", opts: Options{Include: []string{"a"}}, build: func(d *dir) { d.file(".gitignore", "/a/\n"); d.mkdir("a"); d.fifo("a/p") },
			want: []string{".gitignore"}, notices: []string{"left out a/p: it is a fifo"}},
		{name: "excluded folder of a fifo", build: func(d *dir) { d.mkdir("a/b"); d.fifo("a/b/p"); d.file(ignoreName, "a\n") }, want: []string{ignoreName}},
		{name: "fifo in a repository of its own", build: func(d *dir) { d.git("init", "-q", "sub"); d.fifo("sub/p"); d.file("f", "") },
			want: []string{"f"}, notices: []string{"left out sub: it is a repository of its own, and no submodule"}},
		{name: "fifo in folders outside git", build: func(d *dir) {
			d.remove(".git")
			d.mkdir("a/b")
			d.mkdir("node_modules/c")
			d.fifo("a/b/p")
			d.fifo("node_modules/c/p")
			d.file("f", "")
		}, want: []string{"f"}, notices: []string{"left out a/b/p: it is a fifo"}},
		{name: "fifo outside git", build: func(d *dir) { d.remove(".git"); d.fifo("p"); d.file("a", "") }, want: []string{"a"},
			notices: []string{"left out p: it is a fifo"}},
		{name: "tracked file became a fifo", build: func(d *dir) { d.file("p", ""); d.commit(); d.remove("p"); d.fifo("p") },
			want: []string{}, notices: []string{"left out p: it is a fifo"}},
		{name: "tracked file became a device", build: func(d *dir) { d.file("p", ""); d.commit(); d.remove("p"); d.device("p") },
			want: []string{}, notices: []string{"left out p: it is a device"}},
		{name: "tracked file became a socket", build: func(d *dir) { d.file("p", ""); d.commit(); d.remove("p"); d.socket("p") },
			want: []string{}, notices: []string{"left out p: it is a socket"}},
		{name: "another repository", build: func(d *dir) {
			d.file("sub/x", "")
			d.git("init", "-q", "sub")
			d.file("a", "")
		}, want: []string{"a"}, notices: []string{"left out sub: it is a repository of its own, and no submodule"}},
		{name: "nothing that is called .git, below a repository", build: func(d *dir) {
			d.file("sub/f", "")
			d.file("sub/g", "")
			d.file(".gitignore", "g\n")
			d.mkdir("sub/.git")
			d.commit()
			d.root = d.path("sub")
		}, want: []string{"f"}},
		{name: "git inside", build: func(d *dir) { d.file("a/.git/config", secret); d.file("a/f", "") }, want: []string{"a/f"}},
		{name: "hard links", build: func(d *dir) { d.file("a", "1"); d.check(os.Link(d.path("a"), d.path("b"))) }, want: []string{"a", "b"}},
		{name: "modes", build: func(d *dir) {
			for name, mode := range map[string]os.FileMode{"suid": 0o711 | os.ModeSetuid, "group": 0o010, "none": 0, "wide": 0o666} {
				d.file(name, "")
				d.check(os.Chmod(d.path(name), mode))
			}
		}, want: []string{"group", "none", "suid*", "wide"}, notices: []string{"dropped setuid, setgid and sticky bits of suid"}},
	}
}

func hostileNames() []hostile {
	return []hostile{
		{name: "whiteout", build: func(d *dir) { d.file("a/.wh.b", ""); d.file(".wh..wh..opq", "") }, refused: []string{
			".wh..wh..opq: a name that starts with .wh. deletes files in an image",
			"a/.wh.b: a name that starts with .wh. deletes files in an image",
		}},
		{name: "whiteout folder", build: func(d *dir) { d.file(".wh.a/b", "") }, refused: []string{".wh.a/b: a name that starts with .wh. deletes files in an image"}},
		{name: "odd bytes", build: func(d *dir) { d.file("\xff\xfe", ""); d.file("a b", ""); d.file("c\nd", ""); d.file("\x1b[31m", "") },
			want: []string{`"\x1b[31m"`, `"a b"`, `"c\nd"`, `"\xff\xfe"`}},
		{name: "git's own syntax", build: func(d *dir) { d.file(":(glob)x", ""); d.file("-z", ""); d.file("\"q\"", ""); d.file("tab\there", "") },
			want: []string{`"\"q\""`, "-z", ":(glob)x", `"tab\there"`}},
		{name: "refused in odd bytes", build: func(d *dir) { d.link("a\n\xff", "/etc") }, refused: []string{`"a\n\xff": it points to /etc, outside the project`}},
		{name: "backslash", build: func(d *dir) { d.file(`a\b`, "") }, want: []string{`"a\\b"`}},
		{name: "longest name", build: func(d *dir) { d.file(strings.Repeat("n", 255), "") }, want: []string{strings.Repeat("n", 255)}},
	}
}

func TestHostile(t *testing.T) {
	another := newDir(t).knownAlone()
	for _, h := range hostiles() {
		t.Run(h.name, func(t *testing.T) {
			d := newDir(t)
			if !h.plain {
				d.git("init", "-q", "-b", "main")
			}
			h.build(d)
			h.check(t, d, false)
			h.check(t, d, true)
			h.opts.Cache = another
			h.check(t, d, false)
		})
	}
	if n := len(hostiles()); n < 120 {
		t.Errorf("%d cases, want at least 120", n)
	}
}

func (h hostile) check(t *testing.T, d *dir, slow bool) {
	r, err := openRoot(d.root)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.slow = slow
	tree, err := inspect(context.Background(), r, h.opts)
	d.check(err)
	var refused []string
	for _, f := range fault.All(tree.Err()) {
		text := strings.ReplaceAll(f.Error(), d.parent, "PARENT")
		refused = append(refused, strings.TrimPrefix(text, "cannot stage "))
		if f.Hint == "" {
			t.Errorf("%s: it has no hint", text)
		}
	}
	if diff := cmp.Diff(h.refused, refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if len(refused) > 0 {
		return
	}
	if diff := cmp.Diff(h.want, list(tree)); diff != "" {
		t.Errorf("staged (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(h.notices, lines(tree.Notices())); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	readAll(t, tree)
}
