package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/env"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/stage"
	"github.com/sandwright/sandwright/internal/wholefile"
)

// stageFlags are what stage takes.
type stageFlags struct {
	env    envFlags
	tar    string
	digest bool
}

// list says that nothing but the list is asked for.
func (f stageFlags) list() bool { return f.tar == "" && !f.digest }

func (a *app) cmdStage() *cobra.Command {
	var f stageFlags
	cmd := &cobra.Command{
		Use:   "stage [FOLDER]",
		Short: "List what reaches the image, and what is refused",
		Long: `List every file, folder and link that reaches the image, with what is left out
or worth a look, what is refused, and the largest files. It exits 1 when
something is refused. With --json it prints one object a line; what has a mode
is staged. The folder is the workspace of the nearest sandwright.yaml, or the
one that is said; without a sandwright.yaml of its own it is staged as it is.`,
		Example: "  sandwright stage\n  sandwright stage --json\n  sandwright stage --digest\n  sandwright stage --tar - | tar -tv",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE:    func(cmd *cobra.Command, given []string) error { return a.stage(cmd.Context(), f, given) },
	}
	f.env.register(cmd)
	cmd.Flags().StringVar(&f.tar, "tar", "", "write the tree as a tar to FILE, or to - for the standard output")
	cmd.Flags().BoolVar(&f.digest, "digest", false, "print the digest of the tree")
	return cmd
}

func (a *app) stage(ctx context.Context, f stageFlags, given []string) error {
	defer debug.SetGCPercent(debug.SetGCPercent(50)) // a list of many files lives until the end
	if f.tar == "-" && terminal(a.Out) {
		return fault.Cannot("write a tar to the terminal").WithHint("run: sandwright stage --tar tree.tar").WithCode(fault.ExitUsage)
	}
	p, err := a.stageProject(given)
	if err != nil {
		return err
	}
	options := stageOptions(p)
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		if options.Time, err = stage.SourceDate(epoch); err != nil {
			return err
		}
	}
	tree, err := stage.Inspect(ctx, p.root(), options)
	if err != nil {
		return err
	}
	defer tree.Close()
	var v verdict
	faults := fault.All(tree.Err())
	if len(faults) == 0 { // else no contents can be read
		known, _ := resolveEnv(ctx, p, f.env) // what is wrong with variables is not asked here
		v, err = judge(ctx, tree, p.file, knownSecrets(ctx, p, f.env, known))
		others := v.unread(err, f.list())
		faults = slices.Concat(v.faults(), overBudget(tree, p.file), others)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := a.showStage(ctx, f, tree, v, len(faults) == 0); err != nil {
		return err
	}
	return faults.Err()
}

// showStage prints what was asked for: the list, unless it is something else.
func (a *app) showStage(ctx context.Context, f stageFlags, tree *stage.Tree, v verdict, good bool) error {
	if f.list() && a.json {
		return printItems(a.Out, tree, v)
	}
	for _, n := range append(tree.Notices(), v.notices...) {
		fmt.Fprintln(a.Err, "notice:", v.hide.Text(printable(n.String())))
	}
	if f.list() {
		return printTree(a.Out, tree, v.hide)
	}
	if !good {
		return nil
	}
	if f.tar != "" {
		if err := a.writeTar(ctx, tree, f.tar); err != nil {
			return err
		}
	}
	if !f.digest {
		return nil
	}
	digest, err := tree.Digest(ctx)
	if err != nil {
		return err
	}
	out := a.Out
	if f.tar == "-" {
		out = a.Err
	}
	if a.json {
		return printJSON(out, map[string]string{"digest": "sha256:" + digest})
	}
	_, err = fmt.Fprintln(out, "sha256:"+digest)
	return err
}

// stageProject is the project of the folder that is said, or the one that other
// commands use. A folder without a sandwright.yaml is one by itself.
func (a *app) stageProject(given []string) (project, error) {
	dir := "."
	if len(given) > 0 {
		dir = given[0]
		if a.file != "" {
			return project{}, fault.Cannot("use --file and a folder: the file says which folder it is").WithCode(fault.ExitUsage)
		}
		path := filepath.Join(dir, config.Name)
		if _, err := os.Stat(path); err == nil {
			return (&app{file: path}).project()
		}
	} else if _, err := nearest(config.Name); err == nil || a.file != "" {
		return a.project()
	}
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return project{}, fault.Cannot("stage %s: %w", stage.Show(dir), systemError(err)).WithHint("say an existing folder")
	}
	return project{dir: abs, file: &config.File{Workspace: config.Workspace{Root: "."}}}, nil
}

// writeTar writes to the standard output, or a file that is whole or not there.
func (a *app) writeTar(ctx context.Context, tree *stage.Tree, to string) error {
	if to == "-" {
		return tree.Tar(ctx, a.Out)
	}
	cannot := func(err error) error {
		return fault.Cannot("write %s: %w", stage.Show(to), systemError(err)).WithHint("say a file in a folder that you can write to, such as: --tar tree.tar")
	}
	var failed error // of the tree
	err := wholefile.Write(to, 0o600, func(w io.Writer) error {
		failed = tree.Tar(ctx, w)
		return failed
	})
	if err != nil && failed == nil {
		return cannot(err)
	}
	return err
}

// systemError leaves out the operation and the paths.
func systemError(err error) error {
	var one *fs.PathError
	var two *os.LinkError
	switch {
	case errors.As(err, &one):
		return one.Err
	case errors.As(err, &two):
		return two.Err
	}
	return err
}

// knownSecrets are the values of all secret variables that have one: those that
// were resolved, and those that this command does not need, for which no
// program is run. What is wrong with the latter is said when they are needed.
func knownSecrets(ctx context.Context, p project, f envFlags, v values) map[string]string {
	secrets := v.secrets()
	schema := schemaOf(p.file, []string{config.ScopeBuild, config.ScopeRun, config.ScopePublish})
	missing := false
	onlyMissing := func(all []env.Variable) {
		for i := range all {
			one := &all[i]
			_, known := secrets[one.Name]
			one.Unused = !one.Secret || known
			one.Required, one.RequiredIf, one.Provider.Exec = false, nil, nil
			missing = missing || !one.Unused
		}
	}
	onlyMissing(schema.Variables)
	for _, s := range schema.Services {
		onlyMissing(s.Own)
	}
	if !missing {
		return secrets
	}
	resolved, _ := f.resolve(ctx, p.dir, schema)
	for _, values := range append(slices.Collect(maps.Values(resolved.Own)), resolved.Values) {
		for name, value := range values {
			if value.Secret && secrets[name] == "" {
				secrets[name] = value.Text
			}
		}
	}
	return secrets
}
