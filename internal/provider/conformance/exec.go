package conformance

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

func (s suite) exec(t *testing.T) {
	sandbox := s.start(t, s.open(t), "exec")
	run(t, sandbox, "sh", "-c", "mkdir /data && echo text >/data/plain")
	for _, c := range []struct {
		name     string
		exec     provider.Exec
		in       string
		code     int
		out, err string
		fault    string
	}{
		{name: "output", exec: provider.Exec{Argv: []string{"echo", "a b", "c"}}, out: "a b c\n"},
		{name: "exit code", exec: provider.Exec{Argv: []string{"sh", "-c", "exit 7"}}, code: 7},
		{name: "exit code 255 is the command's own", exec: provider.Exec{Argv: []string{"sh", "-c", "exit 255"}}, code: 255},
		{name: "death by signal", exec: provider.Exec{Argv: []string{"sh", "-c", "kill -9 $$"}}, code: 137},
		{name: "streams stay apart", exec: provider.Exec{Argv: []string{"sh", "-c", "echo o; echo e >&2"}}, out: "o\n", err: "e\n"},
		{name: "input", exec: provider.Exec{Argv: []string{"cat"}}, in: "given", out: "given"},
		{name: "no input is empty", exec: provider.Exec{Argv: []string{"cat"}}},
		{name: "user", exec: provider.Exec{Argv: []string{"id", "-u"}}, out: "1000\n"},
		{name: "root", exec: provider.Exec{Argv: []string{"id", "-u"}, Root: true}, out: "0\n"},
		{name: "directory", exec: provider.Exec{Argv: []string{"pwd"}, Dir: "/data"}, out: "/data\n"},
		{name: "environment over that of the box", exec: provider.Exec{
			Argv: []string{"sh", "-c", "echo $A $B"}, Env: map[string]string{"A": "from exec"},
		}, out: "from exec from box\n"},
		{name: "no such command", exec: provider.Exec{Argv: []string{"nope"}}, code: 127, fault: "it has no such command"},
		{name: "no such path", exec: provider.Exec{Argv: []string{"/bin/nope"}}, code: 127, fault: "it has no such command"},
		{name: "not executable", exec: provider.Exec{Argv: []string{"/data/plain"}}, code: 126, fault: "not executable"},
		{name: "no such directory", exec: provider.Exec{Argv: []string{"true"}, Dir: "/nope"}, code: 126, fault: "no such directory"},
		{name: "nothing to run", exec: provider.Exec{}, code: fault.ExitUsage, fault: "none is given"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			c.exec.Stdout, c.exec.Stderr = &out, &errs
			if c.in != "" {
				c.exec.Stdin = strings.NewReader(c.in)
			}
			code, err := sandbox.Exec(t.Context(), c.exec)
			if code != c.code || out.String() != c.out || errs.String() != c.err {
				t.Errorf("exit code %d, output %q, %q; want %d, %q, %q", code, &out, &errs, c.code, c.out, c.err)
			}
			if (err != nil) != (c.fault != "") || err != nil && !strings.Contains(err.Error(), c.fault) {
				t.Errorf("error %v; want %q", err, c.fault)
			}
		})
	}
}

// execCancel also holds for a command that does not want to end.
func (s suite) execCancel(t *testing.T) {
	sandbox := s.start(t, s.open(t), "cancel")
	for _, script := range []string{"exec sleep 4321", "trap '' TERM; while :; do sleep 4321; done"} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(300*time.Millisecond, cancel)
		begin := time.Now()
		if _, err := sandbox.Exec(ctx, provider.Exec{Argv: []string{"sh", "-c", script}}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", script, err)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s: returned after %v", script, took)
		}
		gone := false
		for range 100 {
			if gone = !strings.Contains(run(t, sandbox, "ps"), "4321"); gone {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if !gone {
			t.Errorf("%s: still runs in the box", script)
		}
	}
}

func (s suite) execStreams(t *testing.T) {
	sandbox := s.start(t, s.open(t), "streams")
	text := strings.Repeat("0123456789abcde\n", 1<<16)
	var out bytes.Buffer
	code, err := sandbox.Exec(t.Context(), provider.Exec{Argv: []string{"cat"}, Stdin: strings.NewReader(text), Stdout: &out})
	if code != 0 || err != nil || out.String() != text {
		t.Errorf("exit code %d, error %v, %d of %d bytes", code, err, out.Len(), len(text))
	}
}
