//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A scenario is a scan directory and what its clients then do. It is played
// twice, once with the real s6-svscan, and the clients must see the same.
type scenario struct {
	name  string
	files map[string]string // below the scan directory; a name that ends in / is a directory
	args  []string          // of svscan
	// script runs in the scan directory, as sh. $PID is svscan. What it prints
	// is compared.
	script string
	want   string // is in what the script prints
	ends   bool   // svscan ends by itself: its exit code and output are compared, too
}

// prelude is there for every script. say shows a command, its output and its
// exit code; till waits until a condition holds; mean gives the words of a status
// that two runs have in common.
const prelude = `
say() { echo "$ $*"; "$@" 2>&1; echo "= $?"; }
till() { n=0; until eval "$1" >/dev/null 2>&1; do n=$((n+1)); if [ $n -gt 750 ]; then echo "never: $1"; return 1; fi; sleep 0.02; done; }
up() { till 's6-svwait -t 5000 -u '$1; }
now() { say s6-svstat -o up,wantedup,normallyup,ready,paused,exitcode,signal,signum "$1"; }
`

const fields = "up,wantedup,normallyup,ready,paused,pid,exitcode,signal,signum,updownsince,readysince,updownfor,readyfor"

// atOnce is how many scenarios are played at the same time: they mostly wait.
const atOnce = 6

// attempts is how often a scenario is played until the clients see the same: on
// a machine under load the clients' own deadlines pass now and then, also those
// of the real s6.
const attempts = 3

func TestSvscanIsAsS6Svscan(t *testing.T) {
	all := scenarios()
	results, free := make([]chan comparison, len(all)), make(chan bool, atOnce)
	for i, sc := range all {
		results[i] = make(chan comparison, 1)
		dir := t.TempDir()
		go func() {
			free <- true
			defer func() { <-free }()
			results[i] <- sc.compare(t.Context(), filepath.Join(dir, "1"))
		}()
	}
	for i, sc := range all {
		got := <-results[i]
		t.Run(sc.name, func(t *testing.T) {
			for range attempts - 1 {
				if got.fault(sc.want) != "" {
					got = sc.compare(t.Context(), t.TempDir())
				}
			}
			if fault := got.fault(sc.want); fault != "" {
				t.Error(fault)
			}
		})
	}
}

// A comparison is one scenario, played with both.
type comparison struct {
	ours, theirs string
	err          error
}

func (sc scenario) compare(ctx context.Context, dir string) comparison {
	ours, err1 := sc.play(ctx, filepath.Join(dir, "o"), os.Getenv(binaryEnv), "svscan")
	theirs, err2 := sc.play(ctx, filepath.Join(dir, "s"), "s6-svscan")
	return comparison{ours, theirs, errors.Join(err1, err2)}
}

// fault says what is wrong with it, if anything is.
func (c comparison) fault(want string) string {
	diff := cmp.Diff(c.theirs, c.ours)
	switch {
	case c.err != nil:
		return c.err.Error()
	case diff != "":
		return "-s6 +ours:\n" + diff
	case !strings.Contains(c.ours, want) || strings.Contains(c.ours, "never: "):
		return fmt.Sprintf("no %q in:\n%s", want, c.ours)
	}
	return ""
}

// play sets the scenario up in dir, runs a svscan as PID 1, and gives what the
// script prints.
func (sc scenario) play(ctx context.Context, dir string, svscan ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := sc.write(dir); err != nil {
		return "", err
	}
	// The real one passes on to services what the tests' own surroundings ignore.
	argv := append([]string{"--default-signal", "unshare", "--pid", "--fork", "--mount-proc", "--kill-child"}, svscan...)
	cmd := exec.CommandContext(ctx, "env", append(append(argv, sc.args...), dir)...)
	var stdout, stderr buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		return "", err
	}
	exit := make(chan error, 1)
	go func() { exit <- cmd.Wait() }()
	said, err := sc.ask(ctx, dir, cmd.Process.Pid)
	if sc.ends && err == nil {
		err = <-exit
		said += fmt.Sprintf("exit code %d, stdout:\n%s", cmd.ProcessState.ExitCode(), stdout.String())
		err = notExit(err)
	} else {
		_ = cmd.Process.Kill()
		<-exit
	}
	if out := stderr.String(); err != nil || strings.Contains(out, "DATA RACE") || strings.Contains(out, "panic:") {
		return "", fmt.Errorf("%v: %w: %s, stderr:\n%s", svscan, errors.Join(err, errors.New("failed")), said, out)
	}
	return normal(said), nil
}

// notExit is err unless it is only an exit code.
func notExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// write makes the scan directory. Every file may be executed.
func (sc scenario) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range sc.files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if !strings.HasSuffix(name, "/") {
			err = errors.Join(err, os.WriteFile(path, []byte(text), 0o755))
		} else {
			err = errors.Join(err, os.MkdirAll(path, 0o755))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ask runs the script once svscan listens.
func (sc scenario) ask(ctx context.Context, dir string, unshare int) (string, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", prelude+`
		till 's6-svscanctl -z .'
		PID=$(cat /proc/`+fmt.Sprint(unshare, "/task/", unshare)+`/children); PID=${PID% }
		`+sc.script)
	cmd.Dir, cmd.WaitDelay = dir, patience
	out, err := cmd.CombinedOutput()
	if err := notExit(err); err != nil {
		return string(out), err
	}
	return string(out), nil
}

// normal hides what differs from run to run.
func normal(text string) string {
	for _, r := range []struct{ pattern, by string }{
		{`@[0-9a-f]{24}`, "@STAMP"},
		{`\(pid \d+\)`, "(pid N)"},
		{`\b\d+ seconds`, "N seconds"},
		{`pid=\d+`, "pid=N"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.by)
	}
	return text
}

// sleeps is a service that ends at SIGTERM.
const sleeps = "#!/bin/sh\nexec sleep 1000\n"

// ready is one that says so.
const ready = "#!/bin/sh\necho >&3\nexec sleep 1000\n"

// writes is a run script.
func writes(script string) string { return "#!/bin/sh\n" + script + "\n" }
