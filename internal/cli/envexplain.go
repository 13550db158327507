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
	"github.com/sandwright/sandwright/internal/env"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/redact"
)

func (a *app) cmdEnvExplain() *cobra.Command {
	var f envFlags
	cmd := &cobra.Command{
		Use:   "explain VAR",
		Short: "Show where the value of a variable comes from",
		Long: `Show every layer that a value may come from, the strongest first, and which of
them it does come from. A secret's value is not shown, nor whether two layers
hold the same.`,
		Example:           "  sandwright env explain PORT\n  sandwright env explain API_KEY --stage production --json",
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeVariable,
		RunE:              func(cmd *cobra.Command, given []string) error { return a.envExplain(cmd.Context(), f, given[0]) },
	}
	f.register(cmd)
	return cmd
}

// completeVariable offers the names that the file declares.
func (a *app) completeVariable(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	p, err := a.project()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return declaredNames(schemaOf(p.file, nil)), cobra.ShellCompDirectiveNoFileComp
}

func declaredNames(s env.Schema) []string {
	var names []string
	for _, e := range s.Explain("", nil) {
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (a *app) envExplain(ctx context.Context, f envFlags, name string) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	all := schemaOf(p.file, allScopes())
	names := declaredNames(all)
	if !slices.Contains(names, name) {
		missing := fault.Cannot("explain %q: it is not declared in %s", name, p.file.Path).WithHint("declare it: env: {%s: {}}", name).WithCode(fault.ExitConfig)
		if near := fault.Nearest(name, names); near != "" {
			missing.Hint = "did you mean " + near + "?"
		}
		return missing
	}
	sources, err := f.layers(p.dir).Read(ctx, all.Only(name))
	if err != nil {
		return err
	}
	explained := all.Explain(name, sources)
	hide(explained, redact.New(knownSecrets(ctx, p, f, values{})))
	if a.json {
		return printJSON(a.Out, explained)
	}
	for i, e := range explained {
		if i > 0 {
			fmt.Fprintln(a.Out)
		}
		if err := printExplained(a.Out, e, p.file); err != nil {
			return err
		}
	}
	return nil
}

// hide takes the secrets of other variables out of values, into which the
// user's own shell may have put them.
func hide(explained []env.Explained, secrets *redact.Set) {
	for i := range explained {
		explained[i].Fault = secrets.Text(explained[i].Fault)
		for j := range explained[i].Layers {
			explained[i].Layers[j].Value = secrets.Text(explained[i].Layers[j].Value)
		}
	}
}

// printExplained is one declaration: what it is, its layers, and what comes of them.
func printExplained(w io.Writer, e env.Explained, file *config.File) error {
	fmt.Fprintf(w, "%s: %s\n", e.At, strings.Join(words(e, file), ", "))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, layer := range e.Layers {
		mark := "  "
		if layer.Used {
			mark = "->"
		}
		fmt.Fprintf(table, "%s %s\t%s\n", mark, layer.Name, layer.Value)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if e.Fault != "" {
		_, err := fmt.Fprintln(w, e.Fault)
		return err
	}
	return nil
}

// words describe the declaration.
func words(e env.Explained, file *config.File) []string {
	v := file.Env[e.Name]
	out := []string{e.Name}
	if e.Service != "" {
		v = file.Services[e.Service].Vars[e.Name]
		out[0] += " of " + e.Service
	}
	out = append(out, string(v.Type))
	if v.Secret {
		out = append(out, "secret")
	}
	if v.Required {
		out = append(out, "required")
	}
	out = append(out, "scope "+strings.Join(v.Scope, " and "))
	if len(v.Services) > 0 {
		out = append(out, "seen by "+strings.Join(v.Services, " and "))
	}
	return out
}
