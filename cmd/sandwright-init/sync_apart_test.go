//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/receipt"
)

// gone waits until no process of a group is left.
func gone(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(patience); alive(pid); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("process %d is left", pid)
			}
		}
	}
}

// alive tells whether a process runs; one that nobody has reaped does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// hanging makes the first step one that does not end, nor hears, with a child.
func (w *workbench) hanging(hears string) (pids string) {
	pids = filepath.Join(w.home, "pids")
	w.seal(func(r *receipt.Receipt) {
		r.Layers[1].Due = []receipt.Cause{{File: "x", Change: receipt.Changed}}
		r.Layers[1].Run[0].Argv[2] = `trap '` + hears + `' TERM; sleep 1000 & one=$!; setsid sleep 1000 & echo $$ $one $! >` + pids + `.new; mv ` + pids + `.new ` + pids + `; wait; wait`
	})
	return pids
}

// A step that does not end has its deadline, with all of its processes.
func TestSyncDeadline(t *testing.T) {
	w := newWorkbench(t)
	pids := w.hanging("")
	_, stderr, code := w.sync("--run", "--timeout", "1s")
	if code != 1 || !strings.Contains(stderr, "cannot run install: /bin/sh is not done after 1s") {
		t.Errorf("%d: %s", code, stderr)
	}
	gone(t, pids)
	for _, wrong := range []string{"0s", "-1s", "soon"} {
		if _, stderr, code := w.sync("--run", "--timeout", wrong); code != 2 || !strings.Contains(stderr, "cannot understand") {
			t.Errorf("%s: %d: %s", wrong, code, stderr)
		}
	}
}

// Ctrl-C and SIGTERM end it with the step that runs, and the next one begins
// with that.
func TestSyncInterrupted(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		w := newWorkbench(t)
		pids := w.hanging("exit 0")
		cmd, _, errs := w.command("--run")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitForFile(t, pids)
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(errs.String(), "was interrupted") {
			t.Errorf("%v: %v: %s", sig, err, errs)
		}
		gone(t, pids)
		if out, _, code := w.sync(); code != 1 || !strings.HasPrefix(out, "install: its last run did not end\n") {
			t.Errorf("%v: %d: %s", sig, code, out)
		}
	}
}

// A runner that is killed leaves nothing of the step it runs, be it the process
// that was started or the one that it has put to work.
func TestSyncKilled(t *testing.T) {
	for _, ignored := range []bool{false, true} {
		for _, inner := range []bool{false, true} {
			w := newWorkbench(t)
			pids := w.hanging("")
			cmd, _, errs := w.command("--run")
			if ignored { // then steps are started another way
				cmd.Args = append([]string{"sh", "-c", `trap "" USR1; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
				cmd.Path = "/bin/sh"
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waitForFile(t, pids)
			pid := cmd.Process.Pid
			if inner {
				pid = parentOf(t, pids)
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			gone(t, pids)
			if err := cmd.Wait(); inner && (cmd.ProcessState.ExitCode() != 1 || !strings.Contains(errs.String(), "cannot sync the workspace: it was ended by SIGKILL")) {
				t.Errorf("%v: %s", err, errs)
			}
			if out, _, code := w.sync(); code != 1 || !strings.HasPrefix(out, "install: its last run did not end\n") {
				t.Errorf("%d: %s", code, out)
			}
		}
	}
}

// parentOf is the parent of the first process in a list.
func parentOf(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), " ")
	stat, err := os.ReadFile("/proc/" + first + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	pid, err := strconv.Atoi(strings.Fields(rest)[1])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func waitForFile(t *testing.T, name string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(name); err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("there is no %s", name)
		}
	}
}
