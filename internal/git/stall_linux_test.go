package git

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
)

// A program that waits is told from one that computes.
func TestWatch(t *testing.T) {
	for script, waits := range map[string]bool{"exec sleep 1000": true, "while :; do :; done": false} {
		cmd := exec.Command("sh", "-c", script)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		if waits {
			ctx, cancel = context.WithTimeout(t.Context(), 10*time.Minute)
		}
		var said error
		watch(ctx, cmd.Process.Pid, 2*time.Second, func(err error) { said = err })
		cancel()
		if (said != nil) != waits {
			t.Errorf("%s: %v", script, said)
		}
	}
}

// A repository with a fifo where git reads a file ends soon, with its name and
// what to do; nobody ever writes to it, or somebody who writes nothing.
func TestGitThatWaits(t *testing.T) {
	for name, c := range map[string]struct{ script, fifo string }{
		".gitignore":       {"mkfifo .gitignore", ".gitignore"},
		"one below":        {"mkfifo sub/.gitignore", "sub/.gitignore"},
		"odd name":         {"mkdir 'a\n\"b' && mkfifo 'a\n\"b/.gitignore'", "a\n\"b/.gitignore"},
		"exclude":          {"rm -f .git/info/exclude && mkfifo .git/info/exclude", ".git/info/exclude"},
		"with a writer":    {"rm .git/config && mkfifo .git/config", ".git/config"},
		"excludes of ours": {"mkfifo here && git config core.excludesFile \"$PWD/here\"", "here"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := made(t)
			sh(t, dir, c.script)
			fifo := filepath.Join(dir, c.fifo)
			if name == "with a writer" {
				f, err := os.OpenFile(fifo, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
			}
			start := time.Now()
			_, err := find(t, dir).Output(t.Context(), "ls-files", "--others", "--exclude-standard")
			if took := time.Since(start); took > stall {
				t.Errorf("it took %v", took)
			}
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("git waits for %q, a fifo", fifo)) {
				t.Fatalf("%v", err)
			}
			if hint := fault.All(err)[0].Hint; hint != fmt.Sprintf("remove it: rm %q", fifo) {
				t.Errorf("hint %q", hint)
			}
		})
	}
}

// What waits for no fifo is not named.
func TestWaitsFor(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer r.Close()
	for _, args := range [][]string{{"sleep", "1000"}, {"cat"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdin = r
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		for range 10 {
			time.Sleep(10 * time.Millisecond)
			if path := waitsFor(cmd.Process.Pid); path != "" {
				t.Errorf("%s waits for %s", args, path)
			}
		}
	}
	if path := waitsFor(1 << 30); path != "" {
		t.Errorf("a process that is not there waits for %s", path)
	}
}

// A file of the repository that has no end, or is larger than any memory, ends
// git and nothing else.
func TestGitThatGrows(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		args   []string
	}{
		"a reference":   {"rm .git/refs/heads/trunk && ln -s /dev/zero .git/refs/heads/trunk", []string{"rev-list", "--max-count=1", "HEAD"}},
		"a huge ignore": {"truncate -s 20G sub/.gitignore", []string{"ls-files", "--others", "--exclude-standard"}},
		"attributes":    {"git config core.attributesFile /dev/zero", []string{"ls-files", "--", ":(attr:filter=lfs)"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := made(t)
			sh(t, dir, c.script)
			_, err := find(t, dir).Output(t.Context(), c.args...)
			if err == nil || !strings.Contains(strings.ToLower(err.Error()), "out of memory") {
				t.Fatalf("%v", err)
			}
			if hint := fault.All(err)[0].Hint; !strings.Contains(hint, "it reads something huge") {
				t.Errorf("hint %q", hint)
			}
			var used unix.Rusage
			if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &used); err != nil || used.Maxrss > maxMemory/1024*5/4 {
				t.Errorf("git had %d kB of memory, %v", used.Maxrss, err)
			}
		})
	}
}
