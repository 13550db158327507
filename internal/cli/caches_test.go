package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/buildcache"
	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/plan"
)

func noCI(t *testing.T) {
	for _, name := range []string{"CI", "GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "BUILDKITE_BRANCH"} {
		t.Setenv(name, "")
	}
}

func blueprintIn(dir string, c config.Cache) blueprint {
	return blueprint{project: project{dir: dir, file: &config.File{Name: "demo", Cache: c}}, plan: plan.Plan{Platform: "linux/amd64"}}
}

func gitIn(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

func TestScopeOf(t *testing.T) {
	noCI(t)
	origin, dir := t.TempDir(), filepath.Join(t.TempDir(), "clone")
	want := buildcache.Scope{Project: "demo", Platform: "linux/amd64", Default: "main"}
	check := func(dir string) {
		t.Helper()
		if diff := cmp.Diff(want, scopeOf(t.Context(), blueprintIn(dir, config.Cache{}))); diff != "" {
			t.Error(diff)
		}
	}
	check(t.TempDir()) // no repository
	gitIn(t, origin, "init", "-q", "-b", "trunk")
	gitIn(t, origin, "commit", "-q", "--allow-empty", "-m", "one")
	gitIn(t, origin, "clone", "-q", origin, dir)
	gitIn(t, dir, "switch", "-q", "-c", "feature/new")
	want.Branch, want.Default = "feature/new", "trunk"
	check(dir)
	want.Target = "apps/web"
	if err := os.MkdirAll(filepath.Join(dir, want.Target), 0o755); err != nil {
		t.Fatal(err)
	}
	check(filepath.Join(dir, "apps/web"))
	want.Target = ""
	gitIn(t, dir, "checkout", "-q", "--detach")
	want.Branch = ""
	check(dir)
	t.Setenv("GITHUB_REF_NAME", "12/merge")
	t.Setenv("GITHUB_HEAD_REF", "fix")
	want.Branch = "fix"
	check(dir)
}

func TestShare(t *testing.T) {
	noCI(t)
	dir := t.TempDir()
	a := &app{engine: engineFlags{caches: cacheFlags{from: []string{"r.example/shared:base"}, to: []string{"type=local,dest=cache"}}}}
	var r engine.Request
	if err := a.share(t.Context(), blueprintIn(dir, config.Cache{At: "r.example/team", Export: config.ExportCI}), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.CacheTo) != 1 || r.CacheTo[0].Attrs["dest"] != filepath.Join(dir, "cache") {
		t.Errorf("written to %v", r.CacheTo)
	}
	if len(r.CacheFrom) < 3 || r.CacheFrom[0].String() != "r.example/shared:base" || r.CacheFrom[1].Attrs["src"] != filepath.Join(dir, "cache") {
		t.Errorf("read from %v", r.CacheFrom)
	}
}

func TestExports(t *testing.T) {
	for _, c := range []struct {
		when, ci string
		want     bool
	}{
		{config.ExportNever, "true", false}, {config.ExportAlways, "", true},
		{config.ExportCI, "", false}, {config.ExportCI, "true", true}, {config.ExportCI, "1", true}, {config.ExportCI, "false", false}, {config.ExportCI, "0", false},
	} {
		t.Setenv("CI", c.ci)
		if got := exports(c.when); got != c.want {
			t.Errorf("%+v: got %t", c, got)
		}
	}
}
