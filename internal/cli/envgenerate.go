package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/envgen"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/wholefile"
)

// generateFlags are what env generate takes.
type generateFlags struct {
	output  string
	check   bool
	service string
	scope   []string
	pkg     string
}

func (a *app) cmdEnvGenerate() *cobra.Command {
	var f generateFlags
	var kinds, about []string
	for _, g := range envgen.Generators() {
		kinds = append(kinds, g.Name)
		about = append(about, fmt.Sprintf("  %-12s %s", g.Name, g.About))
	}
	cmd := &cobra.Command{
		Use:   "generate KIND",
		Short: "Write the schema as a .env example, Markdown, JSON Schema, TypeScript or Go",
		Long: `Write the schema of the environment as others read it:

` + strings.Join(about, "\n") + `

Without --output it goes to the standard output. With --check nothing is
written, and it exits 1 where the file is not what would be.`,
		Example: "  sandwright env generate dotenv --output .env.example\n" +
			"  sandwright env generate typescript --service web --output apps/web/env.ts\n" +
			"  sandwright env generate go --service api --output services/api/env/env.go --check",
		Args:      args(cobra.ExactArgs(1)),
		ValidArgs: kinds,
		RunE:      func(_ *cobra.Command, given []string) error { return a.envGenerate(f, kinds, given[0]) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "the file, relative to this folder")
	flags.BoolVar(&f.check, "check", false, "exit 1 where the file is out of date, and change nothing")
	flags.StringVar(&f.service, "service", "", "what one service reads, and nothing else")
	flags.StringSliceVar(&f.scope, "scope", allScopes(), "variables of which scopes; not with --service")
	flags.StringVar(&f.pkg, "package", "", "Go's package (default: the name of the file's folder)")
	complete(cmd, "scope", allScopes()...)
	if err := cmd.RegisterFlagCompletionFunc("service", a.completeService); err != nil {
		panic(err) // there is such a flag
	}
	return cmd
}

func (a *app) envGenerate(f generateFlags, kinds []string, kind string) error {
	i := slices.Index(kinds, kind)
	switch {
	case i < 0:
		unknown := fault.Cannot("generate %q: it is none of %s", kind, strings.Join(kinds, ", ")).WithCode(fault.ExitUsage)
		if near := fault.Nearest(kind, kinds); near != "" {
			unknown.Hint = "did you mean " + near + "?"
		}
		return unknown
	case f.check && f.output == "":
		return fault.Cannot("check nothing: --check takes a file").WithCode(fault.ExitUsage).
			WithHint("run: sandwright env generate %s --output FILE --check", kind)
	}
	p, err := a.project()
	if err != nil {
		return err
	}
	entries, err := described(p.file, f, envgen.Generators()[i].Code)
	if err != nil {
		return err
	}
	out, err := envgen.Generators()[i].Write(entries, envgen.Options{Package: goPackage(f)})
	if err != nil {
		return fault.Cannot("generate %s: %w", kind, err)
	}
	return a.generated(f, kind, out)
}

// described are the declarations that are asked for.
func described(file *config.File, f generateFlags, code bool) ([]envgen.Entry, error) {
	if err := checkScopes(f.scope); err != nil {
		return nil, err
	}
	entries := envgen.All(file, f.scope)
	if f.service != "" {
		if _, ok := file.Services[f.service]; !ok {
			return nil, fault.Cannot("find service %q", f.service).WithCode(fault.ExitUsage).WithHint("name a service of %s", file.Path)
		}
		entries = envgen.SeenBy(file, f.service)
	}
	if code {
		return entries, envgen.Once(file, entries)
	}
	return entries, nil
}

// goPackage is --package, or the name of the folder where it can be one.
func goPackage(f generateFlags) string {
	if f.pkg != "" || f.output == "" {
		return f.pkg
	}
	path, err := filepath.Abs(f.output)
	if err != nil {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.TrimLeft(strings.ToLower(filepath.Base(filepath.Dir(path))), "0123456789"))
}

// generated writes the file, or compares it.
func (a *app) generated(f generateFlags, kind string, out []byte) error {
	if f.output == "" {
		_, err := a.Out.Write(out)
		return err
	}
	have, err := os.ReadFile(f.output)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Cannot("read %s: %w", f.output, err)
	}
	current := err == nil && bytes.Equal(have, out)
	what := "is up to date"
	switch {
	case f.check && !current:
		return fault.Cannot("accept %s: it is not what the schema says", f.output).
			WithHint("run it again without --check: sandwright env generate %s --output %s", kind, f.output)
	case !current:
		what = "is written"
		if err := wholefile.Put(f.output, 0o644, out); err != nil {
			return fault.Cannot("write %s: %w", f.output, err)
		}
	}
	if a.json {
		return printJSON(a.Out, map[string]any{"file": f.output, "changed": !current})
	}
	_, err = fmt.Fprintf(a.Out, "%s %s\n", f.output, what)
	return err
}
