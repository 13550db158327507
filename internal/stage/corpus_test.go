package stage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/config"
)

func moreHostileLinks() []hostile {
	out := func(p, target string) []string {
		return []string{p + ": it points to " + target + ", outside the project"}
	}
	long := strings.Repeat("a/../", 700) + "../outside/file"
	return []hostile{
		{name: "to the parent", build: func(d *dir) { d.link("x", "..") }, refused: out("x", "..")},
		{name: "to the parent, with a slash", build: func(d *dir) { d.link("x", "../") }, refused: out("x", "../")},
		{name: "own name, in a folder", build: func(d *dir) { d.file("a/f", ""); d.link("a/x", "../../repo/a/f") }, refused: out("a/x", "../../repo/a/f")},
		{name: "to its own checkout", build: func(d *dir) { d.link("x", "../repo") }, refused: out("x", "../repo")},
		{name: "longer name than the root's", build: func(d *dir) { d.link("a/x", "../../repo-evil") }, refused: out("a/x", "../../repo-evil")},
		{name: "own path with a dot", build: func(d *dir) { d.file("f", ""); d.link("x", d.path("f")[:len(d.parent)]+"/./repo/f") }, refused: out("x", "PARENT/./repo/f")},
		{name: "two slashes", build: func(d *dir) { d.link("x", "//etc/passwd") }, refused: out("x", "//etc/passwd")},
		{name: "descriptor", build: func(d *dir) { d.link("x", "/dev/fd/0") }, refused: out("x", "/dev/fd/0")},
		{name: "working folder of the process", build: func(d *dir) { d.link("x", "/proc/self/cwd/go.mod") }, refused: out("x", "/proc/self/cwd/go.mod")},
		{name: "device", build: func(d *dir) { d.link("x", "/dev/zero") }, refused: out("x", "/dev/zero")},
		{name: "absolute and dangling", build: func(d *dir) { d.link("x", "/no/where") }, refused: out("x", "/no/where")},
		{name: "long target", build: func(d *dir) { d.file("a/f", ""); d.link("x", long) }, refused: out("x", long)},
		{name: "folder link and a name below it", build: func(d *dir) { d.link("d", "../outside"); d.link("x", "d/file") },
			refused: []string{"d: it points to ../outside, outside the project", "x: it leads to d, which points to ../outside, outside the project"}},
		{name: "out of a folder link that stays", build: func(d *dir) { d.file("a/f", ""); d.link("b/l", "../a"); d.link("x", "b/l/../../outside/file") },
			refused: out("x", "b/l/../../outside/file")},
		{name: "chain of three folders", build: func(d *dir) {
			d.link("a/up", "..")
			d.link("b", "a/up")
			d.link("c", "b/../outside")
		}, refused: out("c", "b/../outside")},
		{name: "through an ignored link", build: func(d *dir) { d.file(".gitignore", "/i\n"); d.link("i", "/etc"); d.link("x", "i/passwd") },
			refused: []string{"x: it leads to i, which points to /etc, outside the project"}},
		{name: "through an ignored folder's link", build: func(d *dir) {
			d.file(".gitignore", "node_modules\n")
			d.link("node_modules/.bin/x", "../../../outside/file")
			d.link("tool", "node_modules/.bin/x")
		}, refused: []string{"tool: it leads to node_modules/.bin/x, which points to ../../../outside/file, outside the project"}},
		{name: "into git's own folder and out", build: func(d *dir) { d.link("x", ".git/../../outside/file") }, refused: out("x", ".git/../../outside/file")},
		{name: "link called as a folder was", build: func(d *dir) { d.file("a/b/f", ""); d.commit(); d.remove("a/b"); d.link("a/b", "../../outside/sub") },
			refused: out("a/b", "../../outside/sub")},
		{name: "a hundred links out", build: func(d *dir) {
			for i := range 100 {
				d.link(fmt.Sprintf("l%02d", i), "/etc")
			}
		}, refused: manyRefused(100)},
		{name: "name in a terminal's language", build: func(d *dir) { d.link("\x1b[2J", "/etc\x1b[2J") }, refused: []string{`"\x1b[2J": it points to "/etc\x1b[2J", outside the project`}},
	}
}

func manyRefused(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("l%02d: it points to /etc, outside the project", i))
	}
	return all
}

// chainOf makes n links, each of which points to the next, and the last to end.
func chainOf(d *dir, n int, end string) {
	for i := range n {
		next := fmt.Sprintf("c%02d", i+1)
		if i == n-1 {
			next = end
		}
		d.link(fmt.Sprintf("c%02d", i), next)
	}
}

func chainList(n int, file, end string) (all []string) {
	for i := range n {
		next := fmt.Sprintf("c%02d", i+1)
		if i == n-1 {
			next = end
		}
		all = append(all, fmt.Sprintf("c%02d -> %s", i, next))
	}
	return append(all, file)
}

func linkRuleTrees() []hostile {
	rules := func(r ...config.LinkRule) Options { return Options{Links: r} }
	allowed := func(p, target string) []string {
		return []string{"kept " + p + ": it points to " + target + ", outside the project, as a rule of links allows"}
	}
	return []hostile{
		{name: "forty links", build: func(d *dir) { d.file("f", ""); chainOf(d, 40, "f") }, want: chainList(40, "f", "f")},
		{name: "forty-one links", build: func(d *dir) { d.file("f", ""); chainOf(d, 41, "f") }, want: chainList(41, "f", "f"),
			notices: []string{"kept c00: it points to c01, which leads over more than 40 links, the most that the kernel follows"}},
		{name: "links that hang on a chain", build: func(d *dir) {
			d.file("d/f", "")
			chainOf(d, 41, "d")
			d.link("x", "c00/f")
			d.link("y", "c01/f")
			d.link("z", "c02/f")
		},
			want: append(chainList(41, "d/f", "d"), "x -> c00/f", "y -> c01/f", "z -> c02/f"), notices: []string{
				"kept c00: it points to c01, which leads over more than 40 links, the most that the kernel follows",
				"kept x: it points to c00/f, which leads over more than 40 links, the most that the kernel follows",
				"kept y: it points to c01/f, which leads over more than 40 links, the most that the kernel follows",
			}},
		{name: "an allowed link", opts: rules(config.LinkRule{Allow: "etc/*"}), build: func(d *dir) { d.link("etc/time", "/etc/localtime") },
			want: []string{"etc/time -> /etc/localtime"}, notices: allowed("etc/time", "/etc/localtime")},
		{name: "through an allowed link", opts: rules(config.LinkRule{Allow: "a"}), build: func(d *dir) { d.link("a", "/opt/a"); d.link("b", "a/x") },
			want: []string{"a -> /opt/a", "b -> a/x"}, notices: append(allowed("a", "/opt/a"), allowed("b", "a/x")...)},
		{name: "allowed, but not what it leads through", opts: rules(config.LinkRule{Allow: "b"}), build: func(d *dir) { d.link("a", "/opt/a"); d.link("b", "a/x") },
			refused: []string{"a: it points to /opt/a, outside the project", "b: it leads to a, which points to /opt/a, outside the project"}},
		{name: "a dropped link", opts: rules(config.LinkRule{Drop: "x"}), build: func(d *dir) { d.link("x", "/etc"); d.link("y", "x"); d.file("f", "") },
			want: []string{"f", "y -> x"}, notices: []string{"left out x: a rule of links drops it", "kept y: it points to x, which is not staged"}},
		{name: "a dropped link that stays", opts: rules(config.LinkRule{Drop: "**/x"}), build: func(d *dir) { d.file("f", ""); d.link("a/x", "../f") },
			want: []string{"f"}, notices: []string{"left out a/x: a rule of links drops it"}},
		{name: "a rewritten link", opts: rules(config.LinkRule{Rewrite: "x", To: "lib/f"}), build: func(d *dir) { d.file("lib/f", ""); d.link("x", "/usr/lib/f") },
			want: []string{"lib/f", "x -> lib/f"}},
		{name: "through a rewritten link", opts: rules(config.LinkRule{Rewrite: "x", To: "lib"}),
			build: func(d *dir) { d.file("lib/f", ""); d.link("x", "/usr/lib"); d.link("y", "x/f") }, want: []string{"lib/f", "x -> lib", "y -> x/f"}},
		{name: "rewritten to lead out", opts: rules(config.LinkRule{Rewrite: "x", To: "../outside"}), build: func(d *dir) { d.link("x", "f") },
			refused: []string{"x: it points to ../outside, outside the project"}},
		{name: "the last rule decides", opts: rules(config.LinkRule{Drop: "*"}, config.LinkRule{Allow: "b"}), build: func(d *dir) { d.link("a", "/a"); d.link("b", "/b") },
			want: []string{"b -> /b"}, notices: append([]string{"left out a: a rule of links drops it"}, allowed("b", "/b")...)},
		{name: "a rule is for links alone", opts: rules(config.LinkRule{Drop: "*"}), build: func(d *dir) { d.file("f", ""); d.file("a/f", "") }, want: []string{"a/f", "f"}},
		{name: "a pattern with special characters", opts: rules(config.LinkRule{Drop: `\[a\]\*`}), build: func(d *dir) { d.link("[a]*", "/etc"); d.file("f", "") },
			want: []string{"f"}, notices: []string{"left out [a]*: a rule of links drops it"}},
		{name: "an ignored hop is dropped", opts: rules(config.LinkRule{Drop: "i"}), build: func(d *dir) { d.file(".gitignore", "/i\n"); d.link("i", "/etc"); d.link("x", "i/passwd") },
			want: []string{".gitignore", "x -> i/passwd"}, notices: []string{"kept x: it points to i/passwd, which is not there"}},
	}
}

func gitStates() []hostile {
	return []hostile{
		{name: "intent to add", build: func(d *dir) { d.file("a", "x"); d.git("add", "-N", "a") }, want: []string{"a"}},
		{name: "intent to add, then removed", build: func(d *dir) { d.file("a", "x"); d.file("b", ""); d.git("add", "-N", "a"); d.remove("a") }, want: []string{"b"}},
		{name: "staged, then removed", build: func(d *dir) { d.file("a", "x"); d.file("b", ""); d.git("add", "."); d.remove("a") }, want: []string{"b"}},
		{name: "removed from the index alone", build: func(d *dir) { d.file("a", "x"); d.commit(); d.git("rm", "-q", "--cached", "a") }, want: []string{"a"}},
		{name: "removed from the index and ignored", build: func(d *dir) {
			d.file("a", "x")
			d.commit()
			d.git("rm", "-q", "--cached", "a")
			d.file(".gitignore", "a\n")
		}, want: []string{".gitignore"}},
		{name: "renamed on disk", build: func(d *dir) { d.file("a", "x"); d.commit(); d.check(os.Rename(d.path("a"), d.path("b"))) }, want: []string{"b"}},
		{name: "assume unchanged", build: func(d *dir) {
			d.file("a", "1")
			d.commit()
			d.git("update-index", "--assume-unchanged", "a")
			d.file("a", "2")
		}, want: []string{"a"}},
		{name: "skip worktree, there", build: func(d *dir) { d.file("a", "1"); d.commit(); d.git("update-index", "--skip-worktree", "a") }, want: []string{"a"}},
		{name: "skip worktree, gone", build: func(d *dir) {
			d.file("a", "1")
			d.file("b", "1")
			d.commit()
			d.git("update-index", "--skip-worktree", "a")
			d.remove("a")
		}, want: []string{"b"}},
		{name: "sparse index", build: func(d *dir) {
			for _, p := range []string{"a/f", "b/c/f", "b/d/f"} {
				d.file(p, "")
			}
			d.commit()
			d.git("sparse-checkout", "init", "--cone", "--sparse-index")
			d.git("sparse-checkout", "set", "a")
		}, want: []string{"a/f"}},
		{name: "a file in a sparse folder", build: func(d *dir) {
			d.file("a/f", "")
			d.file("b/f", "")
			d.commit()
			d.git("sparse-checkout", "set", "--cone", "a")
			d.file("b/new", "")
		}, want: []string{"a/f", "b/new"}},
		{name: "split index", build: func(d *dir) {
			d.file("a", "")
			d.commit()
			d.git("update-index", "--split-index")
			d.file("b", "")
			d.git("add", "b")
		}, want: []string{"a", "b"}},
		{name: "no index", build: func(d *dir) { d.file("a", ""); d.commit(); d.remove(".git/index") }, want: []string{"a"}},
		{name: "index of another version", build: func(d *dir) {
			d.file("a/b", "")
			d.file("a/c", "")
			d.commit()
			d.git("update-index", "--index-version", "4")
		}, want: []string{"a/b", "a/c"}},
		{name: "detached head", build: func(d *dir) { d.file("a", ""); d.commit(); d.git("checkout", "-q", "--detach") }, want: []string{"a"}},
		{name: "in the middle of a merge", build: func(d *dir) { d.file("a", ""); d.commit(); d.file(".git/MERGE_HEAD", d.git("rev-parse", "HEAD")) }, want: []string{"a"}},
		{name: "exclude of the repository", build: func(d *dir) { d.file(".git/info/exclude", "x\n"); d.file("x", ""); d.file("y", "") }, want: []string{"y"}},
		{name: "an exception below an ignored folder", build: func(d *dir) {
			d.file(".gitignore", "a/*\n!a/keep\n")
			d.file("a/keep", "")
			d.file("a/drop", "")
		}, want: []string{".gitignore", "a/keep"}},
		{name: "ignored by a folder below", build: func(d *dir) { d.file("a/.gitignore", "*\n!.gitignore\n"); d.file("a/b/c", ""); d.file("c", "") }, want: []string{"a/.gitignore", "c"}},
		{name: "symlinks are files", build: func(d *dir) {
			d.link("l", "f")
			d.file("f", "")
			d.commit()
			d.git("config", "core.symlinks", "false")
			d.remove("l")
			d.file("l", "f")
		}, want: []string{"f", "l"}},
		{name: "a gitlink without a repository", build: func(d *dir) {
			d.file("f", "")
			d.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",lib")
			d.mkdir("lib")
		}, want: []string{"f", "lib/"}, notices: []string{"left empty lib: the submodule is not checked out"}},
		{name: "a gitlink with a .git that is none", build: func(d *dir) {
			d.file("f", "")
			d.git("add", "f")
			d.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",lib")
			d.mkdir("lib/.git")
			d.file("lib/f", "")
		}, want: []string{"f", "lib/"}, notices: []string{"left empty lib: the submodule is not checked out"}},
		{name: "a gitlink that is a file", build: func(d *dir) {
			d.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",lib")
			d.file("lib", "")
		}, want: []string{"lib"}},
		{name: "folder became a file with an ignored one", build: func(d *dir) {
			d.file("a", "")
			d.commit()
			d.remove("a")
			d.file("a/x", "")
			d.file(".gitignore", "x\n")
		},
			want: []string{".gitignore"}},
	}
}

func hostileRepositories() []hostile {
	index := func(d *dir, p string) {
		blob := strings.TrimSpace(d.git("hash-object", "-w", "/dev/null"))
		d.git("-c", "core.protectNTFS=false", "update-index", "--add", "--cacheinfo", "100644,"+blob+","+p)
	}
	return []hostile{
		{name: "another work tree", build: func(d *dir) {
			d.file("f", "")
			d.commit()
			d.git("config", "core.worktree", filepath.Join(d.parent, "outside"))
		}, want: []string{"f"}},
		{name: "bare, it says", build: func(d *dir) { d.file("f", ""); d.commit(); d.git("config", "core.bare", "true") }, want: []string{"f"}},
		{name: "names from outside in the index", build: func(d *dir) { index(d, "outside/file"); d.file("f", ""); d.link("outside", "../outside") },
			refused: []string{"outside: it points to ../outside, outside the project"}},
		{name: "a repository file in a folder", build: func(d *dir) { d.file("f", ""); d.file("sub/.git", "gitdir: ../../outside\n"); d.file("sub/g", "") }, want: []string{"f", "sub/g"}},
		{name: "a bare repository in the tree", build: func(d *dir) {
			d.git("init", "-q", "--bare", "b")
			d.remove("b/hooks")
			d.remove("b/info")
			d.file("f", "")
		},
			want: []string{"b/HEAD", "b/config", "b/description", "f"}},
		{name: "case-odd git folder", build: func(d *dir) { d.file("a/.GIT/config", "x"); d.file("a/git", "") }, want: []string{"a/.GIT/config", "a/git"}},
		{name: "names like git's", build: func(d *dir) { d.file(".gitx", ""); d.file("x.git/f", ""); d.file(".github/f", "") }, want: []string{".github/f", ".gitx", "x.git/f"}},
		{name: "too long a name in the index", build: func(d *dir) { index(d, strings.Repeat("n", 300)); d.file("f", "") }, want: []string{"f"}},
		{name: "too long a path in the index", build: func(d *dir) { index(d, strings.Repeat("n/", 2500)+"f"); d.file("f", "") }, want: []string{"f"}},
		{name: "deep", build: func(d *dir) { d.file(strings.Repeat("d/", 500)+"f", ""); d.file("a", "") }, want: []string{"a", strings.Repeat("d/", 500) + "f"}},
		{name: "deep, with names after", build: func(d *dir) {
			for i := range 100 {
				d.file(strings.Repeat("d/", i+1)+"z", "")
			}
		}, want: deepList(100)},
	}
}

// deepList is a file in each of n nested folders, the deepest first.
func deepList(n int) (all []string) {
	for i := n; i > 0; i-- {
		all = append(all, strings.Repeat("d/", i)+"z")
	}
	return all
}

func ruleTrees() []hostile {
	abc := func(d *dir) {
		for _, p := range []string{"a/b/c.log", "a/b/d.txt", "a/e.log", "f.log", "g"} {
			d.file(p, "")
		}
	}
	ignore := func(text string) func(*dir) {
		return func(d *dir) { abc(d); d.file(".gitignore", ".dockerignore\n"); d.file(".dockerignore", text) }
	}
	return []hostile{
		{name: "dockerignore", build: ignore("# comment\n*.log\n\n/a/b\n.gitignore\n"), want: []string{"a/e.log", "g"}},
		{name: "dockerignore of any folder", build: ignore("**/*.log\n.git*\n"), want: []string{"a/b/d.txt", "g"}},
		{name: "dockerignore with exceptions", build: ignore("\xef\xbb\xbf**\n!a/b\n**/*.log\n!**/c.log\n"), want: []string{"a/b/c.log", "a/b/d.txt"}},
		{name: "exclude after dockerignore", opts: Options{Exclude: []string{"!f.log", "g"}}, build: ignore("**/*.log\n.git*"), want: []string{"a/b/d.txt", "f.log"}},
		{name: "exclude a folder", opts: Options{Exclude: []string{"/a/b/"}}, build: abc, want: []string{"a/e.log", "f.log", "g"}},
		{name: "exclude all", opts: Options{Exclude: []string{"*"}}, build: abc, want: []string{}, notices: []string{"staged nothing: git ignores every file here, or there is none"}},
		{name: "exclude by classes", opts: Options{Exclude: []string{"[a-f]*", "!a/?.log"}}, build: abc, want: []string{"a/e.log", "g"}},
		{name: "exclude a link that leaves", opts: Options{Exclude: []string{"x"}}, build: func(d *dir) { d.link("x", "/etc"); d.file("f", "") }, want: []string{"f"}},
		{name: "exclude a whiteout", opts: Options{Exclude: []string{"**/.wh.*"}}, build: func(d *dir) { d.file("a/.wh.x", ""); d.file("f", "") }, want: []string{"f"}},
		{name: "include what git ignores", opts: Options{Include: []string{"dist"}}, build: func(d *dir) {
			d.file(".gitignore", "dist\nother\n")
			d.file("dist/a/b", "")
			d.file("dist/c", "")
			d.file("other/x", "")
		}, want: []string{".gitignore", "dist/a/b", "dist/c"}},
		{name: "include some of it", opts: Options{Include: []string{"packages/*/dist/**/*.js", "!**/skip.js"}}, build: func(d *dir) {
			d.file(".gitignore", "dist\n")
			for _, p := range []string{"packages/a/dist/x.js", "packages/a/dist/x.map", "packages/b/dist/c/y.js", "packages/b/dist/skip.js", "dist/z.js"} {
				d.file(p, "")
			}
		}, want: []string{".gitignore", "packages/a/dist/x.js", "packages/b/dist/c/y.js"}},
		{name: "include wins over exclude", opts: Options{Exclude: []string{"a"}, Include: []string{"a/b"}}, build: abc, want: []string{"a/b/c.log", "a/b/d.txt", "f.log", "g"}},
		{name: "include cannot name git's folder", opts: Options{Include: []string{"**"}}, build: func(d *dir) {
			d.file("a", "")
			d.file(".git/secret", secret)
			d.file("s/.git/x", secret)
			d.file("s/y", "")
		},
			want: []string{"a", "s/y"}},
		{name: "include an ignored link that leaves", opts: Options{Include: []string{"i"}}, build: func(d *dir) { d.file(".gitignore", "i\n"); d.link("i", "../outside") },
			refused: []string{"i: it points to ../outside, outside the project"}},
		{name: "include through a link", opts: Options{Include: []string{"l/**"}}, build: func(d *dir) { d.file(".gitignore", "l\n"); d.link("l", "../outside"); d.file("f", "") },
			want: []string{".gitignore", "f"}},
	}
}

func outsideTrees() []hostile {
	return []hostile{
		{name: "outside git", plain: true, build: func(d *dir) { d.file("a/b", ""); d.file("c", ""); d.mkdir("empty") }, want: []string{"a/b", "c"}},
		{name: "outside git, ignored", plain: true, build: func(d *dir) {
			d.file(".gitignore", "x\n")
			d.file("x", "")
			d.file("a/x", "")
			d.file("a/.gitignore", "!x\n")
		},
			want: []string{".gitignore", "a/.gitignore", "a/x"}},
		{name: "outside git, dockerignore", plain: true, build: func(d *dir) { d.file(".dockerignore", "x\n.dockerignore\n"); d.file("x", ""); d.file("y", "") }, want: []string{"y"}},
		{name: "outside git, installed", plain: true, build: func(d *dir) { d.file("a/node_modules/x", ""); d.file("y", "") }, want: []string{"y"}},
		{name: "outside git, links", plain: true, build: func(d *dir) { d.link("x", "../outside"); d.link("y", "z") }, refused: []string{"x: it points to ../outside, outside the project"}},
		{name: "outside git, a repository inside", plain: true, build: func(d *dir) {
			d.git("init", "-q", "sub")
			d.file("sub/.gitignore", "x\n")
			d.file("sub/x", "")
			d.file("sub/y", "")
			d.file("z", "")
		}, want: []string{"sub/.gitignore", "sub/y", "z"}},
		{name: "outside git, whiteout", plain: true, build: func(d *dir) { d.file("a/.wh.x", "") }, refused: []string{"a/.wh.x: a name that starts with .wh. deletes files in an image"}},
	}
}

// lfsPointer is a pointer as git lfs writes it.
const lfsPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

func lfsTrees() []hostile {
	note := func(p string) []string {
		return []string{"kept " + p + ": it is a Git LFS pointer, not the file; run: git lfs pull"}
	}
	extended := strings.Replace(lfsPointer, "\noid", "\next-0-case sha256:"+strings.Repeat("0", 64)+"\noid", 1)
	return []hostile{
		{name: "LFS pointer", build: func(d *dir) { d.file("a.bin", lfsPointer) }, want: []string{"a.bin"}, notices: note("a.bin")},
		{name: "LFS pointer by attribute", build: func(d *dir) {
			d.file(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
			d.file("sub/a.bin", extended)
			d.file("sub/b.bin", strings.Repeat("really there ", 20))
			d.git("-c", "filter.lfs.clean=cat", "add", ".")
		}, want: []string{".gitattributes", "sub/a.bin", "sub/b.bin"}, notices: note("sub/a.bin")},
		{name: "not an LFS pointer", build: func(d *dir) {
			d.file("a", strings.Replace(lfsPointer, "version", "Version", 1))
			d.file("b", strings.Repeat("x", 130))
		},
			want: []string{"a", "b"}},
	}
}

func moreKinds() []hostile {
	attribute := func(d *dir, p, name string) { d.check(unix.Setxattr(d.path(p), name, []byte("x"), 0)) }
	return []hostile{
		{name: "extended attributes", build: func(d *dir) {
			d.file("a", "")
			d.file("b", "")
			attribute(d, "a", "user.a")
			attribute(d, "b", "user.b")
		},
			want: []string{"a", "b"}, notices: []string{"dropped extended attributes of 2 files, such as a"}},
		{name: "capabilities", build: func(d *dir) {
			d.file("ping", "")
			d.check(unix.Setxattr(d.path("ping"), "security.capability", []byte("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0))
		}, want: []string{"ping"}, notices: []string{"dropped capabilities of ping"}},
		{name: "all that is dropped", build: func(d *dir) {
			for i, mode := range []os.FileMode{os.ModeSetuid, os.ModeSetgid, os.ModeSticky} {
				d.file(fmt.Sprint(i), "")
				d.check(os.Chmod(d.path(fmt.Sprint(i)), 0o755|mode))
			}
			attribute(d, "1", "user.x")
		}, want: []string{"0*", "1*", "2*"}, notices: []string{"dropped setuid, setgid and sticky bits of 3 files, such as 0; extended attributes of 1"}},
		{name: "folders keep no bits", build: func(d *dir) { d.file("a/f", ""); d.check(os.Chmod(d.path("a"), 0o700|os.ModeSticky)) }, want: []string{"a/f"},
			notices: []string{"dropped setuid, setgid and sticky bits of a"}},
		{name: "bits of a folder and a file", build: func(d *dir) {
			d.file("a/f", "")
			d.check(os.Chmod(d.path("a"), 0o755|os.ModeSetgid))
			d.check(os.Chmod(d.path("a/f"), 0o644|os.ModeSetgid))
		}, want: []string{"a/f"}, notices: []string{"dropped setuid, setgid and sticky bits of 2 files and folders, such as a/f"}},
		{name: "extended attributes of a folder", build: func(d *dir) { d.file("a/f", ""); attribute(d, "a", "user.a") }, want: []string{"a/f"},
			notices: []string{"dropped extended attributes of a"}},
		{name: "hard link to outside", build: func(d *dir) { d.file("../shared", "mine too"); d.check(os.Link(d.path("../shared"), d.path("f"))) }, want: []string{"f"}},
		{name: "empty folders", build: func(d *dir) { d.mkdir("a/b"); d.file("f", "") }, want: []string{"f"}},
	}
}

func moreNames() []hostile {
	same := func(p, other string) string {
		return "kept " + p + ": it is the same as " + other + " where case or Unicode's forms do not count"
	}
	return []hostile{
		{name: "case", build: func(d *dir) { d.file("README", ""); d.file("readme", ""); d.file("a/x", ""); d.file("b/X", "") },
			want: []string{"README", "a/x", "b/X", "readme"}, notices: []string{same("readme", "README")}},
		{name: "case of a folder", build: func(d *dir) { d.file("Lib/x", ""); d.file("lib/x", "") }, want: []string{"Lib/x", "lib/x"}, notices: []string{same("lib", "Lib")}},
		{name: "composition", build: func(d *dir) { d.file("caf\u00e9", ""); d.file("cafe\u0301", "") }, want: []string{"cafe\u0301", "caf\u00e9"},
			notices: []string{same("caf\u00e9", "cafe\u0301")}},
		{name: "case and composition", build: func(d *dir) { d.file("CAF\u00c9", ""); d.file("cafe\u0301", "") }, want: []string{"CAF\u00c9", "cafe\u0301"},
			notices: []string{same("cafe\u0301", "CAF\u00c9")}},
		{name: "three of one name", build: func(d *dir) { d.file("a", ""); d.file("A", ""); d.link("\u212a", "a"); d.file("k", "") },
			want: []string{"A", "a", "k", "\u212a -> a"}, notices: []string{same("a", "A"), same("\u212a", "k")}},
		{name: "letters that fold into two", build: func(d *dir) {
			d.file("stra\u00dfe", "")
			d.file("STRASSE", "")
			d.file("\ufb01le", "")
			d.file("file", "")
		},
			want: []string{"STRASSE", "file", "stra\u00dfe", "\ufb01le"}, notices: []string{same("stra\u00dfe", "STRASSE"), same("\ufb01le", "file")}},
		{name: "letters of Turkish", build: func(d *dir) {
			d.file("i", "")
			d.file("I", "")
			d.file("\u0130", "")
			d.file("i\u0307", "")
			d.file("\u0131", "")
		},
			want: []string{"I", "i", "i\u0307", "\u0130", "\u0131"}, notices: []string{same("i", "I"), same("\u0130", "i\u0307"), same("\u0131", "I")}},
		{name: "whiteout of a link", build: func(d *dir) { d.file("f", ""); d.link(".wh.f", "f") }, refused: []string{".wh.f: a name that starts with .wh. deletes files in an image"}},
		{name: "whiteout that is gone", build: func(d *dir) { d.file(".wh.f", ""); d.commit(); d.remove(".wh.f"); d.file("g", "") }, want: []string{"g"}},
		{name: "like a whiteout", build: func(d *dir) { d.file(".who", ""); d.file("x.wh.y", "") }, want: []string{".who", "x.wh.y"}},
		{name: "every byte", build: everyByte, want: everyByteList()},
		{name: "dots", build: func(d *dir) { d.file("...", ""); d.file("..a", ""); d.file(". ", "") }, want: []string{`". "`, "...", "..a"}},
		{name: "names for a shell", build: func(d *dir) {
			d.file("$(touch x)", "")
			d.file("`id`", "")
			d.file("; rm -rf *", "")
			d.file("--help", "")
		},
			want: []string{`"$(touch x)"`, "--help", `"; rm -rf *"`, "`id`"}},
	}
}

func everyByte(d *dir) {
	for b := 1; b < 256; b++ {
		if !upper(b) && b != '/' {
			d.file("n"+string([]byte{byte(b)}), "")
		}
	}
}

func upper(b int) bool { return 'A' <= b && b <= 'Z' }

func everyByteList() (all []string) {
	for b := 1; b < 256; b++ {
		if !upper(b) && b != '/' {
			all = append(all, show("n"+string([]byte{byte(b)})))
		}
	}
	return all
}
