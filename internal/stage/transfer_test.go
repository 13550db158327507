package stage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/workspace"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// A pipe is one end of a stream in memory that writes messages as the network
// would, and counts the bytes of contents.
type pipe struct {
	ctx  context.Context
	in   <-chan []byte
	out  chan<- []byte
	data *counter
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add(n int) { c.mu.Lock(); defer c.mu.Unlock(); c.n += n }

func (p *pipe) Context() context.Context { return p.ctx }

func (p *pipe) SendMsg(m any) error {
	packet := m.(*types.Packet)
	p.data.add(len(packet.Data))
	b, err := packet.MarshalVT()
	if err != nil {
		return err
	}
	select {
	case p.out <- b:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

func (p *pipe) RecvMsg(m any) error {
	select {
	case b, ok := <-p.in:
		if !ok {
			return io.EOF
		}
		return m.(*types.Packet).UnmarshalVT(b)
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// transferTo sends a tree to dest with the protocol of BuildKit's client and
// gives how many bytes of contents went over.
func transferTo(ctx context.Context, from fsutil.FS, dest string) (int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	from = FailWith(from, cancel)
	g := errgroup.Group{}
	there, back, data := make(chan []byte, 16), make(chan []byte, 16), &counter{}
	g.Go(func() error {
		defer close(there)
		return fsutil.Send(ctx, &pipe{ctx, back, there, data}, from, nil)
	})
	g.Go(func() error {
		return fsutil.Receive(ctx, &pipe{ctx, there, back, data}, dest, fsutil.ReceiveOpt{})
	})
	err := g.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return data.n, err
}

// onDisk lists a received folder: kind, mode, owner and contents.
func onDisk(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		var st unix.Stat_t
		if err := unix.Lstat(p, &st); err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case d.Type().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			text += " " + string(data)
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			text += " " + target
		}
		found[rel] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func mustTransfer(t *testing.T, from fsutil.FS, dest string) int {
	t.Helper()
	n, err := transferTo(t.Context(), from, dest)
	if err != nil {
		t.Fatalf("transfer: %v", err)
	}
	return n
}

func sample(t *testing.T) *dir {
	d := checkout(t)
	d.file("a/b/c", "deep")
	d.file("a-b", "dash")
	d.file("a.txt", "dot")
	d.file("a0", strings.Repeat("large", 50_000))
	d.file("empty", "")
	d.file("run.sh", "#!/bin/sh\n")
	d.check(os.Chmod(d.path("run.sh"), 0o700))
	d.file("\xff odd\n", "bytes")
	d.link("l", "a/b")
	d.link("a/up", "../a0")
	return d
}

func TestTransfer(t *testing.T) {
	d, dest := sample(t), t.TempDir()
	mustTransfer(t, d.stage(Options{}).FS(), dest)
	want := map[string]string{
		"a": "drwxr-xr-x", "a/b": "drwxr-xr-x", "a/b/c": "-rw-r--r-- deep", "a-b": "-rw-r--r-- dash", "a.txt": "-rw-r--r-- dot",
		"a0": "-rw-r--r-- " + strings.Repeat("large", 50_000), "empty": "-rw-r--r-- ", "run.sh": "-rwxr-xr-x #!/bin/sh\n",
		"\xff odd\n": "-rw-r--r-- bytes", "l": "Lrwxrwxrwx a/b", "a/up": "Lrwxrwxrwx ../a0",
	}
	if diff := cmp.Diff(want, onDisk(t, dest)); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}

func TestSecondTransferSendsNothing(t *testing.T) {
	d, dest := sample(t), t.TempDir()
	time.Sleep(2 * racyWindow)
	if n := mustTransfer(t, d.stage(Options{}).FS(), dest); n == 0 {
		t.Error("the first transfer sent no contents")
	}
	if n := mustTransfer(t, d.stage(Options{}).FS(), dest); n != 0 {
		t.Errorf("the second transfer sent %d bytes of contents, want 0", n)
	}
}

// An edit arrives even if size and modification time are as before.
func TestHiddenEditArrives(t *testing.T) {
	d, dest := sample(t), t.TempDir()
	when := time.Now().Add(-time.Hour)
	d.check(os.Chtimes(d.path("a-b"), when, when))
	time.Sleep(2 * racyWindow)
	mustTransfer(t, d.stage(Options{}).FS(), dest)
	d.file("a-b", "DASH")
	d.check(os.Chtimes(d.path("a-b"), when, when))
	if n := mustTransfer(t, d.stage(Options{}).FS(), dest); n != len("DASH") {
		t.Errorf("%d bytes were sent, want 4", n)
	}
	if got := onDisk(t, dest)["a-b"]; got != "-rw-r--r-- DASH" {
		t.Errorf("received %q", got)
	}
}

// Edits that follow a look at once arrive too, however coarse the clock is.
func TestRacyEditArrives(t *testing.T) {
	d, dest := checkout(t), t.TempDir()
	for i := range 20 {
		want := string(rune('a' + i))
		d.file("f", want)
		mustTransfer(t, d.stage(Options{}).FS(), dest)
		if got := onDisk(t, dest)["f"]; got != "-rw-r--r-- "+want {
			t.Fatalf("received %q, want %q", got, want)
		}
	}
}

func TestChangesOfKindArrive(t *testing.T) {
	d, dest := checkout(t), t.TempDir()
	d.file("x", "file")
	d.file("y/z", "below")
	mustTransfer(t, d.stage(Options{}).FS(), dest)
	d.remove("x")
	d.remove("y")
	d.file("x/new", "below")
	d.link("y", "x")
	mustTransfer(t, d.stage(Options{}).FS(), dest)
	want := map[string]string{"x": "drwxr-xr-x", "x/new": "-rw-r--r-- below", "y": "Lrwxrwxrwx x"}
	if diff := cmp.Diff(want, onDisk(t, dest)); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}

// A file that changes after the look fails the transfer: it never becomes an
// empty or a mixed one.
func TestChangeFailsTheTransfer(t *testing.T) {
	changes := map[string]func(d *dir){
		"longer":    func(d *dir) { d.file("f", "first and more") },
		"shorter":   func(d *dir) { d.file("f", "f") },
		"same size": func(d *dir) { d.file("f", "FIRST") },
		"removed":   func(d *dir) { d.remove("f") },
		"link":      func(d *dir) { d.remove("f"); d.link("f", "../outside/file") },
		"folder":    func(d *dir) { d.remove("f"); d.mkdir("f") },
		"fifo":      func(d *dir) { d.remove("f"); d.fifo("f") },
		"replaced":  func(d *dir) { d.file("g", "first"); d.check(os.Rename(d.path("g"), d.path("f"))) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			d := checkout(t)
			d.file("f", "first")
			tree := d.stage(Options{})
			time.Sleep(20 * time.Millisecond)
			change(d)
			if _, err := transferTo(t.Context(), tree.FS(), t.TempDir()); !errors.Is(err, ErrChanged) {
				t.Errorf("the transfer gives %v, want ErrChanged", err)
			}
			rc, err := tree.FS().Open("f")
			d.check(err)
			defer rc.Close()
			if _, err := io.ReadAll(rc); !errors.Is(err, ErrChanged) {
				t.Errorf("reading gives %v, want ErrChanged", err)
			}
		})
	}
}

func TestChangeWhileReading(t *testing.T) {
	for name, text := range map[string]string{"cut": "", "grown": strings.Repeat("y", 200_000), "same": strings.Repeat("y", 100_000)} {
		t.Run(name, func(t *testing.T) {
			d := checkout(t)
			d.file("f", strings.Repeat("x", 100_000))
			rc, err := d.stage(Options{}).FS().Open("f")
			d.check(err)
			defer rc.Close()
			if _, err := io.ReadFull(rc, make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
			d.file("f", text)
			if _, err := io.ReadAll(rc); !errors.Is(err, ErrChanged) {
				t.Errorf("reading gives %v, want ErrChanged", err)
			}
		})
	}
}

func TestOwner(t *testing.T) {
	d := sample(t)
	err := d.stage(Options{UID: 1000, GID: 1001}).FS().Walk(t.Context(), "", func(p string, e fs.DirEntry, err error) error {
		info, _ := e.Info()
		if st := info.Sys().(*types.Stat); st.Uid != 1000 || st.Gid != 1001 {
			t.Errorf("%s belongs to %d:%d", p, st.Uid, st.Gid)
		}
		return err
	})
	d.check(err)
}

func walked(t *testing.T, v fsutil.FS, target string, answer func(p string) error) []string {
	t.Helper()
	var seen []string
	err := v.Walk(t.Context(), target, func(p string, _ fs.DirEntry, err error) error {
		seen = append(seen, p)
		return answer(p)
	})
	if err != nil {
		t.Errorf("walk %q: %v", target, err)
	}
	return seen
}

func TestWalk(t *testing.T) {
	d := checkout(t)
	for _, p := range []string{"a/b/c", "a/b/d", "a/e", "a-f", "g"} {
		d.file(p, "")
	}
	v := d.stage(Options{}).FS()
	skip := func(at string, with error) func(string) error {
		return func(p string) error {
			if p == at {
				return with
			}
			return nil
		}
	}
	tests := []struct {
		target string
		answer func(string) error
		want   []string
	}{
		{"", skip("", nil), []string{"a", "a/b", "a/b/c", "a/b/d", "a/e", "a-f", "g"}},
		{"/", skip("", nil), []string{"a", "a/b", "a/b/c", "a/b/d", "a/e", "a-f", "g"}},
		{"/a/b", skip("", nil), []string{"a/b", "a/b/c", "a/b/d"}},
		{"a", skip("", nil), []string{"a", "a/b", "a/b/c", "a/b/d", "a/e"}},
		{"g", skip("", nil), []string{"g"}},
		{"", skip("a", fs.SkipDir), []string{"a", "a-f", "g"}},
		{"", skip("a/b", fs.SkipDir), []string{"a", "a/b", "a/e", "a-f", "g"}},
		{"", skip("a/b/c", fs.SkipDir), []string{"a", "a/b", "a/b/c", "a/e", "a-f", "g"}},
		{"", skip("a-f", fs.SkipDir), []string{"a", "a/b", "a/b/c", "a/b/d", "a/e", "a-f"}},
		{"", skip("a/e", fs.SkipAll), []string{"a", "a/b", "a/b/c", "a/b/d", "a/e"}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, walked(t, v, test.target, test.answer)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.target, diff)
		}
	}
	nothing := func(string, fs.DirEntry, error) error { return nil }
	if err := v.Walk(t.Context(), "missing", nothing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing target gives %v", err)
	}
	if err := v.Walk(t.Context(), "", func(string, fs.DirEntry, error) error { return io.ErrNoProgress }); err != io.ErrNoProgress {
		t.Errorf("an error of the caller became %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Walk(cancelled, "", nothing); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled walk gives %v", err)
	}
}

// BuildKit's client puts its own filter over the tree.
func TestUnderAFilter(t *testing.T) {
	d := sample(t)
	v, err := fsutil.NewFilterFS(d.stage(Options{}).FS(), &fsutil.FilterOpt{IncludePatterns: []string{"a/b"}, FollowPaths: []string{"l/c"}})
	d.check(err)
	dest := t.TempDir()
	mustTransfer(t, v, dest)
	want := map[string]string{"a": "drwxr-xr-x", "a/b": "drwxr-xr-x", "a/b/c": "-rw-r--r-- deep", "l": "Lrwxrwxrwx a/b"}
	if diff := cmp.Diff(want, onDisk(t, dest)); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}

func inputs(pairs ...string) []workspace.Input {
	var out []workspace.Input
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, workspace.Input{Path: pairs[i], Data: []byte(pairs[i+1])})
	}
	return out
}

func TestFiles(t *testing.T) {
	dest := t.TempDir()
	files := []string{"package.json", "{}", "apps/b/package.json", "b", "apps/a/package.json", "a", "apps-x", ""}
	if n := mustTransfer(t, Files(inputs(files...), Options{}), dest); n != 4 {
		t.Errorf("%d bytes were sent, want 4", n)
	}
	want := map[string]string{
		"apps": "drwxr-xr-x", "apps/a": "drwxr-xr-x", "apps/a/package.json": "-rw-r--r-- a", "apps/b": "drwxr-xr-x",
		"apps/b/package.json": "-rw-r--r-- b", "apps-x": "-rw-r--r-- ", "package.json": "-rw-r--r-- {}",
	}
	if diff := cmp.Diff(want, onDisk(t, dest)); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
	if n := mustTransfer(t, Files(inputs(files...), Options{}), dest); n != 0 {
		t.Errorf("the same files again sent %d bytes", n)
	}
	files[3] = "B"
	if n := mustTransfer(t, Files(inputs(files...), Options{}), dest); n != 1 {
		t.Errorf("one byte changed, %d were sent", n)
	}
}

func TestFilesRefusesPaths(t *testing.T) {
	for _, bad := range [][]string{{"../a", ""}, {"/a", ""}, {"a//b", ""}, {".", ""}, {"a", "", "a", ""}, {"a", "", "a/b", ""}, {"", ""}} {
		err := Files(inputs(bad...), Options{}).Walk(t.Context(), "", func(string, fs.DirEntry, error) error { return nil })
		if err == nil || !strings.HasPrefix(err.Error(), "cannot use ") {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

func TestOpenOfNoFile(t *testing.T) {
	v := sample(t).stage(Options{}).FS()
	for _, p := range []string{"missing", "a", "l", "../outside/file", "/etc/passwd", ""} {
		rc, err := v.Open(p)
		if err != nil {
			t.Fatalf("%s: a sender would send an empty file: %v", p, err)
		}
		if data, err := io.ReadAll(rc); err == nil || len(data) > 0 {
			t.Errorf("%s: read %q, %v", p, data, err)
		}
		rc.Close()
	}
}

// A tree of another kind whose Open fails must not become empty files.
func TestFailWithOpen(t *testing.T) {
	d := checkout(t)
	d.file("f", "text")
	v, err := fsutil.NewFS(d.root)
	d.check(err)
	d.check(os.RemoveAll(d.path(".git")))
	dest := t.TempDir()
	if _, err := transferTo(t.Context(), openFails{v}, dest); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("the transfer gives %v, want that it is not permitted", err)
	}
}

type openFails struct{ fsutil.FS }

func (openFails) Open(string) (io.ReadCloser, error) { return nil, fs.ErrPermission }

func TestPseudoTime(t *testing.T) {
	seen := map[int64]bool{}
	base := identity{dev: 1, ino: 2, mtime: 3, ctime: 4, size: 5}
	for _, id := range []identity{base, {2, 2, 3, 4, 5, 0}, {1, 3, 3, 4, 5, 0}, {1, 2, 4, 4, 5, 0}, {1, 2, 3, 5, 5, 0}, {1, 2, 3, 4, 6, 0}, {1, 2, 3, 4, 5, 7}} {
		e := Entry{Kind: File, id: id}
		when := e.modTime()
		if when < 0 || when >= maxPseudo || seen[when] {
			t.Errorf("%+v: time %d is out of range or not its own", id, when)
		}
		seen[when] = true
	}
	if a, b := (&Entry{Kind: Dir, id: base}).modTime(), (&Entry{Kind: Dir}).modTime(); a != b {
		t.Error("the time of a folder depends on what is in it")
	}
}
