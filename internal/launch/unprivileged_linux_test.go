package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// What can be had without privileges is had, and the rest is said.
func TestWithoutPrivileges(t *testing.T) {
	if os.Getenv(unprivileged) == "" {
		c := Command{Argv: []string{copyOfUs(t), "-test.run", "^TestWithoutPrivileges$", "-test.v"}, Env: append(os.Environ(), unprivileged+"=1")}
		c.User, c.Dir = &spec.User{Name: "nobody", UID: 65534, GID: 65534, Groups: []uint32{7}}, "/tmp"
		if got := output(t, c); !strings.Contains(got, "--- PASS: TestWithoutPrivileges") {
			t.Errorf("%s", got)
		}
		return
	}
	user := func(u spec.User) Command { c := sh("id -u"); c.User = &u; return c }
	for name, tt := range map[string]struct {
		c    Command
		want string // how the error begins; "" is none
	}{
		"nobody in particular":       {sh("id -u"), ""},
		"ourselves":                  {user(spec.User{Name: "nobody", UID: 65534, GID: 65534}), ""},
		"ourselves, with our groups": {user(spec.User{Name: "nobody", UID: 65534, GID: 65534, Groups: []uint32{7}}), ""},
		"ourselves, looked up":       {sh("id -u").as("nobody"), ""},
		"with another group":         {user(spec.User{Name: "nobody", UID: 65534, GID: 65534, Groups: []uint32{0}}), "cannot become user nobody (uid 65534, gid 65534): without privileges only uid 65534 and gid 65534 can be had: operation not permitted"},
		"another primary group":      {sh("id -u").as("nobody:root"), "cannot become user nobody:root (uid 65534, gid 0): "},
		"root":                       {user(spec.User{Name: "root"}), "cannot become user root (uid 0, gid 0): "},
		"nicer":                      {sh("id -u").with(spec.Limits{Nice: 19}), ""},
		"less nice":                  {sh("id -u").with(spec.Limits{Nice: -5}), "cannot set its nice to -5: permission denied"},
		"a lower limit":              {sh("id -u").with(spec.Limits{Rlimits: limit("nofile", 64, 64)}), ""},
		"no capabilities, for sure":  {sh("id -u").with(spec.Limits{CapDrop: []string{"ALL"}, NoNewPrivs: true}), ""},
		"no capabilities":            {sh("id -u").with(spec.Limits{CapDrop: []string{"CHOWN"}}), "cannot drop capability CHOWN: operation not permitted"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.want == "" {
				if got := output(t, tt.c); got != "65534\n" {
					t.Errorf("%q", got)
				}
				return
			}
			_, err := Start(tt.c)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || (!errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES)) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

// copyOfUs is this executable where every user may run it.
func copyOfUs(t *testing.T) string {
	t.Helper()
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	file := filepath.Join(openDir(t), "launch.test")
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(out.Chmod(0o755), out.Close()); err != nil {
		t.Fatal(err)
	}
	return file
}

// What we were given ourselves is not for the programs.
func TestInheritedDescriptorsAreKept(t *testing.T) {
	fd, err := unix.Open(os.DevNull, unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for name, keep := range map[string]func() error{"at once": KeepDescriptors, "one by one": keepEach} {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			t.Fatal(err)
		}
		if err := keep(); err != nil {
			t.Fatal(err)
		}
		script := fmt.Sprintf("[ -e /proc/$$/fd/%d ] || echo closed", fd)
		if got := output(t, sh(script)); got != "closed\n" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Another program, or another command line, is no trampoline.
func TestTrampolineIsNothingToOthers(*testing.T) {
	for _, args := range [][]string{
		nil, {"sandwright-init"}, {trampolineName}, {trampolineName, "5"}, {trampolineName, trampolineFlag}, {trampolineName, trampolineFlag + "x"},
		{trampolineName, trampolineFlag + "2"}, {trampolineName, trampolineFlag + "-1"}, {trampolineName, trampolineFlag + "5", "x"}, {"x", trampolineFlag + "5"},
	} {
		Trampoline(args) // would end this process
	}
}

// Orders that are cut short, too long or no orders are refused.
func TestHearRefuses(t *testing.T) {
	for text, ok := range map[string]bool{
		"\x00\x00\x00\x02{}":               true,
		"\x00\x00\x00\x02{":                false,
		"\x00\x00\x00":                     false,
		"":                                 false,
		"\xff\xff\xff\xff{}":               false,
		"\x00\x00\x00\x02[]":               false,
		"\x00\x00\x00\x0c{\"Umask\":\"\"}": false,
	} {
		file := filepath.Join(t.TempDir(), "orders")
		write(t, file, text, 0o644)
		fd, err := unix.Open(file, unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hear(fd); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
		unix.Close(fd)
	}
}

func BenchmarkStart(b *testing.B) {
	for name, limits := range map[string]spec.Limits{"fork": {}, "trampoline": {Umask: "0022"}} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				pid, err := Start(Command{Argv: []string{"true"}, Env: path, Limits: limits})
				if err != nil {
					b.Fatal(err)
				}
				abandon(pid)
			}
		})
	}
}
