//go:build linux

package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/handover"
	"github.com/sandwright/sandwright/internal/receipt"
)

const syncUsage = `Workspace:
  sandwright-init sync [--json] [--receipt PATH]
      compare the workspace with what its dependencies were installed from, and
      say what to run; exit code 1 when something is to be
`

// syncCommand carries out args if they are about the workspace, and tells
// whether they are.
func syncCommand(args []string, stdin io.Reader, stdout io.Writer) (known bool, err error) {
	switch {
	case len(args) == 1 && args[0] == "receive": // for sandwright sync
		return true, receive(stdin, stdout)
	case len(args) > 0 && args[0] == "sync":
		return true, syncCheck(args[1:], stdout)
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

// A staleLayer is what is to be run again.
type staleLayer struct {
	Layer  string          `json:"layer"`
	Causes []receipt.Cause `json:"causes"`
	Run    [][]string      `json:"run"`
}

func syncCheck(args []string, stdout io.Writer) error {
	var asJSON bool
	var file string
	flags := flag.NewFlagSet("sync", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&asJSON, "json", false, "")
	flags.StringVar(&file, "receipt", receipt.Path, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return misuse("cannot understand %q", "sync "+strings.Join(args, " "))
	}
	r, err := readReceipt(file)
	if err != nil {
		return err
	}
	stale := []staleLayer{}
	for _, l := range r.Layers {
		if len(l.Run) == 0 {
			continue
		}
		causes, err := l.Stale(func(name string) ([]byte, error) { return readFile(filepath.Join(r.Target, name)) })
		if err != nil {
			return fault.Cannot("compare the workspace: %w", err)
		}
		if len(causes) > 0 {
			stale = append(stale, staleLayer{l.Name, causes, l.Run})
		}
	}
	if asJSON {
		err = printJSON(stdout, stale)
	} else {
		sayStale(stdout, stale)
	}
	if err == nil && len(stale) > 0 {
		err = exit(fault.ExitFailed)
	}
	return err
}

func sayStale(stdout io.Writer, stale []staleLayer) {
	if len(stale) == 0 {
		fmt.Fprintln(stdout, "nothing to install")
	}
	for _, l := range stale {
		for _, c := range l.Causes {
			fmt.Fprintf(stdout, "%s: %s\n", l.Layer, printable(c.String()))
		}
		for _, words := range l.Run {
			fmt.Fprintf(stdout, "run: %s\n", printable(strings.Join(words, " ")))
		}
	}
}

func readReceipt(file string) (receipt.Receipt, error) {
	data, err := readFile(file)
	if err != nil {
		return receipt.Receipt{}, fault.Cannot("read the receipt: %w", err)
	}
	r, err := receipt.Decode(data)
	if err != nil {
		return r, fault.Cannot("use the receipt %s: %w", file, err)
	}
	return r, nil
}

// readFile reads a regular file of a bounded size, and waits for nobody.
func readFile(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	return io.ReadAll(io.LimitReader(f, receipt.MaxSize+1))
}
