//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

const usage = `sandwright-init supervises the services of a sandbox.

As PID 1, or below it:
  sandwright-init [--spec PATH] [--socket PATH] [--control-fd N] [--env-fd N]
  sandwright-init svscan [DIR]       in the place of s6-svscan
  sandwright-init log DIRECTIVE...   in the place of s6-log
  sandwright-init version

Flags:
  --spec PATH      what to supervise (default ` + spec.Path + `)
  --socket PATH    where to answer (default ` + spec.SocketPath + `); beside it stands
                   what has to be known after the supervisor was killed
  --control-fd N   answer on this inherited listening socket as well
  --env-fd N       read the start-time variables from this descriptor: one JSON
                   object {"NAME": "VALUE"}; without it, from the environment

` + clientUsage + `
` + toolsUsage + `
` + syncUsage + `
Examples:
  sandwright-init restart web
  sandwright-init wait --timeout 1m && sandwright-init logs -n 20 web

Without any argument the words of SANDWRIGHT_INIT_ARGS are the command line.
SIGTERM stops everything, dependants first; a second one does not wait. SIGHUP,
SIGUSR1 and SIGUSR2 go to every service. Exit codes: 0 everything was stopped
as asked, even where a service had to be killed; 1 it cannot be done; 2 the
command line is wrong; 78 the spec or a start-time variable is, and nothing
was started. A spec with a main service ends with that one, and its exit code.
`

// An invocation is a command line that has been read.
type invocation struct {
	words     []string // without flags
	spec      string
	socket    string
	controlFD int // -1 without
	envFD     int // -1 without
}

// run does what args ask for. Messages of a supervisor go to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "log" {
		return exit(runLog(args[1:], os.Stdin, stdout, stderr))
	}
	if len(args) > 0 && args[0] == "svscan" {
		return exit(runSvscan(args[1:], stdout, stderr))
	}
	if known, err := syncCommand(ctx, args, os.Stdin, stdout, stderr); known {
		return err
	}
	if known, err := toolsCommand(args, stdout); known {
		return err
	}
	if known, err := clientCommand(ctx, args, stdout); known {
		return err
	}
	in, err := parse(args)
	if errors.Is(err, errHelp) {
		_, err := io.WriteString(stdout, usage)
		return err
	}
	if err != nil {
		return err
	}
	switch {
	case len(in.words) == 0:
		return supervisor(in, stdout, stderr)
	case len(in.words) == 1 && in.words[0] == "version":
		_, err := fmt.Fprintln(stdout, "sandwright-init", version)
		return err
	default:
		return misuse("cannot understand %q", strings.Join(in.words, " "))
	}
}

// parse reads flags wherever they stand between the words.
func parse(args []string) (invocation, error) {
	in := invocation{spec: spec.Path, socket: spec.SocketPath, controlFD: -1, envFD: -1}
	words, err := options{"spec": &in.spec, "socket": &in.socket, "control-fd": &in.controlFD, "env-fd": &in.envFD}.read(args)
	if err != nil && !errors.Is(err, errHelp) {
		err = misuse("cannot understand the command line: %v", err)
	}
	in.words = words
	return in, err
}

func misuse(format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	return (&fault.Fault{What: what, Code: fault.ExitUsage}).WithHint("run: sandwright-init --help")
}

// version is what the build says with VERSION.
var version = "(devel)"
