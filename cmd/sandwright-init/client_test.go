//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/logview"
	"github.com/sandwright/sandwright/internal/spec"
)

// puppet is a control.Supervisor whose state is given.
type puppet struct {
	status   spec.Status
	reloaded spec.Reloaded
	refusal  error // of a reload
	done     []string
	later    chan spec.Status // what comes after status; closed when the supervisor ends
}

func (p *puppet) Watch(ctx context.Context) <-chan spec.Status {
	ch := make(chan spec.Status, 1)
	ch <- p.status
	go func() {
		defer close(ch)
		for {
			select {
			case s, more := <-p.later:
				if !more {
					return
				}
				ch <- s
			case <-ctx.Done():
				return
			}
		}
	}()
	return ch
}

func (p *puppet) find(verb, name string) (spec.ServiceStatus, error) {
	p.done = append(p.done, verb+" "+name)
	for _, s := range p.status.Services {
		if s.Name == name {
			return s, nil
		}
	}
	return spec.ServiceStatus{}, &fault.Fault{What: fmt.Sprintf("cannot find service %q", name), Err: control.ErrUnknown}
}

func (p *puppet) Do(_ context.Context, action control.Action, name string) (spec.ServiceStatus, error) {
	return p.find(string(action), name)
}

func (p *puppet) Signal(_ context.Context, name string, sig syscall.Signal, toProcessOnly bool) (spec.ServiceStatus, error) {
	return p.find(fmt.Sprint("signal ", int(sig), " ", toProcessOnly), name)
}

func (p *puppet) Reload(context.Context) (spec.Reloaded, error) { return p.reloaded, p.refusal }

func (p *puppet) Shutdown() {}

// serveLogs has p answer, with the logs in dir, and gives the socket.
func (p *puppet) serveLogs(t *testing.T, dir string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := control.Server(control.Handler(p, func(services []string) (control.LogReader, error) { return logview.Open(dir, services) }))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return socket
}

// someBox is a box with a service of each kind, and its logs.
func someBox(t *testing.T) (*puppet, string) {
	t.Helper()
	dir, since := t.TempDir(), time.Now().Add(-3*time.Minute)
	for _, name := range []string{"db", "web"} {
		text := "2026-01-01 00:00:01  up\n2026-01-01 00:00:02  " + name + " \x1b[31mred\x1b[0m \x1b]0;title\x07\n"
		if err := errors.Join(os.Mkdir(filepath.Join(dir, name), 0o755), os.WriteFile(filepath.Join(dir, name, "current"), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return &puppet{status: spec.Status{Name: "box", Failed: true, Services: []spec.ServiceStatus{
		{Name: "db", State: spec.StateReady, ReadyBy: "newline on fd 3", PID: 7, Since: since},
		{Name: "job", State: spec.StateFailed, Reason: "exited 3", Restarts: 2, Since: since, Log: "/log/job/current"},
		{Name: "web", State: spec.StateUnready, Reason: "GET / 503", PID: 9, Since: since},
	}}}, dir
}

// tell carries out a command line, in this process.
func tell(ctx context.Context, t *testing.T, line string) (stdout string, err error) {
	t.Helper()
	var out strings.Builder
	known, err := clientCommand(ctx, strings.Fields(line), &out)
	if !known {
		t.Errorf("%s is no command", line)
	}
	return out.String(), err
}

func TestClientCommands(t *testing.T) {
	p, dir := someBox(t)
	p.reloaded = spec.Reloaded{Started: []string{"a", "b"}, Unchanged: []string{"db"}}
	socket := p.serveLogs(t, dir)
	head := `SERVICE  STATE +SINCE  PID  RESTARTS  WHY\n`
	db, job, web := `db +ready +3m0s +7 +0 +newline on fd 3\n`, `job +failed +3m0s +- +2 +exited 3\n`, `web +unready +3m0s +9 +0 +GET / 503\n`
	for _, tt := range []struct{ line, stdout, err string }{
		{"status", head + db + job + web, ""},
		{"status web db", head + db + web, ""},
		{"status --json job", `(?s)\{\n  "name": "box",\n  "ready": false,\n  "failed": true,.*"name": "job".*\}\n`, ""},
		{"status wbe", "", "cannot find service \"wbe\""},
		{"start web", head + web, ""},
		{"stop job", head + job, ""},
		{"start db job nope web", head + db + job + web, "cannot start job: exited 3\ncannot find service \"nope\""},
		{"restart db --json", `(?s)\{\n  "name": "db".*\}\n`, ""},
		{"restart db web --json", `(?s)\[\n  \{\n    "name": "db".*"name": "web".*\]\n`, ""},
		{"signal web HUP", head + web, ""},
		{"signal --process web db 10", head + web + db, ""},
		{"signal web HPU", "", `cannot find signal "HPU"`},
		{"wait db", head + db, ""},
		{"wait --for started web db", head + db + web, ""},
		{"wait --for=stopped --json job", `(?s)\{.*"name": "job".*\}\n`, ""},
		{"wait", "", "cannot wait for job to be ready: failed: exited 3"},
		{"wait --timeout 50ms web", "", "cannot wait for web to be ready: after 50ms it is unready: GET / 503"},
		{"wait --for redy", "", `cannot use for="redy": it is one of ready, started, exited, stopped, settled`},
		{"logs db", "2026-01-01 00:00:01  up\n2026-01-01 00:00:02  db \x1b\\[31mred\x1b\\[0m \x1b\\]0;title\x07\n", ""},
		{"logs -n 1 db web", "db  \\| .*  db .*\nweb \\| .*  web .*\n", ""},
		{"logs --lines=1 --json web", `\{"service":"web","line":"2026-01-01 00:00:02  web .*"\}` + "\n", ""},
		{"logs nope", "", `cannot find service "nope"`},
		{"reload", "started    a b\nunchanged  db\n", ""},
		{"reload --json", `(?s)\{\n  "started": \[\n    "a",\n    "b"\n  \],\n  "stopped": \[\],.*`, ""},
	} {
		stdout, err := tell(t.Context(), t, tt.line+" --socket "+socket)
		if !regexp.MustCompile(`^` + tt.stdout + `$`).MatchString(stdout) {
			t.Errorf("%s: %q, want %q", tt.line, stdout, tt.stdout)
		}
		if got := fmt.Sprint(err); err == nil && tt.err != "" || err != nil && got != tt.err {
			t.Errorf("%s: %v, want %s", tt.line, err, tt.err)
		}
	}
	want := []string{
		"start web", "stop job", "start db", "start job", "start nope", "start web", "restart db", "restart db", "restart web",
		"signal 1 false web", "signal 10 true web", "signal 10 true db",
	}
	if diff := cmp.Diff(want, p.done); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestClientExitCodes(t *testing.T) {
	p, dir := someBox(t)
	p.refusal = fault.List{fault.Position{File: "sandwright.yaml", Line: 2}.Cannot("use a"), fault.Cannot("use b")}
	socket := p.serveLogs(t, dir)
	for line, want := range map[string]int{
		"status":                       fault.ExitOK,
		"status x":                     fault.ExitFailed,
		"start job":                    fault.ExitFailed,
		"stop job":                     fault.ExitOK,
		"wait job":                     fault.ExitFailed,
		"wait --for x":                 fault.ExitUsage,
		"signal web XYZ":               fault.ExitUsage,
		"reload":                       fault.ExitConfig,
		"start":                        fault.ExitUsage,
		"signal web":                   fault.ExitUsage,
		"reload web":                   fault.ExitUsage,
		"status --follow":              fault.ExitUsage,
		"logs -n x":                    fault.ExitUsage,
		"status --help":                fault.ExitOK,
		"--socket /nope/nope stop web": fault.ExitOK, // the last --socket counts
	} {
		_, err := tell(t.Context(), t, line+" --socket "+socket)
		if got := fault.Code(err); got != want {
			t.Errorf("%s: %d, want %d: %v", line, got, want, err)
		}
	}
}

// What was typed wrong is said, with the hint how to type it.
func TestClientMisuse(t *testing.T) {
	for line, want := range map[string]string{
		"start":        "cannot start: it takes SERVICE...",
		"signal HUP":   "cannot signal: it takes SERVICE... SIGNAL",
		"reload now":   "cannot reload: it takes nothing",
		"wait --until": "cannot understand the command line: there is no flag --until",
		"logs -n":      "cannot understand the command line: -n takes a value",
	} {
		_, err := tell(t.Context(), t, line)
		if f := fault.All(err); len(f) != 1 || f[0].What != want || f[0].Hint == "" {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// Every verb and flag is in the usage.
func TestClientUsage(t *testing.T) {
	for name, v := range verbs() {
		if !strings.Contains(clientUsage, name) {
			t.Errorf("%s is not in the usage", name)
		}
		for flag := range v.flags(&order{}) {
			if !regexp.MustCompile(`[^-]--?` + flag + `\b`).MatchString(clientUsage) {
				t.Errorf("the flag %s of %s is not in the usage", flag, name)
			}
		}
	}
}

func TestFirstWord(t *testing.T) {
	for line, want := range map[string]string{
		"":                              "",
		"status":                        "status ",
		"status a b":                    "status a b",
		"--json status a":               "status --json a",
		"--socket /s status --json":     "status --socket /s --json",
		"--socket=/s status":            "status --socket=/s",
		"-n 5 -f logs web":              "logs -n 5 -f web",
		"--spec status":                 " --spec status",
		"--spec /p --control-fd 3":      " --spec /p --control-fd 3",
		"svscan status":                 "svscan status",
		"log status":                    "log status",
		"--timeout 1s --for ready wait": "wait --timeout 1s --for ready",
	} {
		args := strings.Fields(line)
		before := slices.Clone(args)
		word, rest := firstWord(args)
		if got := word + " " + strings.Join(rest, " "); strings.TrimRight(got, " ") != strings.TrimRight(want, " ") {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
		if !slices.Equal(args, before) {
			t.Errorf("%s was changed to %q", line, args)
		}
	}
	for _, line := range []string{"", "version", "svscan status", "log t status", "--spec status", "-h"} {
		if known, err := clientCommand(t.Context(), strings.Fields(line), io.Discard); known || err != nil {
			t.Errorf("%s: %v, %v", line, known, err)
		}
	}
}
