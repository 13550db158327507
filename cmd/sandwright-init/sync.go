//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/handover"
	"github.com/sandwright/sandwright/internal/receipt"
)

const syncUsage = `Workspace:
  sandwright-init sync [--json] [--receipt PATH]
      compare the workspace with what its dependencies were installed from, and
      say what to run; exit code 1 when something is to be
  sandwright-init sync --run [--timeout TIME] [--json] [--receipt PATH]
      run it as the image's build did, each command for TIME at most (default
      ` + "15m" + `), and remember that, so that it is not run again
`

// stepTime is how long a command of a step may take where nobody says.
const stepTime = 15 * time.Minute

// syncCommand carries out args if they are about the workspace, and tells
// whether they are.
func syncCommand(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (known bool, err error) {
	switch {
	case len(args) == 1 && args[0] == "receive": // for sandwright sync
		return true, receive(stdin, stdout)
	case len(args) > 0 && args[0] == "sync":
		return true, syncWorkspace(ctx, args[1:], stdin, stdout, stderr)
	}
	return false, nil
}

// receive takes the files that come on stdin. A signal does not end it, but the
// end of stdin, which then leaves nothing behind.
func receive(stdin io.Reader, stdout io.Writer) error {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM)
	var report handover.Report
	var err error
	if f, ok := stdin.(*os.File); ok {
		stdin, err = handover.Patient(int(f.Fd()))
	}
	if err == nil {
		report, err = handover.Take(stdin, stdout)
	}
	if err != nil {
		return fault.Cannot("take the files: %w", err)
	}
	return printJSON(stdout, report)
}

// A staleLayer is what is to be run again, or was.
type staleLayer struct {
	Layer  string          `json:"layer"`
	Causes []receipt.Cause `json:"causes"`
	Run    [][]string      `json:"run"`
}

func syncWorkspace(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var asJSON, run, sealed, forHost, apart bool
	file, timeout := receipt.Path, stepTime
	words, err := options{
		"json": &asJSON, "run": &run, "sealed": &sealed, "for-host": &forHost, "apart": &apart, "receipt": &file, "timeout": &timeout,
	}.read(args)
	if err != nil || len(words) > 0 || timeout <= 0 {
		return misuse("cannot understand %q", "sync "+strings.Join(args, " "))
	}
	w, err := openWorkspace(file)
	if err != nil {
		return err
	}
	switch {
	case os.Geteuid() == 0 && w.receipt.UID != 0, run && !apart && w.differs():
		return w.apart(args)
	case sealed: // for sandwright sync
		return w.printSeal(stdout)
	case run && forHost:
		return w.updateForHost(ctx, timeout, stdin, stdout, stderr)
	case run:
		return w.updateForPeople(ctx, timeout, asJSON, stdout, stderr)
	}
	todo, err := w.compare()
	if err != nil {
		return err
	}
	if asJSON {
		err = printJSON(stdout, stale(todo))
	} else {
		sayStale(stdout, todo)
	}
	if err == nil && len(todo) > 0 {
		err = exit(fault.ExitFailed)
	}
	return err
}

// stale is todo as it is printed.
func stale(todo []receipt.Todo) []staleLayer {
	out := []staleLayer{}
	for _, t := range todo {
		one := staleLayer{Layer: t.Name, Causes: t.Causes}
		for _, s := range t.Run {
			one.Run = append(one.Run, s.Argv)
		}
		out = append(out, one)
	}
	return out
}

func sayStale(out io.Writer, todo []receipt.Todo) {
	if len(todo) == 0 {
		fmt.Fprintln(out, "nothing to install")
	}
	for _, t := range todo {
		sayWhy(out, t)
		for _, s := range t.Run {
			fmt.Fprintf(out, "run: %s\n", printable(strings.Join(s.Argv, " ")))
		}
	}
}

// sayWhy says why the steps of a layer run.
func sayWhy(out io.Writer, t receipt.Todo) {
	for _, c := range t.Causes {
		fmt.Fprintf(out, "%s: %s\n", printable(t.Name), printable(c.String()))
	}
}
