package smallfile

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// lay makes one of everything that a path may lead to.
func lay(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "in")
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(dir, "folder"), 0o755))
	must(os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600))
	must(os.WriteFile(filepath.Join(dir, "fits"), bytes.Repeat([]byte("x"), 2048), 0o600))
	must(os.WriteFile(filepath.Join(dir, "large"), bytes.Repeat([]byte("x"), 2049), 0o600))
	must(os.WriteFile(filepath.Join(dir, "../out"), []byte("secret"), 0o600))
	must(os.Symlink("fits", filepath.Join(dir, "link")))
	must(os.Symlink("../out", filepath.Join(dir, "leaves")))
	must(os.Symlink("/dev/zero", filepath.Join(dir, "endless")))
	must(os.Symlink("loop", filepath.Join(dir, "loop")))
	must(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	socket, err := net.Listen("unix", filepath.Join(dir, "socket"))
	must(err)
	t.Cleanup(func() { _ = socket.Close() })
	sparse, err := os.Create(filepath.Join(dir, "sparse"))
	must(err)
	must(errors.Join(sparse.Truncate(1<<40), sparse.Close()))
	return dir
}

// Each way of reading gives a small file whole, and ends at once with a reason
// that says no path for everything else.
func TestReads(t *testing.T) {
	dir := lay(t)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	ways := map[string]func(name string) ([]byte, error){
		"Read":   func(name string) ([]byte, error) { return Read(filepath.Join(dir, name), 2048) },
		"ReadIn": func(name string) ([]byte, error) { return ReadIn(root, name, 2048) },
		"Open": func(name string) ([]byte, error) {
			f, err := Open(filepath.Join(dir, name))
			if err != nil {
				return nil, err
			}
			return read(func() (*os.File, error) { return f, nil }, 2048)
		},
		"ReadBelow": func(name string) ([]byte, error) { return ReadBelow(dir, name, 2048) },
	}
	for _, c := range []struct {
		name, why string
		size      int
		is        error
	}{
		{"empty", "", 0, nil},
		{"fits", "", 2048, nil},
		{"link", "", 2048, nil},
		{"large", "it is larger than 2 KiB", 0, nil},
		{"sparse", "it is larger than 2 KiB", 0, nil},
		{"folder", "it is no regular file", 0, ErrNotRegular},
		{"pipe", "it is no regular file", 0, ErrNotRegular},
		{"socket", "no such device or address", 0, syscall.ENXIO},
		{"absent", "no such file or directory", 0, fs.ErrNotExist},
		{"fits/below", "not a directory", 0, syscall.ENOTDIR},
		{"loop", "too many levels of symbolic links", 0, syscall.ELOOP},
	} {
		for way, read := range ways {
			data, err := read(c.name)
			if c.why == "" && (err != nil || len(data) != c.size) || c.why != "" && (err == nil || err.Error() != c.why) {
				t.Errorf("%s of %s: %d bytes, %v", way, c.name, len(data), err)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%s of %s: %v is not %v", way, c.name, err, c.is)
			}
		}
	}
}

// What leads out of a folder is read by Read alone, which is for paths of the
// user's own choice.
func TestLinksThatLeave(t *testing.T) {
	dir := lay(t)
	if data, err := Read(filepath.Join(dir, "leaves"), 100); err != nil || string(data) != "secret" {
		t.Errorf("%q, %v", data, err)
	}
	for _, name := range []string{"leaves", "../out", filepath.Join(dir, "../out"), "endless"} {
		if data, err := ReadBelow(dir, name, 100); err == nil {
			t.Errorf("%s gives %q", name, data)
		}
	}
	if _, err := ReadBelow(filepath.Join(dir, "absent"), "fits", 100); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestNothingHoldsItUp(t *testing.T) {
	dir := lay(t)
	done := make(chan error, 1)
	go func() {
		_, err := Read(filepath.Join(dir, "endless"), 100)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, ErrNotRegular) {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it reads /dev/zero without end")
	}
}

func TestSize(t *testing.T) {
	for max, want := range map[int64]string{64 << 20: "64 MiB", 1 << 20: "1 MiB", 4 << 10: "4 KiB", 1000: "1000 bytes", 1<<20 + 1: "1048577 bytes"} {
		if got := size(max); got != want {
			t.Errorf("%d is %q, want %q", max, got, want)
		}
	}
}
