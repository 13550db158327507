package stage

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// raceTime is how long staging and an attacker run beside each other.
const raceTime = 10 * time.Second

// mutations are what an attacker beside the stage does to the tree in a loop.
func mutations(d *dir) []func() {
	exchange := func(a, b string) func() {
		return func() { _ = unix.Renameat2(unix.AT_FDCWD, d.path(a), unix.AT_FDCWD, d.path(b), unix.RENAME_EXCHANGE) }
	}
	turns := func(all ...func()) func() {
		n := 0
		return func() { n++; all[n%len(all)]() }
	}
	write := func(p, text string) func() { return func() { _ = os.WriteFile(d.path(p), []byte(text), 0o644) } }
	swapRoot := exchange(".", "../root-swap")
	return []func(){
		exchange("d", "../d-swap"), exchange("deep/e", "../e-swap"), exchange("f", "../f-swap"), exchange("k", "../k-swap"),
		func() { swapRoot(); time.Sleep(time.Millisecond); swapRoot() },
		turns(write("w", "mine, and harmless"), write("w", "mine")),
		turns(write(".gitignore", "/f\n"), write(".gitignore", "/d\n")),
		turns(func() { _ = os.Rename(d.path("m"), d.path("../m")) }, func() { _ = os.Rename(d.path("../m"), d.path("m")) }),
		turns(func() { _ = os.Symlink("../outside/file", d.path("l")) }, func() { _ = os.Remove(d.path("l")) },
			func() { _ = os.Symlink("f", d.path("l")) }, func() { _ = os.Remove(d.path("l")) }),
		turns(func() { _ = unix.Mkfifo(d.path("p"), 0o644) }, func() { _ = os.Remove(d.path("p")) }, write("p", "mine"), func() { _ = os.Remove(d.path("p")) }),
	}
}

// While folders and files are swapped for links to secrets, and for folders
// that hold some, as fast as it goes, staging and reading may fail, but no byte
// from outside is ever read: by a transfer, a tar or a digest.
func TestRace(t *testing.T) {
	defer goleak.VerifyNone(t)
	d := checkout(t)
	for _, p := range []string{"d/file", "deep/e/sub/file", "f", "w", "k/file", "m/sub/file", "stays/file"} {
		d.file(p, "mine")
	}
	d.commit()
	d.link("../d-swap", "../outside")
	d.link("../e-swap", d.path("../outside"))
	d.link("../f-swap", "../outside/file")
	d.link("../k-swap", "/proc/self/root")
	d.file("../root-swap/f", secret)
	d.link("../root-swap/d", "../outside")
	r, err := openRoot(d.root)
	d.check(err)
	defer r.Close()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		all := mutations(d)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				all[i%len(all)]()
			}
		}
	}()
	var seen tally
	caches := []string{"", "", d.path("../cache"), d.path("../cache")}
	for i, end := 0, time.Now().Add(raceTime); time.Now().Before(end); i++ {
		r.slow = !r.slow
		seen.round(t, r, caches[i%len(caches)])
	}
	close(stop)
	<-done
	t.Logf("%+v", seen)
	if seen.staged == 0 || seen.read == 0 || seen.tars == 0 || seen.digests == 0 || seen.refused == 0 {
		t.Errorf("the race was not run as it should: %+v", seen)
	}
}

// A tally counts what became of each round of a race.
type tally struct{ failed, refused, staged, read, tars, digests int }

func (n *tally) round(t *testing.T, r *root, cache string) {
	tree, err := inspect(t.Context(), r, Options{Time: time.Unix(1, 0), Cache: cache})
	if err != nil {
		n.failed++
		return
	}
	if tree.Err() != nil {
		n.refused++
		return
	}
	n.staged++
	n.read += readHastily(t, tree)
	if _, err := tree.Digest(t.Context()); err == nil {
		n.digests++
	}
	var out bytes.Buffer
	if err := tree.Tar(t.Context(), &out); err == nil {
		n.tars++
	}
	if bytes.Contains(out.Bytes(), []byte(secret)) {
		t.Error("a tar holds a secret from outside")
	}
}

// readHastily reads each file several times and counts those that could be.
func readHastily(t *testing.T, tree *Tree) (read int) {
	v := tree.FS()
	for range 20 {
		err := v.Walk(t.Context(), "", func(p string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			rc, err := v.Open(p)
			if err != nil {
				return err
			}
			defer rc.Close()
			data, err := io.ReadAll(rc)
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s gave a secret from outside", p)
			}
			if err == nil {
				read++
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	return read
}

// Both ways to open below the root agree on what is there and what is not.
func TestWaysToOpenAgree(t *testing.T) {
	d := newDir(t)
	d.file("a/b/c", "x")
	d.link("l", "a")
	d.link("a/out", "/etc")
	r, err := openRoot(d.root)
	d.check(err)
	defer r.Close()
	for _, p := range []string{".", "a", "a/b", "a/b/c", "l", "l/b", "a/out", "a/out/passwd", "missing", "a/b/c/d", "..", "a/../..", "a/missing/x"} {
		for _, flags := range []int{fileFlags, dirFlags} {
			var got [2]bool
			for i, slow := range []bool{false, true} {
				r.slow = slow
				f, err := r.open(p, flags)
				if got[i] = err == nil; got[i] {
					f.Close()
				}
			}
			if got[0] != got[1] {
				t.Errorf("%s with flags %o: openat2 %v, by component %v", p, flags, got[0], got[1])
			}
		}
	}
}

// Opening many files at once leaves no descriptor behind.
func TestNoDescriptorsLeft(t *testing.T) {
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	d := sample(t)
	d.link("bad", "/etc")
	before := count()
	for range 20 {
		if _, err := Open(t.Context(), d.root, Options{}); err == nil {
			t.Fatal("a tree with a bad link was opened")
		}
	}
	d.remove("bad")
	for range 20 {
		tree := d.stage(Options{})
		readAll(t, tree)
		d.check(tree.Close())
	}
	if after := count(); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
