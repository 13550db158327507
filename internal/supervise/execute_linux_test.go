package supervise

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sandwright/sandwright/internal/spec"
)

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"bin/tool": 0o755, "sbin/tool": 0o755, "sbin/other": 0o755, "bin/plain": 0o644} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	absolute := "PATH=" + dir + "/nope:" + dir + "/bin:" + dir + "/sbin"
	tests := []struct{ command, path, want string }{
		{"tool", absolute, dir + "/bin/tool"},
		{"other", absolute, dir + "/sbin/other"},
		{"other", "PATH=sbin", dir + "/sbin/other"},
		{"plain", absolute, ""},
		{"bin", "PATH=" + dir, ""},
		{"tool", "PATH=", ""},
		{"tool", "OTHER=" + dir, ""},
		{"sh", "OTHER=x", "/usr/bin/sh"},
		{"./tool", absolute, "./tool"},
		{"/x/tool", absolute, "/x/tool"},
	}
	for _, tt := range tests {
		got, err := lookPath(tt.command, dir, []string{tt.path})
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s in %s: %q, %v, want %q", tt.command, tt.path, got, err, tt.want)
		}
		if err != nil && !errors.Is(err, syscall.ENOENT) {
			t.Errorf("%s: the error has no errno: %v", tt.command, err)
		}
	}
}

func TestShebang(t *testing.T) {
	file := filepath.Join(t.TempDir(), "script")
	for text, want := range map[string]string{
		"#!/bin/sh\n":             "/bin/sh",
		"#! /usr/bin/env node\n":  "/usr/bin/env",
		"#!/bin/sh":               "/bin/sh",
		"#!\n":                    "",
		"":                        "",
		"\x7fELF\x02":             "",
		"echo #!/bin/sh\n":        "",
		strings.Repeat("x", 5000): "",
	} {
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		if got := shebang(file); got != want {
			t.Errorf("%.20q: %q, want %q", text, got, want)
		}
	}
	if got := shebang(file + "-not"); got != "" {
		t.Errorf("a missing file: %q", got)
	}
}

func TestExplain(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"script": "#!/opt/nope\n", "binary": "\x7fELF"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		program string
		errno   syscall.Errno
		want    string
	}{
		{"/nope", syscall.ENOENT, "cannot start /nope: no such file or directory"},
		{"script", syscall.ENOENT, "cannot start " + dir + "/script: its interpreter /opt/nope: no such file or directory"},
		{"binary", syscall.ENOENT, "cannot start " + dir + "/binary: its loader: no such file or directory"},
		{"./binary", syscall.ENOEXEC, "cannot start " + dir + "/binary: exec format error"},
	}
	for _, tt := range tests {
		err := explain(tt.program, dir, tt.errno)
		if err.Error() != tt.want || !errors.Is(err, tt.errno) {
			t.Errorf("%s: %v, want %s", tt.program, err, tt.want)
		}
	}
}

func TestPlaceLeavesTheRestClosed(t *testing.T) {
	for number, want := range map[int]string{3: "[7 8 9 5]", 6: "[7 8 9 c c c 5]"} {
		got := fmt.Sprint(place([]uintptr{7, 8, 9}, number, 5))
		if got := strings.ReplaceAll(got, fmt.Sprint(closed), "c"); got != want {
			t.Errorf("at %d: %s, want %s", number, got, want)
		}
	}
}

func TestOnlyAnotherUserNeedsCredentials(t *testing.T) {
	if attr := sysProcAttr(nil); !attr.Setsid || attr.Credential != nil {
		t.Errorf("nobody in particular: %+v", attr)
	}
	attr := sysProcAttr(&spec.User{UID: 1000, GID: 1001})
	if !attr.Setsid || attr.Credential == nil || attr.Credential.Uid != 1000 || attr.Credential.Gid != 1001 || len(attr.Credential.Groups) != 0 || attr.Credential.NoSetGroups {
		t.Errorf("another user: %+v", attr)
	}
}

func TestChildren(t *testing.T) {
	process, err := os.StartProcess("/bin/sleep", []string{"sleep", "100"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	if got := children(); !slices.Contains(got, process.Pid) || slices.Contains(got, os.Getpid()) {
		t.Errorf("children %d, want %d among them", got, process.Pid)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := process.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := children(); slices.Contains(got, process.Pid) {
		t.Errorf("children %d", got)
	}
}

func FuzzParent(f *testing.F) {
	f.Add("sleep", 17)
	f.Add("a) R 99 (", 1)
	f.Add("", 0)
	f.Fuzz(func(t *testing.T, name string, pid int) {
		stat := fmt.Sprintf("123 (%s) S %d 5 5 0 -1", name, pid)
		if got := parent(stat); got != pid {
			t.Errorf("%q: %d, want %d", stat, got, pid)
		}
		_ = parent(name)
	})
}
