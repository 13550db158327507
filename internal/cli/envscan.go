package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/envscan"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/smallfile"
	"github.com/sandwright/sandwright/internal/stage"
)

func (a *app) cmdEnvScan() *cobra.Command {
	return &cobra.Command{
		Use:   "scan",
		Short: "Find where the sources read variables, and compare them with those declared",
		Long: `Find where the sources read variables, and compare them with those that
sandwright.yaml declares: process.env.X and import.meta.env.X in JavaScript and
TypeScript, os.Getenv("X") in Go, os.environ["X"] in Python, and $X in services'
and build steps' shell commands. Tests, comments and strings are passed over, and so are
names that are put together at run time. Exits 1 when a variable is read that is
not declared.`,
		Example: "  sandwright env scan\n  sandwright env scan --json",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.envScan(cmd.Context()) },
	}
}

// maxSource bounds a source file that is looked into, in bytes: what is larger
// was not written by hand.
const maxSource = 2 << 20

// A use is a place that reads a variable.
type use struct {
	Name     string `json:"name"`
	File     string `json:"file"` // relative to the workspace's root; of a command, sandwright.yaml
	Line     int    `json:"line"`
	Column   int    `json:"column,omitempty"`
	Declared bool   `json:"declared"`
}

func (a *app) envScan(ctx context.Context) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	tree, err := stage.Open(ctx, p.root(), stageOptions(p))
	if err != nil {
		return err
	}
	defer tree.Close()
	uses, err := sourceUses(tree)
	if err != nil {
		return err
	}
	uses = append(uses, commandUses(p.file)...)
	declared := knownNames(p.file)
	for i := range uses {
		uses[i].Declared = declaredAs(uses[i].Name, declared) != ""
	}
	slices.SortStableFunc(uses, func(x, y use) int {
		return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column))
	})
	return a.printScan(p.file, uses, declared)
}

// sourceUses reads the staged sources.
func sourceUses(tree *stage.Tree) (uses []use, err error) {
	for _, e := range tree.Entries() {
		if e.Kind != stage.File || e.Size > maxSource || !envscan.Knows(e.Path) {
			continue
		}
		src, err := tree.ReadFile(e.Path)
		if err != nil {
			return nil, err
		}
		for _, u := range envscan.Source(e.Path, src) {
			uses = append(uses, use{Name: u.Name, File: e.Path, Line: u.Line, Column: u.Column})
		}
	}
	return uses, nil
}

// commandUses reads the shell commands of the file.
func commandUses(file *config.File) (uses []use) {
	text, _ := smallfile.Read(file.Path, maxSource) // without it they stand where their commands do
	add := func(found []envscan.Use, own map[string]string, keys ...string) {
		at := file.At(keys...)
		rest := from(string(text), at)
		for _, u := range found {
			at, rest = inText(rest, u.Name, at)
			if _, fixed := own[u.Name]; !fixed {
				uses = append(uses, use{Name: u.Name, File: config.Name, Line: at.Line, Column: at.Column})
			}
		}
	}
	for i, step := range file.Workspace.Build {
		add(envscan.Shell(step.Run), nil, "workspace", "build", strconv.Itoa(i), "run")
	}
	for _, name := range slices.Sorted(maps.Keys(file.Services)) {
		s := file.Services[name]
		add(envscan.Command(s.Command), s.Env, "services", name, "command")
	}
	return uses
}

// from is text from a place on.
func from(text string, at fault.Position) string {
	for range at.Line - 1 {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text[min(max(at.Column-1, 0), len(text)):]
}

// inText finds the next $name or ${name} of rest, which starts at a place, and
// gives its place and the rest behind it. YAML leaves scripts as they are, but
// for escapes; where it is not found it stands where the last one does.
func inText(rest, name string, at fault.Position) (fault.Position, string) {
	found := regexp.MustCompile(`\$\{?[#!]?(` + name + `)\b`).FindStringSubmatchIndex(rest)
	if found == nil {
		return at, rest
	}
	before := rest[:found[2]]
	if lines := strings.Count(before, "\n"); lines > 0 {
		at.Line, at.Column = at.Line+lines, len(before)-strings.LastIndexByte(before, '\n')
	} else {
		at.Column += len(before)
	}
	return at, rest[found[2]:]
}

// knownNames are the variables that the file knows, with where, and those
// that every box has, with no place.
func knownNames(file *config.File) map[string]fault.Position {
	names := map[string]fault.Position{}
	for _, always := range []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TERM", "TMPDIR", "CI", "NO_COLOR", "HOSTNAME"} {
		names[always] = fault.Position{}
	}
	for service, s := range file.Services {
		for name := range s.Env {
			names[name] = fault.Position{} // its value is fixed: nobody has to read it
		}
		for name := range s.Vars {
			names[name] = file.At("services", service, "env", name)
		}
	}
	for name := range file.Env {
		names[name] = file.At("env", name)
	}
	return names
}

// declaredAs is the declared variable that is meant by name: a secret may also
// come as NAME_FILE or NAME_FD. It is empty when there is none.
func declaredAs(name string, declared map[string]fault.Position) string {
	for _, suffix := range []string{"", "_FILE", "_FD"} {
		base, ok := strings.CutSuffix(name, suffix)
		if _, known := declared[base]; ok && known {
			return base
		}
	}
	return ""
}

// printScan shows what has been found; an undeclared variable is a fault.
func (a *app) printScan(file *config.File, uses []use, declared map[string]fault.Position) error {
	used := map[string]bool{}
	var faults fault.List
	for _, u := range uses {
		used[declaredAs(u.Name, declared)] = true
		if !u.Declared {
			faults = append(faults, undeclaredUse(u, slices.Sorted(maps.Keys(file.Env))))
		}
	}
	unused := slices.DeleteFunc(slices.Sorted(maps.Keys(declared)), func(name string) bool {
		return used[name] || declared[name].Line == 0
	})
	if a.json {
		out := map[string]any{"uses": append([]use{}, uses...), "unused": append([]string{}, unused...), "undeclared": len(faults)}
		if err := printJSON(a.Out, out); err != nil {
			return err
		}
		if len(faults) > 0 {
			return exitError(fault.ExitFailed)
		}
		return nil
	}
	for _, name := range unused {
		fmt.Fprintf(a.Err, "notice: %s: %s is declared and never read\n", declared[name], name)
	}
	if len(faults) > 0 {
		return faults.Err()
	}
	_, err := fmt.Fprintf(a.Out, "variables are read in %d places, and all of them are declared\n", len(uses))
	return err
}

func undeclaredUse(u use, names []string) *fault.Fault {
	f := fault.Position{File: u.File, Line: u.Line, Column: u.Column}.Cannot("find %s in %s: it is read here and not declared", u.Name, config.Name).
		WithCode(fault.ExitFailed)
	if near := fault.Nearest(u.Name, names); near != "" {
		return f.WithHint("did you mean %s?", near)
	}
	return f.WithHint("declare it in %s: env: {%s: {}}", config.Name, u.Name)
}
