package plan

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/workspace"
)

func monorepo() *workspace.Workspace {
	return &workspace.Workspace{
		Dir: ".",
		Packages: []workspace.Package{
			{Name: "root", Dir: "."}, {Name: "web", Dir: "apps/web", Depends: []string{"ui"}}, {Name: "api", Dir: "apps/api", Depends: []string{"root"}},
			{Name: "theme", Dir: "packages/theme[1]", Depends: []string{"ui"}}, {Name: "ui", Dir: "packages/ui", Depends: []string{"theme"}},
		},
		Nested: []*workspace.Workspace{{Dir: "tools/site", Packages: []workspace.Package{{Name: "site", Dir: "."}}}},
	}
}

// TestInputsOfAPackage: what a step sees that says no more than its folder.
func TestInputsOfAPackage(t *testing.T) {
	rest := []string{"*", "!apps", "!packages", "!tools"}
	for dir, want := range map[string][]string{
		".": nil, "docs": nil, "apps": nil,
		"apps/web":   append(slices.Clone(rest), "apps/web", `packages/theme\[1]`, "packages/ui", "!sandwright.yaml", `!box\[2]/sandwright.lock`),
		"apps/api":   append(slices.Clone(rest), "apps/api", "!sandwright.yaml", `!box\[2]/sandwright.lock`),
		"tools/site": append(slices.Clone(rest), "tools/site", "!sandwright.yaml", `!box\[2]/sandwright.lock`),
	} {
		if diff := cmp.Diff(want, packageInputs(monorepo(), dir, []string{"sandwright.yaml", "box[2]/sandwright.lock"})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", dir, diff)
		}
	}
}

func TestStepsSeeWhatTheirInputsMatch(t *testing.T) {
	f, err := config.Parse("sandwright.yaml", []byte(`
name: x
base: {debian: {suite: bookworm}}
workspace:
  build:
    - {run: a, dir: packages/ui, outputs: [packages/ui/dist]}
    - {run: b, inputs: [tools], outputs: [gen/]}
    - {run: c, dir: apps/web}
    - {run: d, inputs: ["gen/*.ts"]}
    - {run: e}
services: {web: {command: [a]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var sees [][]int
	built := steps(Inputs{File: f, Workspace: monorepo()})
	for _, s := range built {
		sees = append(sees, s.Sees)
	}
	if diff := cmp.Diff([][]int{nil, nil, {0, 1}, {1, 2}, nil}, sees); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if built[0].Dir != "packages/ui" || !slices.Equal(built[1].Outputs, []string{"gen"}) || len(built[4].Inputs) != 0 {
		t.Errorf("got %+v", built)
	}
}

func TestMeets(t *testing.T) {
	for _, c := range []struct {
		output string
		inputs []string
		want   bool
	}{
		{"packages/ui/dist", []string{"packages/*"}, true},
		{"packages/ui/dist", []string{"packages/ui/dist/index.js"}, true},
		{"packages/ui/dist", []string{"packages/*/dist/*.js"}, true},
		{"packages/ui/dist", []string{"**/*.js"}, true},
		{"packages/ui/dist", []string{"packages/ui/src"}, false},
		{"packages/ui/dist", []string{"apps/*"}, false},
		{"packages/ui/dist", []string{"*", "!packages"}, false},
		{"packages/ui/dist", []string{"*", "!packages", "packages/ui"}, true},
		{"packages/ui/dist", []string{"!packages/ui/dist/x", "apps"}, false},
		{"dist", []string{"dist2"}, false},
	} {
		if got := meets(c.output, c.inputs); got != c.want {
			t.Errorf("%s meets %q: %t", c.output, c.inputs, got)
		}
	}
}

func TestStepsRunInTheWorkspaceWhereItsScriptsDo(t *testing.T) {
	s := Step{Part: Part{Inputs: []string{"a"}}}
	seeing := Install{Hooks: []string{"x"}, Part: s.Part}
	if !(Plan{Installs: []Install{{}, seeing}}).Apart(s) || (Plan{Installs: []Install{seeing, {Hooks: []string{"x"}}}}).Apart(s) || (Plan{}).Apart(Step{}) {
		t.Error("a step is apart only where it has inputs and no scripts run over all of the source")
	}
}

// What a step leaves is beneath the hot layer as long as nothing of that is there.
func TestLift(t *testing.T) {
	in := Part{Inputs: []string{"a"}}
	build := []Step{{Part: in, Outputs: []string{"a/dist/", "a/types"}}, {Part: in, Outputs: []string{"b/dist"}}, {Part: in}, {Part: in, Outputs: []string{"c"}}}
	for name, c := range map[string]struct {
		hot, executable []string
		change          func(p *Plan)
		want            int
	}{
		"elsewhere":               {hot: []string{"a/main.js", "a/dist2", "b/distant", "types"}, want: 2},
		"nothing hot":             {want: 2},
		"in an output":            {hot: []string{"x", "b/dist/x.js"}, want: 1},
		"an output itself":        {hot: []string{"a/types"}, want: 0},
		"in place of its folder":  {hot: []string{"b"}, want: 1},
		"a command of one":        {executable: []string{"b/dist/cli.js"}, want: 1},
		"a step over all":         {change: func(p *Plan) { p.Build[1].Inputs = nil }, want: 1},
		"all is an output":        {hot: []string{"x"}, change: func(p *Plan) { p.Build[1].Outputs = []string{"."} }, want: 1},
		"lifecycle scripts":       {change: func(p *Plan) { p.Installs = []Install{{Hooks: []string{"x"}, Part: in}} }, want: 0},
		"all say what they leave": {change: func(p *Plan) { p.Build[2].Outputs = []string{"d"} }, want: 4},
	} {
		p := Plan{Build: slices.Clone(build), Executable: c.executable, Beneath: 9}
		if c.change != nil {
			c.change(&p)
		}
		if p.Lift(c.hot); p.Beneath != c.want {
			t.Errorf("%s: %d steps are beneath, want %d", name, p.Beneath, c.want)
		}
	}
}
