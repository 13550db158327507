package stage

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// noticed stages with a cache and gives its notices.
func (d *dir) noticed(file string) []string {
	d.t.Helper()
	tree := d.stage(Options{Cache: file})
	_, err := tree.Digest(d.t.Context())
	d.check(err)
	return lines(tree.Notices())
}

// A folder that the cache knows is read again when anything in it changed, even
// where only its folders did, or what is listed of them.
func TestCacheSeesWhatIsSpecial(t *testing.T) {
	const p, q = "left out a/p: it is a fifo", "left out a/b/q: it is a fifo"
	changes := map[string]struct {
		before, after func(d *dir)
		want          []string
	}{
		"a fifo":                    {nil, func(d *dir) { d.fifo("a/p") }, []string{p}},
		"a fifo in place of a file": {nil, func(d *dir) { d.remove("a/z"); d.fifo("a/p") }, []string{p}},
		"a fifo with old times": {nil, func(d *dir) {
			var st unix.Stat_t
			d.check(unix.Stat(d.path("a"), &st))
			d.fifo("a/p")
			d.check(unix.UtimesNano(d.path("a"), []unix.Timespec{st.Atim, st.Mtim}))
		}, []string{p}},
		"a folder that held a file": {func(d *dir) { d.file("a/b/f", "") }, func(d *dir) { d.remove("a/b/f"); d.fifo("a/b/q") }, []string{q}},
		"a folder for another": {func(d *dir) { d.file("a/b/f", ""); d.mkdir("a/c") }, func(d *dir) {
			d.remove("a/b/f")
			d.fifo("a/b/q")
			d.file("a/c/f", "")
		}, []string{q}},
		"rules": {func(d *dir) { d.file(".gitignore", "q\n"); d.mkdir("a/b"); d.fifo("a/b/q") }, func(d *dir) { d.remove(".gitignore") }, []string{q}},
	}
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			d := sample(t)
			d.file("a/z", "")
			if c.before != nil {
				c.before(d)
			}
			time.Sleep(2 * racyWindow)
			file := d.path("../cache")
			for range 2 {
				if got := d.noticed(file); got != nil {
					t.Fatalf("before: %q", got)
				}
			}
			c.after(d)
			for range 2 {
				if got := d.noticed(file); !slices.Equal(got, c.want) {
					t.Errorf("after: %q, want %q", got, c.want)
				}
			}
		})
	}
}

// A second stage reads no folder in which nothing changed.
func TestSecondStageReadsNoFolder(t *testing.T) {
	d, file := settled(t)
	d.file("x/y/z/f", "")
	d.mkdir("hollow")
	time.Sleep(2 * racyWindow)
	folders := func() int {
		tree := d.stage(Options{Cache: file})
		_, err := tree.Digest(t.Context())
		d.check(err)
		read := 0
		for _, f := range tree.folders {
			if tree.cache.folders.find(&f.id) == 0 {
				read++
			}
		}
		if tree.learnt != (read > 0) {
			t.Errorf("%d folders were read, and learnt is %v", read, tree.learnt)
		}
		return read
	}
	if n := folders(); n < 4 {
		t.Errorf("first: %d folders read", n)
	}
	if n := folders(); n != 0 {
		t.Errorf("second: %d folders read", n)
	}
}
