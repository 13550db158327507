// Package cli is the command line: one file a command. The product as a list
// of stages is in build.go.
package cli

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sandwright/sandwright/internal/fault"
)

// Streams are where a command reads and writes.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// exitError ends a command with a code and no further words.
type exitError int

func (exitError) Error() string { return "the command ended" }

// An app is one run of the command line.
type app struct {
	Streams
	version string
	file    string // --file
	sandbox string // --sandbox
	json    bool   // --json
	engine  engineFlags
	loose   bool // what is committed may still be in the hot layer
}

// Run runs one command line and gives its exit code: 0 done, 1 failed, 2
// usage, 78 configuration; exec gives that of its command.
func Run(ctx context.Context, version string, args []string, s Streams) int {
	a := &app{Streams: s, version: version, engine: engineDefaults()}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	err := root.ExecuteContext(ctx)
	var code exitError
	switch {
	case err == nil:
		return fault.ExitOK
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil:
		err = interrupted(err)
	}
	if a.json {
		_ = fault.RenderJSON(s.Err, err)
	} else {
		fault.Render(s.Err, err, colored(s.Err))
	}
	return fault.Code(err)
}

// interrupted says so in place of the cancellation, beside what else went wrong.
func interrupted(err error) error {
	faults := fault.List{fault.Cannot("finish: it was interrupted")}
	for _, f := range fault.All(err) {
		if !errors.Is(f, context.Canceled) {
			faults = append(faults, f)
		}
	}
	return faults
}

// root is the command tree. A command that is nobody's business is hidden.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "sandwright",
		Short: "Sandboxes for coding agents, out of a monorepo",
		Long: `Sandwright makes sandboxes for coding agents out of a monorepo. One file,
sandwright.yaml, says what is in the box; one lock, sandwright.lock, pins every
byte that will run in it; one command, sandwright up, builds and starts it.`,
		Example:       "  sandwright up\n  sandwright logs -f web\n  sandwright exec bash\n  sandwright down",
		Version:       a.version,
		Args:          args(cobra.ArbitraryArgs),
		RunE:          unknownCommand,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("sandwright {{.Version}}\n")
	flags := root.PersistentFlags()
	flags.StringVar(&a.file, "file", "", "the sandwright.yaml to use (default: the nearest, here or above)")
	flags.StringVarP(&a.sandbox, "sandbox", "s", os.Getenv("SANDWRIGHT_SANDBOX"), "name of the sandbox (default: the file's name; also SANDWRIGHT_SANDBOX)")
	flags.BoolVar(&a.json, "json", false, "print JSON")
	root.SetFlagErrorFunc(usage)
	root.AddCommand(a.cmdUp(), a.cmdDown(), a.cmdPs(), a.cmdLogs(), a.cmdExec(),
		a.cmdService("start"), a.cmdService("stop"), a.cmdService("restart"),
		a.cmdCheck(), a.cmdStage(), a.cmdEnv(), a.cmdLock(), a.cmdBuild(), a.cmdPublish(), a.cmdWhy(), a.cmdSync(), a.cmdTools(), a.cmdGC(), a.cmdVersion(), a.cmdShim())
	return root
}

// unknownCommand is what a first word leads to that names no command; no word
// at all asks for help.
func unknownCommand(cmd *cobra.Command, given []string) error {
	if len(given) == 0 {
		return cmd.Help()
	}
	f := fault.Cannot("find a command called %q", given[0]).WithCode(fault.ExitUsage).WithHint("run: sandwright --help")
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	if near := fault.Nearest(given[0], names); near != "" {
		f.Hint = "did you mean " + near + "?"
	}
	return f
}

// usage is a fault of the command line itself.
func usage(cmd *cobra.Command, err error) error {
	return fault.Cannot("run this: %v", err).WithHint("run: %s --help", cmd.CommandPath()).WithCode(fault.ExitUsage)
}

// args makes cobra's check of arguments a usage fault.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if err := check(cmd, given); err != nil {
			return usage(cmd, err)
		}
		return nil
	}
}

// terminal tells whether w is one.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colored follows https://no-color.org.
func colored(w io.Writer) bool {
	return terminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
