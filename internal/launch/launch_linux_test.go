package launch

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

func TestProgramSeesNothingOfTheWay(t *testing.T) {
	inBothWays(t, func(t *testing.T, way func(Command) Command) {
		c := way(sh(`tr '\0' ' ' </proc/$$/cmdline; echo; tr '\0' ' ' </proc/$$/environ; echo; pwd; umask; i=3; while [ $i -lt 300 ]; do [ ! -e /proc/$$/fd/$i ] || echo has $i; i=$((i+1)); done`))
		c.Env = []string{"PATH=/usr/bin:/bin", "B=\xff\xfe", "A="}
		c.Dir = "/usr"
		got := lines(t, c)
		if got[0] != strings.Join(c.Argv, " ")+" " || !strings.HasPrefix(got[1], "PATH=/usr/bin:/bin B=\xff\xfe A= ") || !slices.Equal(got[2:], []string{"/usr", "0022"}) {
			t.Errorf("%q", got)
		}
	})
}

func TestProgramLeadsItsSession(t *testing.T) {
	inBothWays(t, func(t *testing.T, way func(Command) Command) {
		got := strings.Fields(output(t, way(sh(`cat /proc/$$/stat; echo $PPID`))))
		if pid := got[0]; got[4] != pid || got[5] != pid || got[len(got)-1] != fmt.Sprint(os.Getpid()) {
			t.Errorf("%q: group %s, session %s, child of %s", pid, got[4], got[5], got[len(got)-1])
		}
	})
}

// A descriptor stands at its number, and a closed one is closed, even where the
// runtime of the trampoline would open it.
func TestDescriptorsStandAtTheirNumbers(t *testing.T) {
	inBothWays(t, func(t *testing.T, way func(Command) Command) {
		c := way(Command{Argv: []string{"ls", "-l", "/proc/self/fd"}, Env: path})
		c.Files = []uintptr{Closed, 1, Closed, Closed, Closed, 1}
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		c.Files[5] = null.Fd()
		var got []string
		for _, line := range lines(t, c) {
			if words := strings.Fields(line); len(words) > 3 && !strings.Contains(line, "/proc/") {
				got = append(got, words[len(words)-3]+" "+strings.SplitN(words[len(words)-1], ":", 2)[0])
			}
		}
		if want := []string{"1 pipe", "5 /dev/null"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// A program that is started by a supervisor that ignores signals, or blocks
// them, does neither.
func TestSignalsAreAsByDefault(t *testing.T) {
	signal.Ignore(syscall.SIGHUP, syscall.SIGTTOU, syscall.SIGPIPE)
	defer signal.Reset(syscall.SIGHUP, syscall.SIGTTOU, syscall.SIGPIPE)
	if len(ignored()) < 3 {
		t.Fatalf("ignored are %d", ignored())
	}
	inBothWays(t, func(t *testing.T, way func(Command) Command) {
		if got := field(t, way(Command{}), "SigIgn"); strings.Trim(got, "0") != "" {
			t.Errorf("ignored: %s", got)
		}
	})
}

func TestNoSignalIsBlocked(t *testing.T) {
	inBothWays(t, func(t *testing.T, way func(Command) Command) {
		done := make(chan string)
		go func() {
			defer close(done)
			runtimeLocked(func() { done <- field(t, way(Command{}), "SigBlk") })
		}()
		if got := <-done; strings.Trim(got, "0") != "" {
			t.Errorf("blocked: %s", got)
		}
		<-done
	})
}

func TestErrorsSayWhatIsMissing(t *testing.T) {
	dir := openDir(t)
	write(t, dir+"/script", "#!/opt/nope --flag\n", 0o755)
	write(t, dir+"/binary", "\x7fELF", 0o755)
	write(t, dir+"/plain", "text", 0o644)
	write(t, dir+"/locked/tool", "#!/bin/sh\n", 0o755)
	if err := os.Chmod(dir+"/locked", 0o700); err != nil {
		t.Fatal(err)
	}
	nobody := &spec.User{Name: "nobody", UID: 65534, GID: 65534}
	tests := []struct {
		argv, dir string
		user      *spec.User
		errno     syscall.Errno
		want      string
	}{
		{"nodex", "", nil, unix.ENOENT, "cannot find nodex in PATH /usr/bin:/bin: no such file or directory"},
		{"/nope/node", "", nil, unix.ENOENT, "cannot start /nope/node: no such file or directory"},
		{"./nope", dir, nil, unix.ENOENT, "cannot start " + dir + "/nope: no such file or directory"},
		{"./script", dir, nil, unix.ENOENT, "cannot start " + dir + "/script: its interpreter /opt/nope: no such file or directory"},
		{"./binary", dir, nil, unix.ENOEXEC, "cannot start " + dir + "/binary: exec format error"},
		{dir + "/plain", "", nil, unix.EACCES, "cannot start " + dir + "/plain: permission denied"},
		{"true", "/nope", nil, unix.ENOENT, "cannot start in /nope: no such file or directory"},
		{"true", dir + "/plain", nil, unix.ENOTDIR, "cannot start in " + dir + "/plain: not a directory"},
		{"true", dir + "/locked", nobody, unix.EACCES, "cannot start in " + dir + "/locked: permission denied"},
		{dir + "/locked/tool", "", nobody, unix.EACCES, "cannot start " + dir + "/locked/tool: permission denied"},
	}
	inBothWays(t, func(t *testing.T, way func(Command) Command) {
		for _, tt := range tests {
			_, err := Start(way(Command{Argv: []string{tt.argv}, Dir: tt.dir, User: tt.user, Env: path}))
			if err == nil || err.Error() != tt.want || !errors.Is(err, tt.errno) {
				t.Errorf("%s in %s: %v, want %s", tt.argv, tt.dir, err, tt.want)
			}
		}
		if got := children(t); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	})
}

// A directory that only the user may enter is entered as the user.
func TestDirIsEnteredAsTheUser(t *testing.T) {
	dir := filepath.Join(openDir(t), "home")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	inBothWays(t, func(t *testing.T, way func(Command) Command) {
		c := way(sh("pwd; touch x").as("nobody"))
		c.Dir = dir
		if got := output(t, c); got != dir+"\n" {
			t.Errorf("%q", got)
		}
	})
}

// The kernel's longest environment gets through.
func TestLongEnvironment(t *testing.T) {
	inBothWays(t, func(t *testing.T, way func(Command) Command) {
		c := way(sh(`echo ${#A1} ${#A9}`))
		for i := range 10 {
			c.Env = append(c.Env, fmt.Sprintf("A%d=%s", i, strings.Repeat("x", 100_000)))
		}
		if got := output(t, c); got != "100000 100000\n" {
			t.Errorf("%q", got)
		}
		c.Env = append(c.Env, "B="+strings.Repeat("x", 200_000))
		if _, err := Start(c); !errors.Is(err, unix.E2BIG) {
			t.Errorf("too long: %v", err)
		}
	})
}
