package plan

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/workspace"
)

var update = flag.Bool("update", false, "write the goldens anew")

const file = `
name: demo
base: {debian: {suite: bookworm}}
platforms: [linux/amd64]
user: {name: dev, uid: 1001, home: /home/dev}
workspace:
  target: /srv/app
  build:
    - run: pnpm build
      env: [API_URL, BUILD_TOKEN]
    - {run: pnpm fonts, network: true}
tools:
  node: {npm: "node-linux-{arch}@22.23.3", bin: [bin/node]}
  pnpm: {npm: pnpm@10.28.0}
env:
  API_URL: {type: url, scope: build}
  BUILD_TOKEN: {secret: true, scope: build}
  DAYTONA_API_KEY: {secret: true, scope: publish}
  LOG_LEVEL: {type: enum, values: [debug, info], default: info}
  PORT: {type: port, default: 3000, services: [web]}
  TOKEN: {secret: true, required: true, services: [web]}
services:
  api:
    command: [node, main.js]
    dir: services/api
    env: {LOG_LEVEL: debug}
    ready: {fd: 3}
  web:
    command: [node, server.js]
    after: {api: ready}
    ready: {http: "http://127.0.0.1:3000/health", timeout: 5s}
    restart: on-failure
    stop: 3s
    logs: {files: 2, size: 4096, stamp: tai64n}
ports: [3000, "13001:3001"]
`

func inputs(t *testing.T) Inputs {
	t.Helper()
	f, err := config.Parse("sandwright.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	pin := func(version, tree string) lock.Tool {
		return lock.Tool{Platforms: map[string]lock.Artifact{"linux/amd64": {Version: version, Tree: tree}}}
	}
	return Inputs{
		File:      f,
		Workspace: &workspace.Workspace{Dir: ".", Manager: workspace.Manager{Kind: workspace.PNPM, Name: "pnpm", Version: "10.28.0"}},
		Lock:      &lock.Lock{Tools: map[string]lock.Tool{"pnpm": pin("10.28.0", "aa"), "node": pin("22.23.3", "bb")}},
		Platform:  "linux/amd64",
		BuildEnv:  map[string]string{"API_URL": "https://api.example", "OTHER": "is of another step"},
	}
}

// TestMake compares the whole plan: what is in it, and that secrets are only
// there by name.
func TestMake(t *testing.T) {
	p, err := Make(inputs(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "plan.json")
	if *update {
		if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Error(diff)
	}
}

func TestMakeIsPure(t *testing.T) {
	in := inputs(t)
	first, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if again, err := Make(in); err != nil || !cmp.Equal(first, again) {
			t.Fatalf("%v\n%s", err, cmp.Diff(first, again))
		}
	}
}

func TestTheImageDoesNotDependOnWhereTheFileIs(t *testing.T) {
	in := inputs(t)
	here, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	if in.File, err = config.Parse("/somewhere/else/sandwright.yaml", []byte(file)); err != nil {
		t.Fatal(err)
	}
	if there, err := Make(in); err != nil || !cmp.Equal(here, there) {
		t.Errorf("%v\n%s", err, cmp.Diff(here, there))
	}
}

// The install that runs them is not told to be offline: their own commands would
// be so, too. pnpm 11 asks nobody about a lock file that has been installed from.
func TestHooksRunWhenAPackageHasSome(t *testing.T) {
	in := inputs(t)
	in.Workspace.Packages = []workspace.Package{{Name: "a"}, {Name: "b", Hooks: []string{"postinstall", "prepare"}}}
	p, err := Make(in)
	if err != nil || len(p.Installs) != 1 || len(p.Installs[0].Hooks) == 0 || slices.Contains(p.Installs[0].Hooks, "--offline") {
		t.Errorf("the installs are %+v, %v", p.Installs, err)
	}
	ws := &workspace.Workspace{Dir: ".", Manager: workspace.Manager{Kind: workspace.PNPM, Name: "pnpm"}, Packages: in.Workspace.Packages}
	hooks := installOf(ws, config.Installing{}, "11.28.11").Hooks
	if got := strings.Join(hooks, " "); got != "pnpm install --frozen-lockfile --prefer-offline --store-dir=/var/cache/sandwright/pnpm --trust-lockfile --config.optimistic-repeat-install=false" {
		t.Errorf("pnpm 11 runs them by %s", got)
	}
}

// The node of the tools runs everywhere, and pnpm fetches none beside it.
func TestPnpmFetchesNoNode(t *testing.T) {
	for _, fetches := range []bool{false, true} {
		in := inputs(t)
		in.Workspace.FetchesNode = fetches
		p, err := Make(in)
		if err != nil {
			t.Fatal(err)
		}
		for where, env := range map[string]map[string]string{"the install": p.Installs[0].Env, "the box": p.Env} {
			if value, told := env["npm_config_use_node_version"]; told != fetches || told && value != "false" {
				t.Errorf("%s has %q, %t", where, value, told)
			}
		}
	}
}

func TestTheRepositorysOwnManagerRuns(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Inputs)
		want   []string
	}{
		"another version": {
			func(in *Inputs) { in.Workspace.Manager.Version = "10.30.1" },
			[]string{"sandwright.yaml:14:3: cannot install the workspace with pnpm 10.28.0: package.json asks for 10.30.1"},
		},
		"no manager and no node": {
			func(in *Inputs) { in.Lock.Tools = nil },
			[]string{
				"sandwright.yaml:12:1: cannot install the workspace: package.json asks for pnpm@10.28.0 and no tool is called pnpm",
				"sandwright.yaml:12:1: cannot install the workspace: pnpm needs node, and no tool is called node",
			},
		},
		"another platform": {
			func(in *Inputs) { in.Platform = "linux/arm64" },
			[]string{"no tool is called pnpm", "no tool is called node"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := inputs(t)
			c.change(&in)
			_, err := Make(in)
			faults := fault.All(err)
			if len(faults) != len(c.want) {
				t.Fatalf("got %v", err)
			}
			for i, f := range faults {
				if !strings.Contains(f.Error(), c.want[i]) || f.Hint == "" || f.Code != fault.ExitConfig {
					t.Errorf("got %v (hint %q, code %d), want %s", f, f.Hint, f.Code, c.want[i])
				}
			}
		})
	}
}

// An image may have node in it, and a Debian base that says so has it.
func TestNodeOfTheBase(t *testing.T) {
	managers := []workspace.Manager{{Kind: workspace.PNPM, Name: "pnpm", Version: "10.28.0"}}
	for want, bases := range map[int][]config.Base{
		0: {{Image: "node:22"}, {Layout: "base"}, {Debian: config.Debian{Suite: "trixie", Packages: []string{"git", "nodejs"}}}},
		1: {{Debian: config.Debian{Suite: "trixie", Packages: []string{"git", "nodejs-doc"}}}},
	} {
		for _, base := range bases {
			f := &config.File{Base: base}
			if faults := CheckTools(f, managers, func(tool string) bool { return tool == "pnpm" }); len(faults) != want {
				t.Errorf("%+v: %v", base, faults.Err())
			}
		}
	}
}
