//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/installed"
	"github.com/sandwright/sandwright/internal/spec"
)

const toolsUsage = `Tools:
  sandwright-init tools verify [--json] [--spec PATH] [--want NAME=SHA256]...
      read every file of the tools and compare it with the lock; --want says
      what the lock pins, in place of the spec
`

// toolsCommand carries out args if they are about tools, and tells whether
// they are.
func toolsCommand(args []string, stdout io.Writer) (known bool, err error) {
	if len(args) == 0 || args[0] != "tools" {
		return false, nil
	}
	if len(args) > 1 && args[1] == "verify" {
		return true, toolsVerify(args[2:], stdout)
	}
	return true, misuse("cannot understand %q", strings.Join(args, " "))
}

func toolsVerify(args []string, stdout io.Writer) error {
	var asJSON bool
	path := spec.Path
	var want []spec.Tool
	add := func(pair string) error {
		name, tree, ok := strings.Cut(pair, "=")
		want = append(want, spec.Tool{Name: name, Tree: tree})
		if !ok || !installed.Local(name) || strings.Contains(name, "/") {
			return errors.New("it takes NAME=SHA256")
		}
		return nil
	}
	words, err := options{"json": &asJSON, "spec": &path, "want": add}.read(args)
	if err != nil || len(words) > 0 {
		return misuse("cannot understand %q", "tools verify "+strings.Join(args, " "))
	}
	if want == nil {
		s, err := readSpec(path)
		if err != nil {
			return err
		}
		want = s.Tools
	}
	reports := installed.Verify("/", want)
	if asJSON {
		if err := printJSON(stdout, installed.NewSummary(reports)); err != nil {
			return err
		}
		if len(installed.Faults(reports)) > 0 {
			return exit(fault.ExitFailed)
		}
		return nil
	}
	for _, r := range reports {
		if len(r.Faults) == 0 {
			fmt.Fprintf(stdout, "%s: %d files, %.1f MB, as the lock says\n", r.Tool, r.Files, float64(r.Bytes)/1e6)
		}
	}
	return installed.Faults(reports).Err()
}

// verifyAtStart holds the tools against the lock where the spec asks for it
// now. It returns once all is read.
func verifyAtStart(s spec.Spec, say func(string)) error {
	if s.Verify != spec.VerifyBoot {
		return nil
	}
	started := time.Now()
	reports := installed.Verify("/", s.Tools)
	if faults := installed.Faults(reports); len(faults) > 0 {
		return append(faults, fault.Cannot("start any service: %d of %d tools are not what the lock pins", installed.Bad(reports), len(reports)))
	}
	sum := installed.NewSummary(reports)
	say(fmt.Sprintf("%d tools are what the lock pins: %.1f MB read in %v", len(reports), float64(sum.Bytes)/1e6, time.Since(started).Round(time.Millisecond)))
	return nil
}
