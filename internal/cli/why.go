package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/record"
	"github.com/sandwright/sandwright/internal/stage"
)

// maxCauses is how many causes of a layer are listed when no layer is named.
const maxCauses = 3

func (a *app) cmdWhy() *cobra.Command {
	env := envFlags{scope: []string{config.ScopeBuild}}
	var against string
	cmd := &cobra.Command{
		Use:   "why [LAYER]",
		Short: "Say which layers the next build makes again, and what decides it",
		Long: `Say of each layer whether the next build has it already or makes it again, which
file and field decides that, and how many bytes are built, sent and stored.
Nothing is built. It compares with the last build here, or with the receipt of
another image: one in a registry, a file that sandwright build wrote, or a
sandbox that runs. With LAYER, all that decides it is listed.`,
		Example: "  sandwright why\n  sandwright why install\n  sandwright why --against oci:image.tar\n  sandwright why --against registry.example.com/team/app:v1\n  sandwright why --json | jq -r '.layers[] | select(.rebuilt).layer'",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.why(cmd.Context(), env, against, given)
		},
		ValidArgsFunction: a.completeLayer,
	}
	env.register(cmd)
	cmd.Flags().StringVar(&against, "against", "", "compare with an image: HOST/NAME:TAG or HOST/NAME@DIGEST of a registry, oci:FILE, docker:FILE, or sandbox:NAME")
	return cmd
}

func (a *app) why(ctx context.Context, env envFlags, against string, given []string) error {
	d, err := a.drawn(ctx, env)
	if err != nil {
		return err
	}
	defer d.tree.Close()
	before, err := a.baseline(ctx, d, against)
	if err != nil {
		return err
	}
	answer, err := explainLayers(ctx, d, before)
	if err != nil {
		return err
	}
	most := maxCauses
	if len(given) > 0 {
		if answer.Layers, err = answer.only(given[0]); err != nil {
			return err
		}
		most = len(answer.Layers[0].Causes)
	}
	if a.json {
		return printJSON(a.Out, answer)
	}
	return answer.print(a.Out, most)
}

// drawn is what would be built now for this machine. Its tree must be closed.
func (a *app) drawn(ctx context.Context, env envFlags) (drawing, error) {
	b, err := a.decide(ctx, hostPlatform(), env)
	if err != nil {
		return drawing{}, err
	}
	d, err := a.draw(ctx, b)
	if err != nil {
		b.tree.Close()
	}
	return d, err
}

// A reason is one layer as why shows it.
type reason struct {
	plan.Difference
	weight
}

// An answer is what why says.
type answer struct {
	Against string   `json:"against"` // what was compared with; empty: nothing is known
	Layers  []reason `json:"layers"`
}

// explainLayers compares what would be built with what was.
func explainLayers(ctx context.Context, d drawing, before baseline) (answer, error) {
	files, err := recordFiles(ctx, d.tree)
	if err != nil {
		return answer{}, err
	}
	changed := record.Changes(before.record.Files, files)
	scale := scale{d, before, changed}
	out := answer{Against: before.name, Layers: []reason{}}
	lost := map[string]bool{}
	for _, diff := range plan.Diff(before.record.Receipt, d.plan.Receipt) {
		if before.name == "" {
			diff.Causes, diff.After = nil, "" // all is new
		}
		if len(before.record.Files) > 0 {
			diff.Causes = byFile(d, diff, changed)
		}
		if !diff.Rebuilt && before.lost(d.plan, diff.Layer, lost) {
			diff.Rebuilt = true
			diff.Causes = []receipt.Cause{{File: "the store's copy", Change: receipt.Removed}}
			lost[diff.Layer] = true
		}
		out.Layers = append(out.Layers, reason{diff, scale.weigh(diff)})
	}
	return out, nil
}

// byFile gives the causes of d, with the files that changed in the place of the
// layer of source, or of the inputs of a build step, that they changed.
func byFile(drawn drawing, d plan.Difference, changed []record.Change) []receipt.Cause {
	in, step := within(drawn, d.Layer)
	if in == nil || len(d.Causes) == 0 || !step && len(d.Causes) > 1 {
		return d.Causes
	}
	var out []receipt.Cause
	for _, c := range d.Causes {
		if step && (c.Field != "" || strings.HasPrefix(c.File, "layer ")) {
			out = append(out, c)
		}
	}
	others := len(out)
	for _, f := range changed {
		if in(f.Path()) {
			out = append(out, receipt.Cause{File: receipt.Name(f.Path()), Change: f.Change})
		}
	}
	if len(out) == others || others == len(d.Causes) {
		return d.Causes
	}
	return out
}

// within tells whether a path is in a layer of source, or among what a build
// step or the lifecycle scripts read; it is nil for another layer.
func within(d drawing, layer string) (in func(path string) bool, step bool) {
	for _, l := range d.plan.Source {
		if plan.SourceLayerName(l) == layer {
			return func(path string) bool { return l.Hot || d.source.ColdName(path) == l.Name }, false
		}
	}
	var inputs []string
	for _, in := range d.plan.Installs {
		if plan.HooksLayer(in.Dir) == layer {
			inputs = in.Inputs
		}
	}
	for i, s := range d.plan.Build {
		if plan.StepLayer(i) == layer && d.plan.Apart(s) {
			inputs = s.Inputs
		}
	}
	if match, err := stage.NewPatterns(inputs); err == nil && len(inputs) > 0 {
		return match.Match, true
	}
	return nil, false
}

// rebuilt says in a line each which layers are made again, and why; of a first
// build, whose scripts its install does not run.
func rebuilt(ctx context.Context, d drawing) (lines []string, err error) {
	before := lastBuild(d)
	if before.name == "" {
		for _, line := range blocked(d.workspace, d.project.file) {
			lines = append(lines, "notice: "+line)
		}
		return lines, nil
	}
	answer, err := explainLayers(ctx, d, before)
	for _, l := range answer.Layers {
		if l.Rebuilt {
			lines = append(lines, fmt.Sprintf("%s is made again: %s", printable(l.Layer), l.line()))
		}
	}
	return lines, err
}

// line is the first cause, and how many others there are.
func (r reason) line() string {
	first := r.lines(1)[0]
	if len(r.Causes) > 1 {
		return fmt.Sprintf("%s, and %d more", first, len(r.Causes)-1)
	}
	return first
}

// only is the layer of a name.
func (w answer) only(name string) ([]reason, error) {
	var names []string
	for _, l := range w.Layers {
		if l.Layer == name {
			return []reason{l}, nil
		}
		names = append(names, l.Layer)
	}
	f := fault.Cannot("find layer %q", name).WithCode(fault.ExitUsage)
	if near := fault.Nearest(name, names); near != "" {
		return nil, f.WithHint("did you mean %s?", near)
	}
	return nil, f.WithHint("the layers are: %s", strings.Join(names, ", "))
}

// print writes a table. Further causes stand below the first, up to most.
func (w answer) print(out io.Writer, most int) error {
	if w.Against == "" {
		fmt.Fprintln(out, "nothing is known of an earlier build here: all is built")
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LAYER\tSTATE\tBUILD\tSEND\tSTORE\tWHY")
	for _, l := range w.Layers {
		state := "reused"
		if l.Rebuilt {
			state = "rebuilt"
		}
		lines := l.lines(most)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", printable(l.Layer), state, sizeText(l.Build), sizeText(l.Send), sizeText(l.Store), lines[0])
		for _, line := range lines[1:] {
			fmt.Fprintf(t, "\t\t\t\t\t%s\n", line)
		}
	}
	return t.Flush()
}

// lines are the causes, as many as most and one that counts the others.
func (r reason) lines(most int) (out []string) {
	switch {
	case !r.Rebuilt:
		return []string{"-"}
	case len(r.Causes) == 0 && r.After != "":
		return []string{"after " + printable(r.After)}
	case len(r.Causes) == 0:
		return []string{"it is new"}
	}
	for i, c := range r.Causes {
		if i == most && len(r.Causes) > most+1 {
			return append(out, fmt.Sprintf("and %d more: sandwright why %q", len(r.Causes)-most, r.Layer))
		}
		out = append(out, printable(c.String()))
	}
	return out
}

// completeLayer offers the names of the layers of the last build.
func (a *app) completeLayer(_ *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	p, err := a.project()
	if err != nil || len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, r := range recordsOf(p) {
		for _, l := range r.Receipt.Layers {
			names = append(names, l.Name)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names))), cobra.ShellCompDirectiveNoFileComp
}
