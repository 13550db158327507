package fetch

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/lock"
)

// publishClosure publishes a program whose dependencies want two versions of
// one package, one of which has a script that must not run.
func publishClosure(t *testing.T, r *registry) (mark string) {
	t.Helper()
	mark = filepath.Join(t.TempDir(), "ran")
	pkg := func(name, version string, more map[string]any) {
		r.add(name, version, tarball(t, file{name: "package/package.json", data: `{"name":"` + name + `","version":"` + version + `"}`}, file{name: "package/index.js", data: name + version}), more)
	}
	r.add("app", "1.0.0", tarball(t, file{name: "package/package.json", data: `{"name":"app","version":"1.0.0"}`}, file{name: "package/cli.js", data: "#!/usr/bin/env node"}),
		map[string]any{"bin": map[string]string{"app": "cli.js"}, "dependencies": map[string]string{"left": "^1.0.0", "@x/right": "2.0.0"},
			"optionalDependencies": map[string]string{"app-linux-x64": "1.0.0", "app-linux-arm64": "1.0.0"}})
	pkg("left", "1.1.0", map[string]any{"dependencies": map[string]string{"deep": "1.0.0"}, "hasInstallScript": true, "scripts": map[string]string{"postinstall": "touch " + mark}})
	pkg("left", "1.0.0", nil)
	pkg("@x/right", "2.0.0", map[string]any{"dependencies": map[string]string{"deep": "2.0.0"}})
	pkg("deep", "1.0.0", nil)
	pkg("deep", "2.0.0", nil)
	pkg("app-linux-x64", "1.0.0", only("x64"))
	pkg("app-linux-arm64", "1.0.0", only("arm64"))
	return mark
}

func TestClosure(t *testing.T) {
	r := newRegistry(t)
	mark := publishClosure(t, r)
	spec := ToolSpec{NPM: "app@1.0.0", Closure: true}
	f := r.fetcher(t)
	got := map[string]lock.Artifact{}
	for platform, other := range map[string]string{"linux/amd64": "x64", "linux/arm64": "arm64"} {
		a, err := f.ResolveTool(t.Context(), "app", spec, platform)
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, d := range a.Closure {
			paths = append(paths, d.Path+" "+d.Name+"@"+d.Version)
			if d.Size == 0 || len(d.SHA512) != 128 {
				t.Errorf("%+v", d)
			}
		}
		deep := []string{"node_modules/deep deep@1.0.0", "node_modules/@x/right/node_modules/deep deep@2.0.0"}
		if strings.Contains(strings.Join(paths, "\n"), "node_modules/deep deep@2.0.0") { // npm may hoist either
			deep = []string{"node_modules/deep deep@2.0.0", "node_modules/left/node_modules/deep deep@1.0.0"}
		}
		for _, want := range append(deep, "node_modules/left left@1.1.0", "node_modules/@x/right @x/right@2.0.0", "node_modules/app-linux-"+other+" app-linux-"+other+"@1.0.0") {
			if !strings.Contains("\n"+strings.Join(paths, "\n")+"\n", "\n"+want+"\n") {
				t.Errorf("%s: no %s in %v", platform, want, paths)
			}
		}
		if diff := cmp.Diff(map[string]string{"app": "node_modules/app/cli.js"}, a.Bin); diff != "" || len(paths) != 5 || a.Package != "app" {
			t.Errorf("%s: %v %s", platform, paths, diff)
		}
		got[platform] = a
	}
	tool := lock.Tool{Source: "npm:app@1.0.0", Platforms: got}
	// Install from the lock alone, in another store.
	fresh := r.fetcher(t)
	ref, err := fresh.ToolLayer(t.Context(), "app", tool, hostPlatform())
	if err != nil {
		t.Fatal(err)
	}
	layer := layerOf(t, fresh.store, ref)
	for _, name := range []string{"node_modules/app/cli.js", "node_modules/left/index.js", "node_modules/@x/right/index.js"} {
		if layer["opt/sandwright/tools/app/"+name] == nil {
			t.Errorf("%s is not in the layer", name)
		}
	}
	if link := layer["usr/local/bin/app"]; link == nil || link.Linkname != "../../../opt/sandwright/tools/app/node_modules/app/cli.js" {
		t.Errorf("link is %+v", link)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("an install script ran")
	}
	for _, dir := range []string{"tmp", "partial"} {
		if left, _ := os.ReadDir(filepath.Join(fresh.store.dir, dir)); len(left) != 0 {
			t.Errorf("%s holds %v", dir, left)
		}
	}
	// One dependency is not what it was.
	r.tarballs["/left/-/left-1.1.0.tgz"] = tarball(t, file{name: "package/index.js", data: "evil"})
	other := r.fetcher(t)
	_, err = other.ToolLayer(t.Context(), "app", tool, hostPlatform())
	if err == nil || !strings.Contains(err.Error(), "cannot use tool app: left@1.1.0, on which it depends, has size ") {
		t.Errorf("got %v", err)
	}
	nothingKept(t, other.store)
}

// A package may publish its own bytes again, under another name.
func TestADependencyWithTheBytesOfItsTool(t *testing.T) {
	r := newRegistry(t)
	same := tarball(t, file{name: "package/package.json", data: `{"name":"app","version":"1.0.0"}`}, file{name: "package/cli.js", data: "x"})
	r.add("twin", "1.0.0", same, nil)
	r.add("app", "1.0.0", same, map[string]any{"bin": "cli.js", "dependencies": map[string]string{"twin": "1.0.0"}})
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	a, err := r.fetcher(t).ResolveTool(ctx, "app", ToolSpec{NPM: "app@1.0.0", Closure: true}, amd64)
	if err != nil {
		t.Fatal(err)
	}
	tool := lock.Tool{Source: "npm:app@1.0.0", Platforms: map[string]lock.Artifact{amd64: a}}
	if _, err := r.fetcher(t).ToolLayer(ctx, "app", tool, amd64); err != nil {
		t.Error(err)
	}
}

func TestClosureThatCannotBeResolved(t *testing.T) {
	r := newRegistry(t)
	r.add("app", "1.0.0", tarball(t, file{name: "package/cli.js"}), map[string]any{"bin": "cli.js", "dependencies": map[string]string{"gone": "1.0.0"}})
	f := r.fetcher(t)
	_, err := f.ResolveTool(t.Context(), "app", ToolSpec{NPM: "app@1.0.0", Closure: true}, amd64)
	if err == nil || !strings.Contains(err.Error(), "cannot resolve the dependencies of tool app: npm says: ") {
		t.Errorf("got %v", err)
	}
	nothingKept(t, f.store)
	t.Setenv("PATH", "")
	if _, err = f.closureOf(t.Context(), "app", "app", "1.0.0", amd64); err == nil || !strings.Contains(err.Error(), "npm is not installed") {
		t.Errorf("got %v", err)
	}
}

func TestParseNPMLock(t *testing.T) {
	const sum = "sha512-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
	for _, c := range []struct{ text, want string }{
		{`{"packages":{"":{},"node_modules/app":{"version":"1"},"node_modules/a":{"version":"1.0.0","integrity":"` + sum + `"},"node_modules/b":{"name":"c","version":"2.0.0","integrity":"sha1-x ` + sum + `"},
		"node_modules/mac":{"version":"1.0.0","os":["darwin"]},"node_modules/a/node_modules/in":{"version":"1.0.0","inBundle":true}}}`,
			"node_modules/a a@1.0.0, node_modules/b c@2.0.0"},
		{`{"packages":{"node_modules/a":{"version":"1.0.0","resolved":"git+ssh://x/y#1"}}}`, "cannot pin node_modules/a, on which tool t depends: it comes from git+ssh://x/y#1, and not from a registry with a sha512"},
		{`{"packages":{"node_modules/a":{"link":true,"integrity":"` + sum + `"}}}`, "cannot pin node_modules/a"},
		{`{}`, "npm gives 0 packages"},
		{`x`, "npm gives 0 packages"},
	} {
		list, err := parseNPMLock([]byte(c.text), "t", "app", amd64)
		var got []string
		for _, d := range list {
			got = append(got, d.Path+" "+d.Name+"@"+d.Version)
		}
		if err != nil {
			got = []string{err.Error()}
		}
		if !strings.Contains(strings.Join(got, ", "), c.want) {
			t.Errorf("%s: got %v, want %s", c.text, got, c.want)
		}
	}
}

func FuzzParseNPMLock(f *testing.F) {
	f.Add([]byte(`{"packages":{"node_modules/a":{"version":"1.0.0","integrity":"sha512-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==","os":"linux"}}}`))
	f.Add([]byte(`{"packages":{"node_modules/":{"link":true}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseNPMLock(data, "t", "app", amd64)
		for _, d := range list {
			if err == nil && (len(d.SHA512) != 128 || d.Path == "") {
				t.Fatalf("%+v", d)
			}
		}
	})
}
