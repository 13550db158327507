package llbgen

import (
	"regexp"
	"strings"

	"github.com/sandwright/sandwright/internal/plan"
)

// Names of steps, as the engine shows them and calls the layers that they make.
const (
	services    = "services"
	pid1        = "PID 1"
	executables = "the commands of packages are executable"

	copyOf = "copy "             // a tree, or a layer of source
	coldIn = "source in "        // a folder; what is committed there
	leftOf = "what is left of: " // a step that does not see all
)

// Passing match the names of the steps, as regular expressions, that follow every
// edit: each is a copy, a link or a few bytes.
func Passing() []string {
	return []string{"^" + services + "$", "^" + copyOf + Git + "$", "^" + copyOf + regexp.QuoteMeta(plan.HotLayer) + "$", "^" + executables + "$", "^" + leftOf, "^add .*" + pid1 + "$"}
}

// Lays tells of a step that it only lays files of the client's over what is there.
func Lays(step string) bool { return strings.HasPrefix(step, copyOf) || step == executables }

// StepOf is the name of the step that makes a layer of p's receipt, of several
// the first; empty where no step of its own does.
func StepOf(p plan.Plan, layer string) string {
	switch layer {
	case plan.LayerServices:
		return services
	case plan.LayerRepository:
		return copyOf + Git
	}
	for _, l := range p.Source {
		if plan.SourceLayerName(l) == layer {
			return copyOf + sourceName(l)
		}
	}
	for _, in := range p.Installs {
		switch {
		case plan.InstallLayer(in.Dir) == layer && len(in.Steps) > 0:
			return in.Steps[0].Name
		case plan.FetchLayer(in.Dir) == layer && len(in.Fetch) > 0:
			return in.Fetch[0].Name
		case plan.HooksLayer(in.Dir) == layer && len(in.Hooks) > 0:
			return hooksStep(in)
		}
	}
	for i, s := range p.Build {
		switch {
		case plan.StepLayer(i) == layer && p.Apart(s):
			return leftOf + s.Name()
		case plan.StepLayer(i) == layer:
			return s.Name()
		}
	}
	return ""
}

// sourceName tells people of a layer of source.
func sourceName(l plan.SourceLayer) string {
	if l.Hot {
		return l.Name
	}
	return coldIn + l.Name
}

// hooksStep is the step that makes the layer of the lifecycle scripts of a
// workspace.
func hooksStep(in plan.Install) string {
	if len(in.Inputs) > 0 {
		return leftOf + plan.HooksLayer(in.Dir)
	}
	return plan.HooksStep
}
