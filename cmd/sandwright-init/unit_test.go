//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

func TestParseTakesFlagsAnywhere(t *testing.T) {
	for _, args := range []string{
		"version --socket /s --spec /p --control-fd 3 --env-fd 4",
		"--socket=/s --spec=/p --control-fd=3 version --env-fd=4",
	} {
		in, err := parse(strings.Fields(args))
		if err != nil || !slices.Equal(in.words, []string{"version"}) || in.socket != "/s" || in.spec != "/p" || in.controlFD != 3 || in.envFD != 4 {
			t.Errorf("%s: %+v, %v", args, in, err)
		}
	}
	in, err := parse(nil)
	if err != nil || in.words != nil || in.socket != spec.SocketPath || in.spec != spec.Path || in.controlFD != -1 || in.envFD != -1 {
		t.Errorf("nothing: %+v, %v", in, err)
	}
}

func TestArgumentsFromTheEnvironment(t *testing.T) {
	for _, c := range []struct{ args, env, want string }{
		{"", " --spec  /p ", "--spec /p"}, {"status", "--spec /p", "status"}, {"", "", ""},
	} {
		if got := strings.Join(arguments(strings.Fields(c.args), c.env), " "); got != c.want {
			t.Errorf("%q and %q: %q, want %q", c.args, c.env, got, c.want)
		}
	}
}

// stuck is a stderr that nobody reads.
type stuck chan struct{}

func (s stuck) Write(p []byte) (int, error) {
	<-s
	return len(p), nil
}

func TestVoiceWaitsForNobody(t *testing.T) {
	w := make(stuck)
	v := newVoice(w)
	started := time.Now()
	for range 10 * voiceLines {
		v.say("a line")
	}
	v.close()
	if took := time.Since(started); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
	close(w)
	<-v.done
}

func TestVoiceWritesLines(t *testing.T) {
	var w strings.Builder
	v := newVoice(&w)
	v.say("web: ready after 2.01s (GET /health 200)")
	v.say("stopping")
	v.close()
	if got, want := w.String(), "sandwright-init: web: ready after 2.01s (GET /health 200)\nsandwright-init: stopping\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// envFile gives a descriptor that readEnv may close.
func envFile(t *testing.T, text string) int {
	t.Helper()
	path := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func TestReadEnv(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                           "map[]",
		`{"A": "1", "B": "x=y\n"} `:    "map[A:1 B:x=y\n]",
		`{"A": "s3cret"} {"B": "2"}`:   "",
		`{"A": 1}`:                     "",
		`["s3cret"]`:                   "",
		`{"A": "s3cret`:                "",
		``:                             "",
		`{"A": {"s3cret": "s3cret"}} `: "",
	} {
		got, err := readEnv(envFile(t, text))
		if (err == nil) != (want != "") || (err == nil && fmt.Sprint(got) != want) {
			t.Errorf("%s: %v, %v, want %s", text, got, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "s3cret") || fault.Code(err) != fault.ExitConfig) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestOwnEnvIsWhatIsDeclared(t *testing.T) {
	t.Setenv("REQUIRED", "1")
	t.Setenv("FROM", "2")
	t.Setenv("OTHER", "3")
	s := spec.Spec{Variables: []spec.Variable{{Name: "REQUIRED", Required: true}, {Name: "FROM"}, {Name: "UNSET"}}}
	got, err := startEnv(nil, &s)
	if want := "map[FROM:2 REQUIRED:1]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("got %v, %v, want %s", got, err, want)
	}
}

func TestInheritedRefusesWhatDoesNotListen(t *testing.T) {
	_, err := inherited(envFile(t, ""))
	if err == nil || fault.Code(err) != fault.ExitUsage || !strings.HasSuffix(err.Error(), "socket operation on non-socket") {
		t.Errorf("got %v", err)
	}
}

// Without a place for its own socket, a supervisor with an inherited one goes
// on, and one without does not.
func TestListenAll(t *testing.T) {
	dir := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "host")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(file, "socket")
	var said []string
	got, err := listenAll(invocation{socket: nowhere, controlFD: fd}, func(line string) { said = append(said, line) })
	if err != nil || len(got) != 1 || fmt.Sprint(said) != "[cannot listen on "+nowhere+": not a directory]" {
		t.Errorf("with an inherited socket: %v, %v, said %q", got, err, said)
	}
	for _, l := range got {
		l.Close()
	}
	if _, err := listenAll(invocation{socket: nowhere, controlFD: -1}, nil); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("without: %v", err)
	}
	if _, err := listen(file); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("over a file that is no socket: %v", err)
	}
}

func TestAlign(t *testing.T) {
	got := align([][]string{{"A", "LONGER", "LAST"}, {"wider", "x", ""}, {"", "", "z"}})
	if want := "A      LONGER  LAST\nwider  x       \n               z\n"; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
