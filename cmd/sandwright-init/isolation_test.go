//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/spec"
)

// A service sees the variables it declares, and nothing of PID 1's own.
func TestEnvironmentIsTheServicesOwn(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		env := func(name string, change func(*spec.Service)) spec.Service {
			return sh(name, "", change, func(s *spec.Service) {
				s.Command = []string{"/bin/busybox", "sh", "-c", "busybox env | busybox sort; echo end; exec busybox sleep 1000"}
			})
		}
		b := start(t, p, spec.Spec{
			Env:       map[string]string{"PATH": "/bin", "A": "common", "B": "common"},
			Variables: []spec.Variable{{Name: "TOKEN", Required: true, Secret: true}},
			Services: []spec.Service{
				env("one", func(s *spec.Service) { s.Env, s.EnvFrom = map[string]string{"B": "own"}, []string{"TOKEN", "UNSET"} }),
				env("two", func(*spec.Service) {}),
			},
		}, withEnv("PATH="+os.Getenv("PATH"), "TOKEN=s3cret", "A=outside", "LD_PRELOAD=", "OTHER=leak"))
		for name, want := range map[string]string{
			"one": "A=common\nB=own\nPATH=/bin\nPWD=/\nSHLVL=1\nTOKEN=s3cret\nend\n",
			"two": "A=common\nB=common\nPATH=/bin\nPWD=/\nSHLVL=1\nend\n",
		} {
			b.logs(name, "end")
			if got := b.log(name); got != want {
				t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
			}
		}
	})
}

// A service has its own variables over those of the file, each with its
// default, and none of another service's.
func TestVariablesOfAService(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		env := func(name string, change func(*spec.Service)) spec.Service {
			return sh(name, "", change, func(s *spec.Service) {
				s.Command = []string{"/bin/busybox", "sh", "-c", "busybox env | busybox sort; echo end; exec busybox sleep 1000"}
			})
		}
		port := spec.Rule{Type: "port"}
		b := start(t, p, spec.Spec{
			Env: map[string]string{"PATH": "/bin"},
			Variables: []spec.Variable{
				{Name: "MODE", Default: new("dev")}, {Name: "PORT", Rule: port, Default: new("3000")},
				{Name: "KEY", Secret: true}, {Name: "COPY", DefaultFrom: "MODE"}, {Name: "EMPTY"},
			},
			Services: []spec.Service{
				env("api", func(s *spec.Service) {
					s.EnvFrom = []string{"COPY", "KEY", "MODE"}
					s.Variables = []spec.Variable{{Name: "LISTEN", DefaultFrom: "PORT"}, {Name: "PORT", Rule: port, Default: new("4000")}, {Name: "PIN", Secret: true, RequiredIf: []spec.When{{Name: "KEY"}}}}
				}),
				env("web", func(s *spec.Service) { s.EnvFrom = []string{"EMPTY", "MODE", "PORT"} }),
				env("none", func(*spec.Service) {}),
			},
		}, withEnv("PATH="+os.Getenv("PATH"), "MODE=prod", "KEY=k3y", "PIN=4711", "EMPTY=", "LISTEN="))
		const shell = "PATH=/bin\nPWD=/\nSHLVL=1\nend\n"
		for name, want := range map[string]string{
			"api":  "COPY=prod\nKEY=k3y\nLISTEN=4000\nMODE=prod\nPATH=/bin\nPIN=4711\nPORT=4000\nPWD=/\nSHLVL=1\nend\n",
			"web":  "MODE=prod\nPATH=/bin\nPORT=3000\nPWD=/\nSHLVL=1\nend\n",
			"none": shell,
		} {
			b.logs(name, "end")
			if got := b.log(name); got != want {
				t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
			}
		}
	})
}

// A service holds its three standard descriptors and the one of its probe,
// whatever the supervisor has inherited.
func TestDescriptorsAreTheServicesOwn(t *testing.T) {
	inherited, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer inherited.Close()
	sleeps := func(s *spec.Service) { s.Command = []string{"sleep", "1000"} }
	b := start(t, subreaper, box1(sh("plain", "", sleeps), sh("probed", "", sleeps, probed(spec.Probe{FD: 5}, patience))),
		withArgs([]*os.File{inherited, inherited, inherited}))
	for name, want := range map[string]string{
		"plain":  "0 /dev/null, 1 pipe, 2 pipe",
		"probed": "0 /dev/null, 1 pipe, 2 pipe, 5 pipe",
	} {
		pid := b.service(name).PID
		if got := strings.Join(descriptors(t, pid), ", "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err != nil || !strings.Contains(string(status), "\nUmask:\t0022\n") {
			t.Errorf("%s: %v, %s", name, err, status)
		}
	}
}

// descriptors lists what a process has open, by kind.
func descriptors(t *testing.T, pid int) (out []string) {
	t.Helper()
	for _, fd := range openOf(t, pid) {
		target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd))
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(target, ":")
		out = append(out, fmt.Sprintf("%d %s", fd, kind))
	}
	return out
}

func TestUserSessionAndDir(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, parent := range []string{filepath.Dir(dir), filepath.Dir(filepath.Dir(dir))} {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Logf("%s stays as it is: %v", parent, err)
		}
	}
	b := start(t, subreaper, box1(sh("x", `id -u; id -g; id -G; pwd; echo opened > /dev/stdout; [ $(ps -o sid= -p $$) = $$ ] && echo leader; echo end; exec sleep 1000`,
		func(s *spec.Service) {
			s.Dir, s.User = dir, &spec.User{Name: "nobody", UID: 65534, GID: 65533}
		})))
	b.logs("x", "end")
	if got, want := b.log("x"), fmt.Sprintf("65534\n65533\n65533\n%s\nopened\nleader\nend\n", dir); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// The host passes a listening socket, and the variables through a pipe.
func TestInheritedDescriptors(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		path := filepath.Join(t.TempDir(), "host.sock")
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		socket, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		values, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer values.Close()
		if err := json.NewEncoder(w).Encode(map[string]string{"TOKEN": "from the pipe", "SPARE": "1"}); err != nil {
			t.Fatal(err)
		}
		w.Close()
		b := start(t, p, spec.Spec{
			Variables: []spec.Variable{{Name: "TOKEN", Required: true, Secret: true}},
			Services:  []spec.Service{sh("x", "echo $TOKEN, $SPARE >$DIR/got; exec sleep 1000", func(s *spec.Service) { s.EnvFrom = []string{"TOKEN"} })},
		}, withArgs([]*os.File{socket, values}, "--control-fd", "3", "--env-fd", "4"), withEnv("PATH="+os.Getenv("PATH"), "TOKEN=from the environment"), inDir)
		host := control.New(func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", path) })
		if status, err := host.Wait(t.Context()); err != nil || !status.Ready {
			t.Errorf("through the inherited socket: %+v, %v", status, err)
		}
		b.eventually("the value of the pipe", func() bool { // a log would not show it
			text, _ := os.ReadFile(filepath.Join(b.dir, "got"))
			return string(text) == "from the pipe,\n"
		})
	})
}

func TestSocketInTheBox(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", "exec sleep 1000")))
	info, err := os.Stat(b.socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Dir(b.socket)); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("its directory: %v, %v", info.Mode(), err)
	}
	second := prepare(t, subreaper, box1(sh("x", "exec sleep 1000")), withArgs(nil, "--socket", b.socket))
	if err := second.cmd.Run(); err == nil || !strings.Contains(second.stderr.String(), "cannot listen on "+b.socket+": another supervisor answers there") {
		t.Errorf("a second supervisor: %v, %s", err, second.stderr)
	}
	orphan := b.service("x").PID
	if err := b.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(orphan, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	if code := b.ends(); code != -1 {
		t.Errorf("exit code %d", code)
	}
	third := start(t, subreaper, box1(), withArgs(nil, "--socket", b.socket), func(x *box) { x.Client = b.Client })
	third.settled()
}
