package plan

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/workspace"
)

// TestSealOfSteps: a step with inputs stands on the install, on the steps that it
// sees and on what it reads; one without on all of the source; and what comes
// after stands on each of them.
func TestSealOfSteps(t *testing.T) {
	p := newProject(t)
	made := Plan{
		Platform: "linux/amd64",
		Installs: []Install{{Dir: ".", Steps: []Command{{Args: []string{"pnpm", "install"}}}}},
		Source:   []SourceLayer{{Name: "root", Digest: receipt.SumOf([]byte("root"))}},
		Build: []Step{
			{Run: "a", Outputs: []string{"a/out"}, Part: Part{Inputs: []string{"a"}, Content: receipt.SumOf([]byte("a"))}},
			{Run: "b", Part: Part{Inputs: []string{"b", "a/out"}, Content: receipt.SumOf([]byte("b"))}, Sees: []int{0}},
			{Run: "c"},
		},
	}
	ws := &workspace.Workspace{Dir: "."}
	seal := func() receipt.Receipt {
		return Seal(made, Contents{Lock: p.lock, Workspace: ws, Raw: func(string) string { return "" }})
	}
	before := seal()
	for layer, want := range map[string][]string{
		StepLayer(0): {InstallLayer(".")}, StepLayer(1): {InstallLayer("."), StepLayer(0)},
		StepLayer(2): {"source root", StepLayer(0), StepLayer(1)}, LayerServices: {StepLayer(2)},
	} {
		l, ok := before.Layer(layer)
		if diff := cmp.Diff(want, l.On); !ok || diff != "" {
			t.Errorf("%s stands on (-want +got):\n%s", layer, diff)
		}
	}
	for name, c := range map[string]struct {
		edit func()
		want []string // of the steps, what is made again
	}{
		"nothing":             {func() {}, nil},
		"what the first sees": {func() { made.Build[0].Content = receipt.SumOf([]byte("other")) }, []string{StepLayer(0), StepLayer(1), StepLayer(2)}},
		"what the second":     {func() { made.Build[1].Content = receipt.SumOf([]byte("other")) }, []string{StepLayer(1), StepLayer(2)}},
		"other source":        {func() { made.Source[0].Digest = receipt.SumOf([]byte("other")) }, []string{StepLayer(2)}},
		"other outputs":       {func() { made.Build[1].Outputs = []string{"b/out"} }, []string{StepLayer(1), StepLayer(2)}},
	} {
		build, source := slices.Clone(made.Build), slices.Clone(made.Source)
		c.edit()
		var again []string
		for _, d := range Diff(before, seal()) {
			if d.Rebuilt && slices.Contains([]string{StepLayer(0), StepLayer(1), StepLayer(2)}, d.Layer) {
				again = append(again, d.Layer)
			}
		}
		if diff := cmp.Diff(c.want, again); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		made.Build, made.Source = build, source
	}
}
