package cli

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/llbgen"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/record"
)

// A baseline is what a build is compared with.
type baseline struct {
	name   string        // for people; empty: nothing is known
	record record.Record // of an image elsewhere, its receipt alone
}

// lastBuild is the last one here.
func lastBuild(d drawing) baseline {
	if r, ok := record.Read(recordPath(d.blueprint)); ok {
		return baseline{"the last build, " + r.Image, r}
	}
	return baseline{}
}

// baseline finds what is to be compared with: the last build, or what is said.
func (a *app) baseline(ctx context.Context, d drawing, against string) (baseline, error) {
	if against == "" {
		return lastBuild(d), nil
	}
	var data []byte
	var err error
	switch kind, name, _ := strings.Cut(against, ":"); {
	case kind == "sandbox" && name != "":
		data, err = a.receiptOfSandbox(ctx, d.project, name)
	case (kind == "oci" || kind == "docker") && name != "":
		data, err = receiptOfImage(name)
	case fetch.HasHost(against):
		data, err = a.receiptOfRegistry(ctx, d.project, against)
	default:
		return baseline{}, fault.Cannot("compare with %q: it is neither HOST/NAME:TAG, oci:FILE, docker:FILE nor sandbox:NAME", against).
			WithHint("run: sandwright why --against oci:image.tar").WithCode(fault.ExitUsage)
	}
	if err != nil {
		return baseline{}, err
	}
	r, err := receipt.Decode(data)
	if err != nil {
		return baseline{}, fault.Cannot("use the receipt of %s: %w", against, err).WithHint("build it with this sandwright")
	}
	return baseline{against, record.Record{Receipt: r}}, nil
}

// receiptOfSandbox reads the receipt in a running sandbox, which may say
// anything.
func (a *app) receiptOfSandbox(ctx context.Context, p project, name string) ([]byte, error) {
	sb, err := a.local().Find(ctx, p.dir, name)
	if err != nil {
		return nil, fault.Cannot("find a running sandbox called %s of %s", name, p.dir).WithHint("run: sandwright ps --all")
	}
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	out, said := bounded{most: receipt.MaxSize + 1}, bounded{most: 1 << 12}
	code, err := sb.Exec(ctx, provider.Exec{
		Argv: []string{"cat", receipt.Path}, Dir: "/", Root: true, Stdout: &out, Stderr: &said,
	})
	if err == nil && code != 0 {
		err = fault.Cannot("read the receipt of sandbox %s: %s", name, printable(said.String()))
	}
	return out.Bytes(), err
}

// engineName is how the engine calls what makes a layer.
func engineName(p plan.Plan, layer string) string { return engine.LayerName(llbgen.StepOf(p, layer)) }

// size is how large a layer was, and nil where that is not known.
func (b baseline) size(p plan.Plan, layer string) *int64 {
	name := engineName(p, layer)
	for _, l := range b.record.Layers {
		if name != "" && l.Name == name {
			return &l.Bytes
		}
	}
	return nil
}

// lost tells whether the store has had a layer, or one that it stands on, and
// has not any more.
func (b baseline) lost(p plan.Plan, layer string, below map[string]bool) bool {
	l, _ := p.Receipt.Layer(layer)
	for _, name := range l.On {
		if below[name] {
			return true
		}
	}
	name := engineName(p, layer)
	for _, l := range b.record.Layers {
		if name != "" && l.Name == name {
			return !l.There()
		}
	}
	return false
}

// recordsOf are the builds of a project that are remembered.
func recordsOf(p project) (out []record.Record) {
	paths, _ := filepath.Glob(filepath.Join(recordsDir(), hashOf(p.dir), "build-*"))
	for _, path := range paths {
		if r, ok := record.Read(path); ok {
			out = append(out, r)
		}
	}
	return out
}
