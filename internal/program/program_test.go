package program

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func sh(script string) Question {
	return Question{Argv: []string{"sh", "-c", script}, Within: time.Minute, Most: 1 << 10}
}

func TestAsk(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	late := sh("echo some; sleep 1000 & sleep 1000")
	late.Within = 100 * time.Millisecond
	large := sh("yes")
	large.Most = 2 << 20
	given := sh(`read line; echo "$line $GIVEN $PWD"`)
	given.Stdin, given.Env, given.Dir = "a line\n", []string{"GIVEN=a variable"}, "/"
	full := sh("printf %1024s x")
	for name, c := range map[string]struct {
		q         Question
		want, why string
	}{
		"what it is given":   {given, "a line a variable /\n", ""},
		"as much as it may":  {full, strings.Repeat(" ", 1023) + "x", ""},
		"one byte more":      {sh("printf %1025s x"), strings.Repeat(" ", 1024), "it prints more than 1 KiB"},
		"without end":        {large, strings.Repeat("y\n", 1<<20), "it prints more than 2 MiB"},
		"an exit code":       {sh("echo some; exit 3"), "some\n", "exit code 3"},
		"a signal":           {sh("kill -9 $$"), "", "it was ended by a signal"},
		"too late":           {late, "some\n", "it did not end within 100ms"},
		"output held open":   {sh("echo some; sleep 1000 &"), "some\n", "it left a program behind that holds its output open"},
		"no such program":    {Question{Argv: []string{"no-such-program"}, Within: time.Minute}, "", "no such program"},
		"no program at all":  {Question{Argv: []string{plain}, Within: time.Minute}, "", "permission denied"},
		"a folder not there": {Question{Argv: []string{"sh"}, Dir: filepath.Join(dir, "gone"), Within: time.Minute}, "", "no such file or directory"},
	} {
		got, err := c.q.Ask(t.Context())
		why := ""
		if err != nil {
			why = err.Error()
		}
		if string(got) != c.want || why != c.why {
			t.Errorf("%s: %.80q, %q", name, got, why)
		}
	}
}

// TestNothingIsLeft of its process group: not when it has ended well, nor when
// nobody waits for it any more.
func TestNothingIsLeft(t *testing.T) {
	for _, interrupt := range []bool{false, true} {
		pid := filepath.Join(t.TempDir(), "pid")
		script := "sleep 1000 >/dev/null & echo $! >" + pid + ".new; mv " + pid + ".new " + pid
		if interrupt {
			script += "; wait"
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			_, err := sh(script).Ask(ctx)
			ended <- err
		}()
		var text []byte
		until(t, func() (done bool) { text, _ = os.ReadFile(pid); return len(text) > 0 })
		if interrupt {
			cancel()
		}
		if err := <-ended; errors.Is(err, context.Canceled) != interrupt || interrupt && err.Error() != "it was interrupted" {
			t.Errorf("interrupted %t: %v", interrupt, err)
		}
		child, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		until(t, func() bool { return gone(child) })
	}
}

// gone tells whether a process has ended, reaped or not.
func gone(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil && syscall.Kill(pid, 0) != nil || strings.Contains(string(stat), ") Z ")
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}
