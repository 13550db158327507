package llbgen

import (
	"testing"

	"github.com/sandwright/sandwright/internal/plan"
)

// TestStepOf: what is looked for in the engine's layers is a step of the graph.
func TestStepOf(t *testing.T) {
	hooked, whole, fetched := apart(), apart(), demo()
	hooked.Git = true
	hooked.Installs[0].Hooks = []string{"pnpm", "install", "--offline"}
	hooked.Installs[0].Part = plan.Part{Inputs: []string{"packages/ui"}, Source: hooked.Build[0].Source}
	whole.Installs[0].Hooks = hooked.Installs[0].Hooks
	fetched.Installs[0].Fetch = []plan.Command{{Name: "fetch it", Args: []string{"pnpm", "fetch"}}}
	fetched.Installs = append(fetched.Installs, plan.Install{Dir: "site", Store: "/s", Steps: []plan.Command{{Name: "install the dependencies of site", Args: []string{"npm", "ci"}}}})
	for name, c := range map[string]struct {
		p    plan.Plan
		want map[string]string
	}{
		"steps with inputs": {hooked, map[string]string{
			plan.LayerServices: "services", plan.LayerRepository: "copy git",
			plan.InstallLayer("."):                 "install the workspace's dependencies",
			plan.HooksLayer("."):                   "what is left of: " + plan.HooksLayer("."),
			plan.StepLayer(0):                      "what is left of: one",
			plan.StepLayer(3):                      "four in apps/web",
			plan.SourceLayerName(hooked.Source[0]): "copy source in packages/ui",
			plan.SourceLayerName(hooked.Source[2]): "copy what differs from the commit",
		}},
		"scripts that see all":  {whole, map[string]string{plan.HooksLayer("."): "run the workspace's lifecycle scripts", plan.StepLayer(0): "one", plan.StepLayer(2): "three"}},
		"fetched, and a second": {fetched, map[string]string{plan.FetchLayer("."): "fetch it", plan.InstallLayer("site"): "install the dependencies of site"}},
	} {
		l := layers()
		graph := names(t, c.p, l)
		for layer, want := range c.want {
			if got := StepOf(c.p, layer); got != want || graph[got] == "" {
				t.Errorf("%s: %s is %q, want %q; in the graph: %t", name, layer, got, want, graph[got] != "")
			}
		}
	}
	for _, none := range []string{"base", "user", "build 9", plan.HooksLayer("."), plan.FetchLayer(".")} {
		if got := StepOf(demo(), none); got != "" {
			t.Errorf("%s is %q", none, got)
		}
	}
}

// TestLays: of what an image is made of, the source is laid over the rest, and what
// commands leave is not the source.
func TestLays(t *testing.T) {
	p := apart()
	p.Git, p.Executable = true, []string{"packages/ui/bin.js"}
	graph := names(t, p, layers())
	for step, want := range map[string]bool{
		"copy source in packages/ui": true, "copy what differs from the commit": true, executables: true, "copy git": true,
		"what is left of: one": false, "four in apps/web": false, "install the workspace's dependencies": false, "services": false,
	} {
		if Lays(step) != want || graph[step] == "" {
			t.Errorf("%s: %t; in the graph: %t", step, !want, graph[step] != "")
		}
	}
	if Lays("") {
		t.Error("what is not known lays")
	}
}
