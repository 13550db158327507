package plan

import (
	"testing"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/workspace"
)

// TestRuntimes: the runtime that the repository asks for is the box's, or it is
// said which is.
func TestRuntimes(t *testing.T) {
	node := func(version string) workspace.Runtime {
		return workspace.Runtime{Name: "node", Range: version, Must: true, At: fault.Position{File: "package.json", Line: 3, Column: 2}}
	}
	warned, brought, bun := node("^24"), node("^24"), node("^1")
	warned.Must, brought.Download, bun.Name = false, true, "bun"
	const pnpm10, npm = "pnpm", "npm"
	for name, c := range map[string]struct {
		manager workspace.Kind
		pnpm    string
		list    []workspace.Runtime
		want    string
	}{
		"met":                      {npm, "", []workspace.Runtime{node(">=22 <23")}, ""},
		"any":                      {npm, "", []workspace.Runtime{node("")}, ""},
		"a name of versions":       {npm, "", []workspace.Runtime{node("lts")}, ""},
		"one of two":               {npm, "", []workspace.Runtime{bun, node("^22")}, ""},
		"only warned of":           {npm, "", []workspace.Runtime{warned}, ""},
		"brought by pnpm":          {pnpm10, "11.28.11", []workspace.Runtime{brought}, ""},
		"not brought by npm":       {npm, "", []workspace.Runtime{brought}, "package.json:3:2: cannot run the workspace: it asks for node ^24, and the tool node is 22.23.3"},
		"not brought by an old":    {pnpm10, "10.13.1", []workspace.Runtime{brought}, "package.json:3:2: cannot run the workspace: it asks for node ^24, and the tool node is 22.23.3"},
		"another version":          {npm, "", []workspace.Runtime{node("^24"), bun}, "package.json:3:2: cannot run the workspace: it asks for node ^24 or bun ^1, and the tool node is 22.23.3"},
		"a tool that is not there": {npm, "", []workspace.Runtime{bun}, "package.json:3:2: cannot run the workspace: it asks for bun ^1, and no tool is called bun"},
	} {
		ws := &workspace.Workspace{Dir: ".", Manager: workspace.Manager{Kind: c.manager}, Runtimes: [][]workspace.Runtime{c.list}}
		lk := &lock.Lock{Tools: map[string]lock.Tool{"node": {Platforms: map[string]lock.Artifact{"linux/amd64": {Version: "22.23.3"}}}, "pnpm": {Platforms: map[string]lock.Artifact{"linux/amd64": {Version: c.pnpm}}}}}
		got := ""
		if err := checkRuntimes(&config.File{Path: "sandwright.yaml"}, ws, lk, "linux/amd64").Err(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
