package plan

import (
	"slices"

	"github.com/sandwright/sandwright/internal/receipt"
)

// A Difference is what becomes of one layer, and what decides it.
type Difference struct {
	Layer   string          `json:"layer"`
	Rebuilt bool            `json:"rebuilt"`
	Causes  []receipt.Cause `json:"causes,omitempty"` // of its own
	After   string          `json:"after,omitempty"`  // without causes: the first layer below that is rebuilt
}

// Diff gives each layer of what will be built, in its order, and whether what
// was built before has it.
func Diff(before, after receipt.Receipt) []Difference {
	rebuilt := map[string]bool{}
	var out []Difference
	for _, l := range after.Layers {
		d := Difference{Layer: l.Name}
		if was, ok := before.Layer(l.Name); ok {
			d.Causes = l.Causes(was)
		} else {
			d.Causes = []receipt.Cause{{File: "layer " + l.Name, Change: receipt.Added}}
		}
		if i := slices.IndexFunc(l.On, func(below string) bool { return rebuilt[below] }); i >= 0 && len(d.Causes) == 0 {
			d.After = l.On[i]
		} else if was, ok := before.Layer(l.Name); ok && i < 0 {
			d.Causes = append(d.Causes, gone(was.On, l.On)...)
		}
		d.Rebuilt = len(d.Causes) > 0 || d.After != ""
		rebuilt[l.Name] = d.Rebuilt
		out = append(out, d)
	}
	return out
}

// OnlyEdited tells whether of all that is made nothing differs but what is not
// committed and what is known of the repository: no command reads what changed.
func OnlyEdited(before, after receipt.Receipt) bool {
	hot := LayerSource + " " + receipt.Name(HotLayer)
	for _, d := range Diff(before, after) {
		switch {
		case !d.Rebuilt, d.Layer == hot:
		case d.Layer != LayerRepository && d.Layer != LayerServices:
			return false
		case slices.ContainsFunc(d.Causes, func(c receipt.Cause) bool {
			return c.File != "layer "+hot && (d.Layer == LayerServices || c.Field == "")
		}):
			return false
		}
	}
	return true
}

// gone are the layers that one stood on and does not any more.
func gone(before, after []string) (out []receipt.Cause) {
	for _, name := range before {
		if !slices.Contains(after, name) {
			out = append(out, receipt.Cause{File: "layer " + name, Change: receipt.Removed})
		}
	}
	return out
}
