package stage

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// settled is a sample whose files are old enough to be remembered.
func settled(t *testing.T) (*dir, string) {
	d := sample(t)
	time.Sleep(2 * racyWindow)
	return d, filepath.Join(t.TempDir(), "new", "cache")
}

func TestSecondStageReadsNothing(t *testing.T) {
	d, file := settled(t)
	want := d.digest()
	if got, n := d.cached(file); got != want || n != 7 {
		t.Errorf("first: %d unknown, digest %s; want 7, %s", n, got, want)
	}
	before, err := os.Stat(file)
	d.check(err)
	opened := watchOpens(t, d)
	if got, n := d.cached(file); got != want || n != 0 {
		t.Errorf("second: %d unknown, digest %s; want 0, %s", n, got, want)
	}
	if opened() {
		t.Error("the second stage opened a file")
	}
	if d.digest(); !opened() {
		t.Error("the watch does not see what a stage without a cache reads")
	}
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) {
		t.Errorf("the cache was written again: %v", err)
	}
}

// watchOpens gives a function that says whether any file was opened since.
func watchOpens(t *testing.T, d *dir) func() bool {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	d.check(err)
	t.Cleanup(func() { unix.Close(fd) })
	for _, e := range d.stage(Options{}).Entries() {
		if e.Kind == File {
			_, err := unix.InotifyAddWatch(fd, d.path(e.Path), unix.IN_OPEN|unix.IN_ACCESS)
			d.check(err)
		}
	}
	return func() bool {
		n, _ := unix.Read(fd, make([]byte, 1<<16))
		return n > 0
	}
}

// Each way to change a file is seen, and only that file is read again.
func TestCacheSeesEachChange(t *testing.T) {
	keep := func(d *dir, p string, change func()) {
		info, err := os.Stat(d.path(p))
		d.check(err)
		change()
		d.check(os.Chtimes(d.path(p), info.ModTime(), info.ModTime()))
	}
	changes := map[string]func(d *dir){
		"contents":                 func(d *dir) { d.file("a-b", "other") },
		"same size":                func(d *dir) { d.file("a-b", "DASH") },
		"same size and time":       func(d *dir) { keep(d, "a-b", func() { d.file("a-b", "DASH") }) },
		"another file, same stamp": func(d *dir) { keep(d, "a-b", func() { d.remove("a-b"); d.file("a-b", "DASH") }) },
		"through a map":            func(d *dir) { mapAndWrite(d, "a-b", "DASH") },
		"swapped": func(d *dir) {
			d.file("x", "DASH")
			d.check(unix.Renameat2(unix.AT_FDCWD, d.path("x"), unix.AT_FDCWD, d.path("a-b"), unix.RENAME_EXCHANGE))
			d.remove("x")
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			d, file := settled(t)
			before, _ := d.cached(file)
			change(d)
			after, n := d.cached(file)
			if after == before || after != d.digest() || n != 1 {
				t.Errorf("%d files unknown, digest %s after %s, want one and %s", n, after, before, d.digest())
			}
		})
	}
}

func mapAndWrite(d *dir, p, text string) {
	d.t.Helper()
	f, err := os.OpenFile(d.path(p), os.O_RDWR, 0)
	d.check(err)
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, len(text), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	d.check(err)
	copy(m, text)
	d.check(unix.Munmap(m))
}

// Edits that keep the size, as fast as they go, are never taken for unchanged:
// what was changed just before a look is not remembered.
func TestCacheOfRacyFiles(t *testing.T) {
	d, file := checkout(t), filepath.Join(t.TempDir(), "cache")
	when := time.Unix(1_700_000_000, 0)
	for i := range 40 {
		text := string(rune('a' + i%26))
		d.check(os.WriteFile(d.path("f"), []byte(text), 0o644))
		d.check(os.Chtimes(d.path("f"), when, when))
		got, _ := d.cached(file)
		if want := d.digest(); got != want {
			t.Fatalf("edit %d is not seen", i)
		}
	}
}

// A file system that counts seconds needs a longer wait.
func TestRacy(t *testing.T) {
	look := time.Unix(1_700_000_000, 500_000_000)
	at := func(d time.Duration) int64 { return look.Add(d).UnixNano() }
	second := time.Unix(1_700_000_000, 0)
	for name, test := range map[string]struct {
		id   identity
		want bool
	}{
		"old":                     {identity{mtime: at(-time.Hour), ctime: at(-time.Hour)}, false},
		"just now":                {identity{mtime: at(-time.Millisecond), ctime: at(-time.Millisecond)}, true},
		"time set back":           {identity{mtime: at(-time.Hour), ctime: at(-time.Millisecond)}, true},
		"modified by another now": {identity{mtime: at(-time.Millisecond), ctime: at(-time.Hour)}, true},
		"time in the future":      {identity{mtime: at(time.Hour), ctime: at(-time.Hour)}, false},
		"clock was set back":      {identity{mtime: at(time.Hour), ctime: at(time.Hour)}, true},
		"whole seconds, recent":   {identity{mtime: second.UnixNano(), ctime: second.UnixNano()}, true},
		"whole seconds, old":      {identity{mtime: second.Add(-3 * time.Second).UnixNano(), ctime: second.Add(-3 * time.Second).UnixNano()}, false},
	} {
		if got := racy(test.id, look); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// A cache that is damaged, cut, of another version or of another tree is no help,
// and no harm.
func TestBadCache(t *testing.T) {
	d, file := settled(t)
	want, _ := d.cached(file)
	good, err := os.ReadFile(file)
	d.check(err)
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)-20] ^= 1
	for name, data := range map[string]string{
		"empty": "", "cut": string(good[:len(good)-1]), "half": string(good[:len(good)/2]), "flipped": string(flipped),
		"other version": "sandwright stage 0\n" + string(good[len(cacheMagic):]), "noise": strings.Repeat("x", 1000),
	} {
		d.check(os.WriteFile(file, []byte(data), 0o600))
		if got, n := d.cached(file); got != want || n != 7 {
			t.Errorf("%s: digest %s, %d unknown; want %s, 7", name, got, n, want)
		}
	}
	d.check(os.Remove(file))
	d.check(os.Mkdir(file, 0o755))
	if _, err := d.stage(Options{Cache: file}).Digest(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot keep what was read") {
		t.Errorf("a cache that cannot be written: %v", err)
	}
}

// Files found in another order than they were kept in are found all the same.
func TestCacheInAnotherOrder(t *testing.T) {
	d, file := settled(t)
	d.cached(file)
	d.check(os.Rename(d.path("a"), d.path("zz")))
	d.file("0", "new")
	if _, n := d.cached(file); n != 1 {
		t.Errorf("%d files unknown, want the new one", n)
	}
}

// A new checkout of the same files has the same pseudo times, and is not sent.
func TestNewCheckoutIsNotSent(t *testing.T) {
	d, dest := sample(t), t.TempDir()
	time.Sleep(2 * racyWindow)
	send := func() int {
		tree := d.stage(Options{})
		if _, err := tree.Digest(context.Background()); err != nil {
			t.Fatal(err)
		}
		return mustTransfer(t, tree.FS(), dest)
	}
	if send() == 0 {
		t.Error("the first transfer sent nothing")
	}
	for _, p := range []string{"a0", "a-b", "run.sh"} {
		data, err := os.ReadFile(d.path(p))
		d.check(err)
		info, err := os.Stat(d.path(p))
		d.check(err)
		d.remove(p)
		d.check(os.WriteFile(d.path(p), data, info.Mode()))
	}
	time.Sleep(2 * racyWindow)
	if n := send(); n != 0 {
		t.Errorf("%d bytes were sent again", n)
	}
}
