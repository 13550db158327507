package gitmeta

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCleanCheckout(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			dir := checkout(t, "--object-format="+format)
			staged := workspace(t, dir)
			box := build(t, options(t, dir, staged), staged)
			clean(t, box)
			equal(t, "HEAD", gitIn(t, box, "rev-parse", "HEAD"), gitIn(t, dir, "rev-parse", "HEAD"))
			equal(t, "log", gitIn(t, box, "log", "--format=%s%n%b"), "two\nwith a body\n\n")
			equal(t, "files", gitIn(t, box, "ls-files", "-s"), gitIn(t, dir, "ls-files", "-s"))
			equal(t, "branch", gitIn(t, box, "branch", "--show-current"), "main\n")
		})
	}
}

// What is not committed is what git shows, as a change of the working tree.
func TestChangesOfTheWorkingTree(t *testing.T) {
	dir := checkout(t)
	files(t, dir, map[string]string{
		"a.txt": "b\n", "new.txt": "n\n", "added.txt": "n\n", "link": "-> run.sh", "empty": "no more\n",
		"debug.log": "ignored\n", "node_modules/x/index.js": "ignored\n", "apps/api/main.js": "-> ../web/main.js",
	})
	gitIn(t, dir, "add", "added.txt", "a.txt")
	must(t, os.Remove(filepath.Join(dir, "apps.txt")))
	must(t, os.Chmod(filepath.Join(dir, "apps/web/main.js"), 0o755))
	staged := workspace(t, dir, "debug.log", "node_modules")
	box := build(t, options(t, dir, staged), staged)
	files(t, box, map[string]string{"debug.log": "of the box\n", "node_modules/y/index.js": "of the box\n"})
	equal(t, "status", gitIn(t, box, "-c", "core.quotepath=off", "status", "--porcelain"), strings.Join([]string{
		" M a.txt", " D apps.txt", " T apps/api/main.js", " M apps/web/main.js", " M empty", " M link", "?? added.txt", "?? new.txt", "",
	}, "\n"))
	equal(t, "diff", gitIn(t, box, "diff", "--stat=80", "--", "a.txt"), " a.txt | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n")
}

// An agent's working day: an edit that keeps the size is seen, and committed by
// an author who is known without any configuration.
func TestCommitInTheBox(t *testing.T) {
	dir := checkout(t)
	staged := workspace(t, dir)
	o := options(t, dir, staged)
	o.Home = realTemp(t)
	box := build(t, o, staged)
	files(t, box, map[string]string{"a.txt": "z\n"})
	equal(t, "status", gitIn(t, box, "status", "--porcelain"), " M a.txt\n")
	commit := func() string {
		out, err := plainGit(box, "commit", "-qam", "work")
		if err != nil {
			t.Fatal(out)
		}
		out, err = plainGit(box, "log", "-1", "--format=%an <%ae>")
		must(t, err)
		return out
	}
	equal(t, "author", commit(), "dev <dev@demo.invalid>\n")
	clean(t, box)
	equal(t, "parent", gitIn(t, box, "rev-parse", "HEAD~1"), gitIn(t, dir, "rev-parse", "HEAD"))
	files(t, o.Home, map[string]string{".gitconfig": "[user]\n\tname = Their Own\n\temail = t@own\n"})
	files(t, box, map[string]string{"new.txt": "z\n", "a.txt": "y\n"})
	equal(t, "author", commit(), "Their Own <t@own>\n")
	gitIn(t, box, "checkout", "-q", "-b", "other", "main~1")
	gitIn(t, box, "gc", "-q", "--prune=now")
	healthy(t, box)
}

// What sandwright.yaml asks for is configured, whatever is in its names and
// values, and no more.
func TestConfigurationThatIsAskedFor(t *testing.T) {
	dir := checkout(t)
	gitIn(t, dir, "remote", "add", "origin", "https://x:sesame@example.com/x.git")
	files(t, dir, map[string]string{".githooks/pre-commit": "#!/bin/sh\ntouch hooked\n"})
	must(t, os.Chmod(filepath.Join(dir, ".githooks/pre-commit"), 0o755))
	o := options(t, dir, workspace(t, dir))
	o.Config = map[string]string{
		"remote.origin.url": "https://example.com/app.git", "core.hooksPath": ".githooks",
		`url.a "b\c].insteadOf`: "x\t\"y\\ # z ;", "alias.st": "status",
	}
	box := realTemp(t)
	for _, f := range metadata(t, o).Files {
		lay(t, box, f)
	}
	for name, want := range o.Config {
		equal(t, name, gitIn(t, box, "config", "--local", "--get", name), want+"\n")
	}
	equal(t, "remotes", gitIn(t, box, "remote", "-v"), "origin\thttps://example.com/app.git (fetch)\norigin\thttps://example.com/app.git (push)\n")
}

// The box's repository has nothing of the host's but what is committed.
func TestNothingOfTheHost(t *testing.T) {
	dir := checkout(t)
	const token = "ghp_thisIsTheTokenOfTheHost"
	gitIn(t, dir, "remote", "add", "origin", "https://x:"+token+"@example.com/x.git")
	gitIn(t, dir, "config", "http.extraheader", "Authorization: "+token)
	gitIn(t, dir, "config", "user.name", token)
	gitIn(t, dir, "config", "core.fsmonitor", "touch "+token)
	gitIn(t, dir, "branch", token)
	gitIn(t, dir, "tag", "-m", "t", token)
	gitIn(t, dir, "stash", "store", "-m", token, "HEAD")
	gitIn(t, dir, "notes", "add", "-m", token)
	files(t, dir, map[string]string{
		".git/hooks/post-checkout": "#!/bin/sh\necho " + token, ".git/description": token, ".git/info/attributes": "* x=" + token,
		".git/info/exclude": "# " + token + "\n*.secret\n",
	})
	m := metadata(t, options(t, dir, workspace(t, dir)))
	box := realTemp(t)
	for _, f := range m.Files {
		lay(t, box, f)
		if data, err := os.ReadFile(filepath.Join(box, f.Path)); err == nil && strings.Contains(string(data), token) {
			t.Errorf("%s holds the token", f.Path)
		}
	}
	for _, name := range []string{"hooks", "logs", "refs/heads/trunk", "packed-refs", "description"} {
		if _, err := os.Lstat(filepath.Join(box, ".git", name)); err == nil {
			t.Errorf("there is .git/%s", name)
		}
	}
	equal(t, "remotes", gitIn(t, box, "remote"), "")
	equal(t, "ignored", gitIn(t, box, "check-ignore", "x.secret"), "x.secret\n")
	if out := gitIn(t, box, "count-objects", "-v"); !strings.Contains(out, "in-pack: 16\n") {
		t.Errorf("other objects than one commit's:\n%s", out)
	}
}

// bytesOf gives the contents of every file of the metadata.
func bytesOf(t *testing.T, m Metadata) map[string]string {
	t.Helper()
	dir, out := realTemp(t), map[string]string{}
	for _, f := range m.Files {
		lay(t, dir, f)
		data, err := os.ReadFile(filepath.Join(dir, f.Path))
		if err == nil {
			out[f.Path] = string(data)
		}
	}
	return out
}

func TestSameBytesFromAnyClone(t *testing.T) {
	origin := checkout(t)
	want := metadata(t, options(t, origin, workspace(t, origin)))
	wantBytes := bytesOf(t, want)
	for name, clone := range map[string]func(to string){
		"clone":      func(to string) { gitIn(t, "/", "clone", "-q", origin, to) },
		"shallow":    func(to string) { gitIn(t, "/", "clone", "-q", "--depth=1", "file://"+origin, to) },
		"worktree":   func(to string) { gitIn(t, origin, "worktree", "add", "-q", "--detach", to) },
		"branch":     func(to string) { gitIn(t, origin, "worktree", "add", "-q", "-b", "feature/x", to) },
		"wide umask": func(to string) { defer syscall.Umask(syscall.Umask(0)); gitIn(t, "/", "clone", "-q", origin, to) },
		"tight umask": func(to string) {
			defer syscall.Umask(syscall.Umask(0o077))
			gitIn(t, "/", "clone", "-q", origin, to)
		},
		"repacked": func(to string) {
			gitIn(t, "/", "clone", "-q", origin, to)
			gitIn(t, to, "repack", "-adfq", "--window=50", "--depth=50")
			gitIn(t, to, "update-index", "--index-version", "4")
		},
	} {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(realTemp(t), "some", "where")
			clone(to)
			staged := workspace(t, to)
			o := options(t, to, staged)
			got := metadata(t, o)
			equal(t, "digest", got.Digest(), want.Digest())
			if !maps.Equal(bytesOf(t, got), wantBytes) {
				t.Error("the bytes differ")
			}
			clean(t, build(t, o, staged))
		})
	}
}

// A pack that takes objects from the one before is the pack that is made anew.
func TestTheNextCommitTakesWhatIsThere(t *testing.T) {
	dir := checkout(t)
	o := options(t, dir, workspace(t, dir))
	metadata(t, o)
	files(t, dir, map[string]string{"apps/web/main.js": "web two\n", "more.txt": strings.Repeat("more\n", 1e5)})
	gitIn(t, dir, "add", ".")
	gitIn(t, dir, "commit", "-qm", "three")
	staged := workspace(t, dir)
	next := options(t, dir, staged)
	fresh := metadata(t, next)
	next.Store = o.Store
	taken := metadata(t, next)
	if !maps.Equal(bytesOf(t, fresh), bytesOf(t, taken)) {
		t.Error("the bytes differ")
	}
	clean(t, build(t, next, staged))
	// What was kept and broke is made again.
	for _, name := range []string{packFile, factsFile} {
		kept, err := filepath.Glob(filepath.Join(o.Store, "head-*", name))
		must(t, err)
		for _, p := range kept {
			data, err := os.ReadFile(p)
			must(t, err)
			data[len(data)/2] ^= 1
			must(t, os.WriteFile(p, data, 0o600))
		}
		files(t, dir, map[string]string{"more.txt": name})
		gitIn(t, dir, "commit", "-qam", "more")
		staged := workspace(t, dir)
		again := options(t, dir, staged)
		again.Store = o.Store
		clean(t, build(t, again, staged))
	}
}

func TestNoRepository(t *testing.T) {
	dir := realTemp(t)
	files(t, dir, map[string]string{"a": "a"})
	if m := metadata(t, options(t, dir, workspace(t, dir))); len(m.Files) != 0 {
		t.Errorf("outside git there is %v", m)
	}
	o := options(t, checkout(t), nil)
	o.Mode = None
	if m := metadata(t, o); len(m.Files) != 0 {
		t.Errorf("none is %v", m)
	}
}

func TestNoCommitYet(t *testing.T) {
	dir := realTemp(t)
	gitIn(t, dir, "init", "-q", "-b", "trunk")
	files(t, dir, map[string]string{"a": "a", ".gitignore": "*.log"})
	gitIn(t, dir, "add", "a")
	staged := workspace(t, dir)
	box := build(t, options(t, dir, staged), staged)
	equal(t, "status", gitIn(t, box, "status", "--porcelain"), "?? .gitignore\n?? a\n")
	gitIn(t, box, "add", ".")
	gitIn(t, box, "commit", "-qm", "first")
	clean(t, box)
}
