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

// swaps are what an attacker beside the stage does to the tree in a loop.
func swaps(d *dir) []func() {
	exchange := func(a, b string) func() {
		return func() { _ = unix.Renameat2(unix.AT_FDCWD, d.path(a), unix.AT_FDCWD, d.path(b), unix.RENAME_EXCHANGE) }
	}
	rewrite := func(p string) func() {
		texts := [][]byte{[]byte("mine, and harmless"), []byte("mine")}
		n := 0
		return func() { n++; _ = os.WriteFile(d.path(p), texts[n%2], 0o644) }
	}
	return []func(){
		exchange("d", "../d-swap"), exchange("deep/e", "../e-swap"), exchange("f", "../f-swap"), rewrite("w"),
	}
}

// While folders and files are swapped for links to secrets as fast as it goes,
// staging and reading may fail, but no byte from outside is ever read.
func TestSwapRace(t *testing.T) {
	for _, slow := range []bool{false, true} {
		t.Run(map[bool]string{false: "openat2", true: "by component"}[slow], func(t *testing.T) {
			defer goleak.VerifyNone(t)
			d := checkout(t)
			d.file("d/file", "mine")
			d.file("deep/e/sub/file", "mine")
			d.file("f", "mine")
			d.file("w", "mine")
			d.commit()
			d.link("../d-swap", "../outside")
			d.link("../e-swap", d.path("../outside"))
			d.link("../f-swap", "../outside/file")
			race(t, d, slow, time.Second)
		})
	}
}

func race(t *testing.T, d *dir, slow bool, long time.Duration) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		all := swaps(d)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				all[i%len(all)]()
			}
		}
	}()
	var staged, refused, read int
	for end := time.Now().Add(long); time.Now().Before(end); {
		r, err := openRoot(d.root)
		d.check(err)
		r.slow = slow
		tree, err := inspect(t.Context(), r, Options{})
		d.check(err)
		if tree.Err() != nil {
			refused++
		} else {
			staged++
			read += readHastily(t, tree)
		}
		r.Close()
	}
	close(stop)
	<-done
	t.Logf("%d staged, %d refused, %d files read", staged, refused, read)
	if staged == 0 || read == 0 {
		t.Error("the race was never run: nothing was read")
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
