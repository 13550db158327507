package cli

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/gitmeta"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/source"
)

// sources are the staged tree in layers, and what the steps of the build see
// of it.
type sources struct {
	*source.Division
	parts []*source.Part // by the place of the step; nil of one that sees all
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
	return b.divideSteps()
}

// divideSteps does so with what each step sees. A pattern that matches nothing
// is a fault: the step would go without what its writer meant.
func (b *blueprint) divideSteps() error {
	var faults fault.List
	b.source.parts = make([]*source.Part, len(b.plan.Build))
	for i, step := range b.plan.Build {
		if len(step.Inputs) == 0 {
			continue
		}
		part, idle, err := b.source.Part(fmt.Sprintf("%s of step %d", source.HotTree, i+1), step.Inputs)
		if err != nil {
			return err
		}
		declared := b.project.file.Workspace.Build[i].Inputs
		for _, j := range idle {
			if j < len(declared) {
				faults = append(faults, b.project.file.At("workspace", "build", strconv.Itoa(i), "inputs", strconv.Itoa(j)).
					Cannot("find the input %s: no staged file is there", declared[j]).WithHint("run: sandwright stage"))
			}
		}
		b.source.parts[i] = part
	}
	b.source.into(&b.plan)
	return faults.Err()
}

// maxTold bounds how many files and folders a receipt tells of what its build
// steps read, all together: it is read in milliseconds.
const maxTold = 1000

// into puts the layers into a plan of the same steps.
func (s sources) into(p *plan.Plan) {
	p.Source = s.Layers()
	for i, part := range s.parts {
		if part != nil {
			p.Build[i].Source, p.Build[i].Content, p.Build[i].Told = part.Layers(), part.Content, part.Told(maxTold/len(s.parts))
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

// committedOf is what is staged as it was committed. A repository that the box
// does not get is asked all the same; one that cannot be asked has nothing committed.
func committedOf(ctx context.Context, o gitmeta.Options) map[string]uint32 {
	o.Mode = gitmeta.Head
	m, err := gitmeta.Make(ctx, o)
	if err != nil {
		return nil
	}
	return m.Committed
}
