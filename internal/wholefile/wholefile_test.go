package wholefile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestPut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, tt := range []struct {
		text string
		mode fs.FileMode
	}{{"", 0o600}, {"short", 0o644}, {strings.Repeat("long", 1<<16), 0o640}, {"again", 0o600}} {
		if err := Put(path, tt.mode, []byte(tt.text)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != tt.text {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		kept := filepath.Join(t.TempDir(), "kept")
		if err := Keep(kept, tt.mode, func(w io.Writer) error { _, err := io.WriteString(w, tt.text); return err }); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(kept); err != nil || string(got) != tt.text {
			t.Errorf("kept %d bytes, %v", len(got), err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != tt.mode {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if got := names(t, filepath.Dir(path)); len(got) != 1 {
			t.Errorf("left: %q", got)
		}
	}
}

func TestWriteFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := Put(path, 0o644, []byte("old")); err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	for _, write := range []func(string, fs.FileMode, func(io.Writer) error) error{Write, Keep} {
		err := write(path, 0o644, func(w io.Writer) error {
			_, _ = w.Write(make([]byte, 1<<20))
			if now := names(t, filepath.Dir(path)); len(now) != 2 || !strings.HasPrefix(now[0], ".f.") {
				t.Errorf("meanwhile: %q", now)
			}
			return no
		})
		if !errors.Is(err, no) {
			t.Errorf("got %v", err)
		}
		if got, err := os.ReadFile(path); string(got) != "old" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if got := names(t, filepath.Dir(path)); len(got) != 1 {
			t.Errorf("left: %q", got)
		}
	}
	if err := Put(filepath.Join(filepath.Dir(path), "none", "f"), 0o644, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestOnlyFilesAreReplaced(t *testing.T) {
	dir := t.TempDir()
	for name, make := range map[string]func(path string) error{
		"folder":              func(path string) error { return os.Mkdir(path, 0o755) },
		"pipe":                func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"link to a device":    func(path string) error { return os.Symlink("/dev/null", path) },
		"link to this folder": func(path string) error { return os.Symlink(dir, path) },
	} {
		path := filepath.Join(dir, name)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		if err := Put(path, 0o644, []byte("x")); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := names(t, dir); len(got) != 4 {
		t.Errorf("left: %q", got)
	}
}

func TestLinkIsReplaced(t *testing.T) {
	dir := t.TempDir()
	aim, path := filepath.Join(dir, "aim"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(aim, []byte("old"), 0o644), os.Symlink(aim, path), Put(path, 0o644, []byte("new"))); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if got, _ := os.ReadFile(aim); string(got) != "old" {
		t.Errorf("the link was followed: %q", got)
	}
}
