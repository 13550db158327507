package stage

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// knownAlone gives a cache that knows this tree alone, which gets a folder: with
// it, all that another has tracked is looked at ahead, and no folder of that known.
func (d *dir) knownAlone() string {
	d.t.Helper()
	d.git("init", "-q", "-b", "main")
	d.file("a/b", "")
	time.Sleep(2 * racyWindow)
	file := d.path("../cache")
	d.remembered(file)
	return file
}

// remembered writes a cache that knows folders.
func (d *dir) remembered(file string) {
	d.t.Helper()
	d.cached(file)
	if readCache(file).folders.len() == 0 {
		d.t.Fatal("the cache knows no folder")
	}
}

// What is looked at ahead is staged as without: where all is as it was, and
// where something has changed since the cache was written.
func TestAhead(t *testing.T) {
	changes := map[string]func(d *dir){
		"nothing":                    func(*dir) {},
		"a file":                     func(d *dir) { d.file("p0/q/f0001", "other") },
		"a file is gone":             func(d *dir) { d.remove("p0/q/f0001") },
		"a folder is gone":           func(d *dir) { d.remove("p1") },
		"a folder is a file":         func(d *dir) { d.remove("p1"); d.file("p1", "") },
		"a folder is a link":         func(d *dir) { d.remove("p1"); d.link("p1", "p0") },
		"a folder is a link out":     func(d *dir) { d.remove("p1"); d.link("p1", "/etc") },
		"a file is a folder":         func(d *dir) { d.remove("p0/q/f0001"); d.file("p0/q/f0001/x", "") },
		"a file is a link":           func(d *dir) { d.remove("p0/q/f0001"); d.link("p0/q/f0001", "f0002") },
		"a file is a fifo":           func(d *dir) { d.remove("p0/q/f0001"); d.fifo("p0/q/f0001") },
		"a new file":                 func(d *dir) { d.file("p0/q/a", "") },
		"a new file of a new folder": func(d *dir) { d.file("p0/a/b/c", ""); d.file("z/z", "") },
		"a fifo":                     func(d *dir) { d.fifo("p0/fifo") },
		"another mode":               func(d *dir) { d.check(os.Chmod(d.path("p0/q/f0001"), 0o755)) },
		"rules":                      func(d *dir) { d.file(".dockerignore", "p0/q/f000?\n!p0/q/f0003\n") },
		"an ignored folder":          func(d *dir) { d.file(".gitignore", "dist\n"); d.file("p0/dist/x", "") },
		"a conflict":                 func(d *dir) { conflict(d, "p0/q/f0001") },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			d := newDir(t)
			d.git("init", "-q", "-b", "main")
			for i := range 3 * aheadNames / 2 {
				d.file(fmt.Sprintf("p%d/q/f%04d", i%3, i/3), fmt.Sprint(i%7))
			}
			d.commit()
			time.Sleep(2 * racyWindow)
			file := d.path("../cache")
			d.remembered(file)
			change(d)
			var seen [2][]string
			for i, cache := range []string{"", file} {
				tree, err := Inspect(t.Context(), d.root, Options{Cache: cache})
				d.check(err)
				defer tree.Close()
				if seen[i] = append(list(tree), lines(tree.Notices())...); tree.Err() == nil {
					digest, err := tree.Digest(t.Context())
					d.check(err)
					seen[i] = append(seen[i], digest)
				} else {
					seen[i] = append(seen[i], tree.Err().Error())
				}
			}
			if diff := cmp.Diff(seen[0], seen[1]); diff != "" {
				t.Errorf("without (-), and with what is seen ahead (+):\n%s", diff)
			}
		})
	}
}

// conflict leaves a file of which the index has three stages.
func conflict(d *dir, p string) {
	d.git("checkout", "-q", "-b", "other")
	d.file(p, "theirs")
	d.commit()
	d.git("checkout", "-q", "main")
	d.file(p, "ours")
	d.commit()
	d.git("read-tree", "-i", "-m", "main~1", "main", "other")
}

// However many cores there are, what looks ahead holds fewer folders open than
// a process may have by custom.
func TestLookers(t *testing.T) {
	for _, c := range []struct{ cores, parts, want int }{
		{1, 0, 0}, {0, 9, 1}, {1, 9, 1}, {3, 9, 3}, {4, 2, 2}, {256, 900, maxLookers},
	} {
		if got := lookers(c.cores, c.parts); got != c.want || got*(maxOpen+1) > 1024/2 {
			t.Errorf("%d cores and %d parts make %d", c.cores, c.parts, got)
		}
	}
}
