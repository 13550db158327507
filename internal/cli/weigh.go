package cli

import (
	"path"
	"strings"

	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/record"
)

// A weight is what a layer costs, in bytes; nil where that is not known before
// it is built. What is made again is as large as it was last.
type weight struct {
	Build *int64 `json:"buildBytes"` // of what a command makes
	Send  *int64 `json:"sendBytes"`  // of what is sent to the engine
	Store *int64 `json:"storeBytes"` // of what the store gets
}

// A scale weighs the layers of one drawing.
type scale struct {
	d       drawing
	before  baseline
	changed []record.Change
}

func (s scale) weigh(diff plan.Difference) weight {
	zero := func() *int64 { return new(int64) }
	w := weight{zero(), zero(), zero()}
	if !diff.Rebuilt {
		return w
	}
	last := s.before.size(s.d.plan, diff.Layer)
	tool, isTool := strings.CutPrefix(diff.Layer, plan.ToolLayer(""))
	switch {
	case isTool:
		*w.Store = s.d.lock.Tools[tool].Platforms[s.d.plan.Platform].Unpacked
	case strings.HasPrefix(diff.Layer, plan.LayerSource+" "):
		*w.Send, *w.Store = s.sendSource(diff.Layer)
	case diff.Layer == plan.LayerRepository:
		for _, f := range s.d.repository.Files {
			*w.Send += f.Size
		}
		*w.Store = *w.Send
	case diff.Layer == plan.LayerServices:
		w.Store = last
	default:
		*w.Send = s.sendInputs(diff.Layer)
		w.Build, w.Store = last, last
	}
	return w
}

// sendSource is what of a layer of source the engine has not had, and all of it.
func (s scale) sendSource(layer string) (send, store int64) {
	for _, l := range s.d.plan.Source {
		if plan.SourceLayerName(l) != layer {
			continue
		}
		store = l.Bytes
		for _, c := range s.changed {
			if l.Hot {
				send += c.New.Size
			}
		}
	}
	return min(send, store), store
}

// sendInputs is what of the inputs of an install the engine has not had.
func (s scale) sendInputs(layer string) (send int64) {
	old, _ := s.before.record.Receipt.Layer(layer)
	had := map[string]string{}
	for _, f := range old.Files {
		had[f.Path] = f.Decides()
	}
	for _, ws := range s.d.workspace.All() {
		if plan.InstallLayer(ws.Dir) != layer {
			continue
		}
		for _, in := range ws.Inputs {
			if had[receipt.Name(path.Join(ws.Dir, in.Path))] != receipt.SumOf(in.Data) {
				send += int64(len(in.Data))
			}
		}
	}
	return send
}

// sizeText is a size for people; ? where it is not known, and - where it is 0.
func sizeText(n *int64) string {
	switch {
	case n == nil:
		return "?"
	case *n == 0:
		return "-"
	}
	return bytesText(*n)
}
