package cli

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/source"
	"github.com/sandwright/sandwright/internal/stage"
)

// sources are the staged tree in layers, and what the steps of the build see
// of it.
type sources struct {
	*source.Division
	parts []*source.Part // as plan.Parts gives them; nil of one that sees all
}

// divide reads the repository, divides the tree into layers by what is
// committed in it, and puts them into the plan.
func (a *app) divide(ctx context.Context, b *blueprint, asked func() (asked, error)) error {
	repo, err := asked()
	if err != nil {
		return err
	}
	b.repository = repo.metadata
	a.notices(b.repository.Notices)
	store, err := fetch.OpenStore(storeDir())
	if err != nil {
		return err
	}
	o := source.Options{
		Committed: repo.committed, Store: store, Exact: !a.loose,
		Memory: filepath.Join(home(), "source", filepath.Base(stageCache(b.tree.Root()))),
	}
	for _, ws := range b.workspace.All() {
		for _, p := range ws.Packages {
			o.Packages = append(o.Packages, path.Join(ws.Dir, p.Dir))
		}
	}
	if b.source.Division, err = source.Divide(ctx, b.tree, o); err != nil {
		return err
	}
	if err := sendable(b.source.HotPaths()); err != nil {
		return err
	}
	return b.divideSteps()
}

// sendable refuses names that the engine takes in a layer of what is committed alone.
func sendable(hot []string) error {
	var faults fault.List
	for _, name := range hot {
		if !utf8.ValidString(name) {
			faults = append(faults, fault.Cannot("send %s to the engine: its name is not UTF-8, and it is not as it was committed", stage.Show(name)).
				WithHint("rename it, or commit it"))
		}
	}
	return faults.Err()
}

// divideSteps does so with what each step, and the lifecycle scripts, see. A pattern that matches nothing
// is a fault: the step would go without what its writer meant.
func (b *blueprint) divideSteps() error {
	var faults fault.List
	said := b.declarations()
	b.source.parts = nil
	for i, one := range b.plan.Parts() {
		if b.source.parts = append(b.source.parts, nil); len(one.Inputs) == 0 || said[i].idle {
			continue
		}
		part, idle, err := b.source.Part(source.HotTree+" of "+said[i].name, one.Inputs)
		if err != nil {
			return err
		}
		for _, j := range idle {
			if j < len(said[i].inputs) {
				faults = append(faults, b.project.file.At(append(said[i].at, strconv.Itoa(j))...).
					Cannot("find the input %s: no staged file is there", said[i].inputs[j]).WithHint("run: sandwright stage"))
			}
		}
		b.source.parts[i] = part
	}
	b.source.into(&b.plan)
	return faults.Err()
}

// A declaration is what the file says of a part of the plan.
type declaration struct {
	name   string
	inputs []string
	at     []string // where they stand
	idle   bool     // nothing runs over it
}

// declarations are those of the plan's parts, in their order.
func (b *blueprint) declarations() (out []declaration) {
	for _, in := range b.plan.Installs {
		d := declaration{name: plan.HooksLayer(in.Dir), inputs: b.project.file.Workspace.HookInputs, at: []string{"workspace", "hook-inputs"}, idle: len(in.Hooks) == 0}
		for i, n := range b.project.file.Workspace.Nested {
			if n.Dir == in.Dir {
				d.inputs, d.at = n.HookInputs, []string{"workspace", "nested", strconv.Itoa(i), "hook-inputs"}
			}
		}
		out = append(out, d)
	}
	for i, s := range b.project.file.Workspace.Build {
		out = append(out, declaration{name: fmt.Sprintf("step %d", i+1), inputs: s.Inputs, at: []string{"workspace", "build", strconv.Itoa(i), "inputs"}})
	}
	return out
}

// maxTold bounds how many files and folders a receipt tells of what its build
// steps read, all together: it is read in milliseconds.
const maxTold = 1000

// into puts the layers into a plan of the same steps.
func (s sources) into(p *plan.Plan) {
	p.Source = s.Layers()
	p.Lift(s.HotPaths())
	some := len(s.some())
	for i, one := range p.Parts() {
		if part := s.parts[i]; part != nil {
			one.Source, one.Content, one.Told = part.Layers(), part.Content, part.Told(maxTold/some)
		}
	}
}

// some are the parts that there are.
func (s sources) some() []*source.Part {
	return slices.DeleteFunc(slices.Clone(s.parts), func(p *source.Part) bool { return p == nil })
}

// keep brings the cold layers into the store.
func (s sources) keep(ctx context.Context, platform string) (map[string]string, error) {
	return s.Keep(ctx, platform, s.some()...)
}

// trees are the hot layers.
func (s sources) trees() map[string]fsutil.FS { return s.Trees(s.some()...) }
