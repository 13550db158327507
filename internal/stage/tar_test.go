package stage

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/fault"
)

func (d *dir) tar(opts Options) []byte {
	d.t.Helper()
	var out bytes.Buffer
	d.check(d.stage(opts).Tar(d.t.Context(), &out))
	return out.Bytes()
}

// untar is what GNU tar makes of a tar.
func (d *dir) untar(data []byte) map[string]string {
	d.t.Helper()
	dest := d.t.TempDir()
	cmd := exec.Command("tar", "-x", "-p", "-C", dest)
	cmd.Stdin = bytes.NewReader(data)
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("tar -x: %v\n%s", err, out)
	}
	return onDisk(d.t, dest)
}

// headers reads a tar with Go's reader, and drains it.
func headers(t *testing.T, data []byte) []*tar.Header {
	t.Helper()
	var all []*tar.Header
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		if err != nil || n != h.Size {
			t.Errorf("%s: %d bytes of %d: %v", h.Name, n, h.Size, err)
		}
		all = append(all, h)
	}
}

// Two programs that we did not write read what a transfer sends, too.
func TestTarIsTheTree(t *testing.T) {
	d := sample(t)
	deep := strings.Repeat("deep/", 30)
	d.file(deep+"f", "fits in prefix and name")
	d.file(strings.Repeat("n", 200), "does not")
	d.file("ü/"+strings.Repeat("ö", 120), "nor does it")
	d.file(strings.Repeat("\xfe", 120), "odd bytes")
	d.file("big", strings.Repeat("0123456789abcdef", 200_000))
	d.file("edge", strings.Repeat("e", tarBuffer))
	d.file("block", strings.Repeat("b", blockSize))
	d.link("long", strings.Repeat("./", 100)+"a-b")
	dest := t.TempDir()
	mustTransfer(t, d.stage(Options{}).FS(), dest)
	want := onDisk(t, dest)
	data := d.tar(Options{})
	if diff := cmp.Diff(want, d.untar(data)); diff != "" {
		t.Errorf("GNU tar (-sent +tar):\n%s", diff)
	}
	got := map[string]bool{}
	for _, h := range headers(t, data) {
		got[strings.TrimSuffix(h.Name, "/")] = true
	}
	for p := range want {
		if !got[p] {
			t.Errorf("Go's reader does not find %q", p)
		}
	}
	if len(got) != len(want) {
		t.Errorf("Go's reader finds %d entries, want %d", len(got), len(want))
	}
}

func TestTarOwnerAndTime(t *testing.T) {
	d := sample(t)
	d.git("add", "-A")
	cmd := exec.Command("git", "-C", d.root, "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "x")
	cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=1700000000 +0100")
	d.check(cmd.Run())
	given := time.Unix(1234567890, 0)
	for _, test := range []struct {
		opts Options
		uid  int
		time int64
	}{
		{Options{}, 0, 1700000000},
		{Options{UID: 1000, GID: 1000, Time: given}, 1000, 1234567890},
		{Options{UID: 4_000_000_000, GID: 4_000_000_000}, 4_000_000_000, 1700000000},
	} {
		for _, h := range headers(t, d.tar(test.opts)) {
			if h.Uid != test.uid || h.Gid != test.uid || h.ModTime.Unix() != test.time || h.Uname != "" {
				t.Errorf("%s: owner %d:%d, time %d; want %d and %d", h.Name, h.Uid, h.Gid, h.ModTime.Unix(), test.uid, test.time)
			}
		}
	}
}

func TestTimeWithoutCommits(t *testing.T) {
	for name, d := range map[string]*dir{"no commit": checkout(t), "no repository": newDir(t)} {
		d.file("f", "")
		when, err := d.stage(Options{}).Time(t.Context())
		if err != nil || when.Unix() != 0 {
			t.Errorf("%s: time %v, %v; want 1970", name, when, err)
		}
	}
}

func TestSourceDate(t *testing.T) {
	if when, err := SourceDate("1700000000"); err != nil || when.Unix() != 1700000000 {
		t.Errorf("%v, %v", when, err)
	}
	for _, bad := range []string{"", "-1", "yesterday", "99999999999999", "1.5"} {
		if _, err := SourceDate(bad); fault.Code(err) != fault.ExitConfig {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

// The bytes depend on neither place, times, modes nor the spelling of the root.
func TestTarIsTheSameElsewhere(t *testing.T) {
	d := sample(t)
	when := time.Unix(5, 0)
	want := d.tar(Options{Time: when})
	d.check(exec.Command("cp", "-r", "--no-preserve=all", d.root, d.path("../elsewhere")).Run())
	d.link("../alias", "elsewhere")
	other := &dir{t: t, parent: d.parent, root: d.path("../alias/../alias/")}
	other.check(os.Chmod(other.path("run.sh"), 0o711))
	other.check(os.Chtimes(other.path("a-b"), time.Unix(1, 0), time.Unix(1, 0)))
	if got := other.tar(Options{Time: when}); !bytes.Equal(got, want) {
		t.Error("the tar differs elsewhere")
	}
}

// holes makes a file of a size that holds nothing but a few bytes at places.
func (d *dir) holes(p string, size int64, text string, at ...int64) {
	d.t.Helper()
	f, err := os.Create(d.path(p))
	d.check(err)
	defer f.Close()
	d.check(f.Truncate(size))
	for _, place := range at {
		_, err := f.WriteAt([]byte(text), place)
		d.check(err)
	}
}

// A file of a terabyte that holds a few bytes costs a few bytes.
func TestSparseFilesCostWhatTheyHold(t *testing.T) {
	const tera = 1 << 40
	d := checkout(t)
	d.holes("tera", tera, "text", 0, 3<<20+5, tera-4)
	d.holes("nothing", tera, "")
	tree := d.stage(Options{})
	start := time.Now()
	if _, err := tree.Digest(t.Context()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	d.check(tree.Tar(t.Context(), &out))
	if took := time.Since(start); took > time.Minute || out.Len() > 1<<20 {
		t.Errorf("%d bytes in %v", out.Len(), took)
	}
	r := tar.NewReader(&out)
	for _, name := range []string{"nothing", "tera"} {
		h, err := r.Next()
		d.check(err)
		if h.Name != name || h.Size != tera {
			t.Errorf("%s has %d bytes, want %s with %d", h.Name, h.Size, name, int64(tera))
		}
	}
	start4 := make([]byte, 4)
	if _, err := io.ReadFull(r, start4); err != nil || string(start4) != "text" {
		t.Errorf("it starts with %q, %v", start4, err)
	}
}

// What a file with holes holds arrives where it was, also by GNU tar.
func TestSparseFileArrives(t *testing.T) {
	d := checkout(t)
	places := map[string][]int64{
		"a": {0}, "b": {5 << 20}, "c": {1 << 20, 9<<20 - 4}, "d": {}, "e": {0, 2 << 20, 4 << 20, 6 << 20},
	}
	want := map[string][32]byte{}
	for name, at := range places {
		d.holes(name, 9<<20, "text", at...)
		data, err := os.ReadFile(d.path(name))
		d.check(err)
		want[name] = sha256.Sum256(data)
	}
	for name, text := range d.untar(d.tar(Options{})) {
		if got := sha256.Sum256([]byte(strings.TrimPrefix(text, "-rw-r--r-- "))); got != want[name] {
			t.Errorf("%s arrives as %d other bytes", name, len(text)-11)
		}
	}
}

// Holes are zeros: the digest does not know how zeros are stored.
func TestDigestIgnoresHoles(t *testing.T) {
	var sums []string
	for _, sparse := range []bool{true, false} {
		d := checkout(t)
		d.holes("f", 5<<20+17, "text", 2<<20+1)
		data, err := os.ReadFile(d.path("f"))
		d.check(err)
		if !sparse {
			d.file("f", string(data))
		}
		sums = append(sums, d.digest())
		data[4<<20] = 1
		d.file("f", string(data))
		sums = append(sums, d.digest())
	}
	if sums[0] != sums[2] || sums[1] != sums[3] || sums[0] == sums[1] {
		t.Errorf("digests %q: want two pairs", sums)
	}
}

func TestTarFails(t *testing.T) {
	d := sample(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.stage(Options{Time: time.Unix(1, 0)}).Tar(cancelled, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := d.stage(Options{}).Tar(t.Context(), fullDisk{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a writer that fails: %v", err)
	}
	tree := d.stage(Options{})
	d.remove("a0")
	d.link("a0", filepath.Join(d.parent, "outside/file"))
	if err := tree.Tar(t.Context(), io.Discard); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "cannot stage a0: ") {
		t.Errorf("a file that is gone: %v", err)
	}
	d.remove("a0")
	d.link("bad", "/etc/passwd")
	refused, err := Inspect(t.Context(), d.root, Options{})
	d.check(err)
	defer refused.Close()
	if err := refused.Tar(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "bad") {
		t.Errorf("a tree with a refusal: %v", err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// A file that changed since the look is looked at again, and is what it is now.
func TestChangedFileIsReadAgain(t *testing.T) {
	d := checkout(t)
	d.file("f", "first")
	d.file("g", "other")
	tree := d.stage(Options{})
	time.Sleep(20 * time.Millisecond)
	d.file("f", "second and longer")
	var out bytes.Buffer
	d.check(tree.Tar(t.Context(), &out))
	if got := d.untar(out.Bytes())["f"]; got != "-rw-r--r-- second and longer" {
		t.Errorf("the tar has %q", got)
	}
	sum, err := tree.Digest(t.Context())
	d.check(err)
	if want := d.digest(); sum != want {
		t.Error("the digest is not that of the tree as it is now")
	}
	if got := readAll(t, tree)["f"]; got != "second and longer" {
		t.Errorf("a transfer after it reads %q", got)
	}
}

// A file that changes each time it is read is named.
func TestEverChangingFileIsNamed(t *testing.T) {
	d := checkout(t)
	d.file("log", strings.Repeat("x", 16*chunkSize))
	tree := d.stage(Options{})
	f, err := os.OpenFile(d.path("log"), os.O_APPEND|os.O_WRONLY, 0)
	d.check(err)
	defer f.Close()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = f.WriteString("y")
			}
		}
	}()
	named := false
	for end := time.Now().Add(time.Minute); !named && time.Now().Before(end); {
		_, err = tree.Digest(t.Context())
		named = errors.Is(err, ErrChanged) && strings.Contains(err.Error(), "cannot stage log: ")
	}
	close(stop)
	<-done
	if !named {
		t.Errorf("digest of a file that grows all the time: %v", err)
	}
}

// A large file that changes once a part of it is written cannot be read again.
func TestLargeFileChangesUnderWay(t *testing.T) {
	d := checkout(t)
	d.file("log", strings.Repeat("x", 3*tarBuffer))
	tree := d.stage(Options{Time: time.Unix(1, 0)})
	f, err := os.OpenFile(d.path("log"), os.O_APPEND|os.O_WRONLY, 0)
	d.check(err)
	defer f.Close()
	grow := writer(func(b []byte) (int, error) { _, err := f.WriteString("y"); return len(b), err })
	if err := tree.Tar(t.Context(), grow); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "cannot stage log: ") {
		t.Errorf("tar of a file that grows with each write: %v", err)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
