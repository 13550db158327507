package fetch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// today is what the fetchers of these tests take for now.
func today() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

// publishLine publishes versions of one package, each released that many days
// before today.
func publishLine(t *testing.T, r *registry, name string, ages map[string]int) {
	t.Helper()
	r.times = map[string]map[string]string{name: {"created": "x", "modified": "x"}}
	for version, age := range ages {
		r.add(name, version, tarball(t, file{name: "package/cli.js", data: version}), map[string]any{"bin": "cli.js"})
		if age >= 0 {
			r.times[name][version] = today().AddDate(0, 0, -age).Format("2006-01-02T15:04:05.000000+00:00")
		}
	}
}

func TestChooseVersion(t *testing.T) {
	r := newRegistry(t)
	publishLine(t, r, "pkg", map[string]int{
		"1.0.0": 100, "1.1.0": 50, "1.2.0": 10, "1.3.0-rc.1": 9, "1.3.0": 1, "2.0.0": 5, "2.1.0": 0, "3.0.0-beta.1": 20, "3.0.1": -1,
	})
	r.packages["pkg"]["1.2.0"].(map[string]any)["deprecated"] = "broken"
	r.packages["pkg"]["2.0.0"].(map[string]any)["deprecated"] = false
	r.tags = map[string]map[string]string{"pkg": {"latest": "2.0.0", "next": "3.0.0-beta.1"}}
	day := 24 * time.Hour
	for _, c := range []struct {
		constraint string
		age        time.Duration
		want       string // a version, or part of a fault
	}{
		{"1.0.0", 0, "1.0.0"},
		{"^1.0.0", 0, "1.3.0"},
		{"~1.1.0", 0, "1.1.0"},
		{"1.x", 7 * day, "1.1.0"}, // 1.2.0 is deprecated, 1.3.0 too young
		{">=1 <1.3", 0, "1.1.0"},
		{"1.2.x", 0, "1.2.0"}, // nothing else is there
		{"latest", 0, "2.0.0"},
		{"next", 0, "3.0.0-beta.1"},
		{">=2", 0, "2.0.0"}, // the one that is recommended
		{"^2.1.0", 0, "2.1.0"},
		{"*", 30 * day, "1.1.0"},
		{"3.0.1", 0, "3.0.1"},
		{"latest", 7 * day, "cannot lock tool t: pkg@latest (2.0.0) was released on 2026-11-20, 5 days ago, and minimum-age is 7 days"},
		{"^2.1.0", day, "cannot lock tool t: pkg@^2.1.0 (2.1.0) was released on 2026-11-25, 0 hours ago, and minimum-age is 24 hours"},
		{"3.0.x", day, "cannot lock tool t: nobody says when pkg@3.0.x (3.0.1) was released, and minimum-age is 24 hours"},
		{"^4.0.0", 0, "cannot find a version for tool t: none fits pkg@^4.0.0"},
	} {
		f := r.fetcher(t)
		f.now = today
		got, err := f.ChooseVersion(t.Context(), "t", ToolSpec{NPM: "pkg@" + c.constraint, MinimumAge: c.age}, []string{"linux/amd64", "linux/arm64"})
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s, %s old: got %s, want %s", c.constraint, c.age, got, c.want)
		}
	}
}

func TestYoungReleasesAreRefused(t *testing.T) {
	r := newRegistry(t)
	publishLine(t, r, "pkg", map[string]int{"1.0.0": 3, "0.9.0": -1})
	f := r.fetcher(t)
	f.now = today
	spec := ToolSpec{NPM: "pkg@1.0.0", MinimumAge: 7 * 24 * time.Hour}
	_, err := f.ResolveTool(t.Context(), "t", spec, amd64)
	if err == nil || !strings.Contains(err.Error(), "pkg@1.0.0 was released on 2026-11-22, 3 days ago, and minimum-age is 7 days") {
		t.Fatalf("got %v", err)
	}
	if hint := fault.All(err)[0].Hint; hint != "ask for an older version, or wait until 2026-11-29" {
		t.Errorf("hint is %s", hint)
	}
	nothingKept(t, f.store)
	spec.NPM = "pkg@0.9.0"
	if _, err = f.ResolveTool(t.Context(), "t", spec, amd64); err == nil || !strings.Contains(err.Error(), "nobody says when pkg@0.9.0 was released") {
		t.Errorf("got %v", err)
	}
	f.now = func() time.Time { return today().AddDate(0, 0, 4) }
	spec.NPM = "pkg@1.0.0"
	a, err := f.ResolveTool(t.Context(), "t", spec, amd64)
	if err != nil || a.Released != "2026-11-22T12:00:00Z" {
		t.Errorf("got %+v, %v", a, err)
	}
}

// TestVersionForAllPlatforms wants one that each platform's package has.
func TestVersionForAllPlatforms(t *testing.T) {
	r := newRegistry(t)
	for _, version := range []string{"1.0.0", "1.1.0"} {
		r.add("tool-x64", version, tarball(t, file{name: "package/t"}), only("x64"))
	}
	r.add("tool-arm64", "1.0.0", tarball(t, file{name: "package/t"}), only("arm64"))
	got, err := r.fetcher(t).ChooseVersion(t.Context(), "t", ToolSpec{NPM: "tool-{arch}@^1.0.0"}, []string{"linux/amd64", "linux/arm64"})
	if err != nil || got != "1.0.0" {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestVersionWhosePlatformPackageIsNotThere passes over a wrapper that was
// published before its packages.
func TestVersionWhosePlatformPackageIsNotThere(t *testing.T) {
	r := newRegistry(t)
	for _, version := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		r.add("agent", version, nil, map[string]any{"bin": "agent", "optionalDependencies": map[string]string{"agent-linux-x64": version, "agent-linux-arm64": version}})
		r.add("agent-linux-x64", version, tarball(t, file{name: "package/agent"}), only("x64"))
	}
	r.add("agent-linux-arm64", "1.1.0", tarball(t, file{name: "package/agent"}), only("arm64"))
	f, spec := r.fetcher(t), ToolSpec{NPM: "agent@^1.0.0"}
	for want, platforms := range map[string][]string{"1.1.0": {"linux/amd64", "linux/arm64"}, "1.2.0": {"linux/amd64"}} {
		if got, err := f.ChooseVersion(t.Context(), "agent", spec, platforms); err != nil || got != want {
			t.Errorf("%v: got %s, %v, want %s", platforms, got, err, want)
		}
	}
	spec.NPM = "agent@~1.2.0"
	_, err := f.ChooseVersion(t.Context(), "agent", spec, []string{"linux/arm64"})
	if err == nil || !strings.Contains(err.Error(), "cannot find version 1.2.0 of npm package agent-linux-arm64, which agent@1.2.0 asks for") {
		t.Errorf("got %v", err)
	}
}

func TestPinnedVersionStays(t *testing.T) {
	r := newRegistry(t)
	publishLine(t, r, "pkg", map[string]int{"1.0.0": 9, "1.1.0": 8})
	a, err := r.fetcher(t).ResolveTool(t.Context(), "t", ToolSpec{NPM: "pkg@^1.0.0", Pinned: "1.0.0"}, amd64)
	if err != nil || a.Version != "1.0.0" {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestScriptsAreNoted(t *testing.T) {
	r := newRegistry(t)
	publishWrapper(t, r)
	r.packages["agent"]["2.0.0"].(map[string]any)["scripts"] = map[string]any{"postinstall": "node \x1b[31m  install.js", "test": "x", "install": 3}
	r.add("agent-linux-x64", "2.0.0", tarball(t,
		file{name: "package/package.json", data: `{"scripts":{"preinstall":"` + strings.Repeat("é", 300) + `"}}`},
		file{name: "package/bin/agent", mode: 0o755}), only("x64"))
	a, err := r.fetcher(t).ResolveTool(t.Context(), "agent", ToolSpec{NPM: "agent@2.0.0"}, amd64)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"postinstall": "node ?[31m install.js", "preinstall": strings.Repeat("é", 199) + "…"}
	if len(a.Scripts) != 2 || a.Scripts["postinstall"] != want["postinstall"] || a.Scripts["preinstall"] != want["preinstall"] {
		t.Errorf("got %q, want %q", a.Scripts, want)
	}
}

func TestUnpackingEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	path := filepath.Join(t.TempDir(), "x")
	must(t, os.WriteFile(path, greeter(t), 0o600))
	stop()
	f := newFetcher(t, npmFrom(nil))
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		a := lock.Artifact{Package: "greeter", Packed: lock.PackedNPM, Bin: map[string]string{"greet": "cli.cjs"}}
		if err := f.tree(ctx, path, "greet", &a, platform); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", platform, err)
		}
	}
	nothingKept(t, f.store)
}
