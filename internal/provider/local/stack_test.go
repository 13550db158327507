//go:build linux

package local

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/spec"
)

// lays makes one layer of lines such as "dir a", "file a/b text", "gone a/c",
// "covers a" (an opaque folder) and "link a/d target".
func lays(t *testing.T, lines ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, line := range lines {
		words := append(strings.SplitN(line, " ", 3), "")
		at := filepath.Join(dir, words[1])
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		switch words[0] {
		case "dir":
			err = errors.Join(err, os.MkdirAll(at, 0o755))
		case "covers":
			err = errors.Join(err, os.MkdirAll(at, 0o755), unix.Setxattr(at, "trusted.overlay.opaque", []byte("y"), 0))
		case "moved":
			err = errors.Join(err, os.MkdirAll(at, 0o755), unix.Setxattr(at, "trusted.overlay.redirect", []byte("/b"), 0))
		case "marked":
			err = errors.Join(err, os.MkdirAll(at, 0o755), unix.Setxattr(at, "user.mark", []byte("x"), 0))
		case "file":
			err = errors.Join(err, os.WriteFile(at, []byte(words[2]), 0o640))
		case "link":
			err = errors.Join(err, os.Symlink(words[2], at))
		case "gone":
			err = errors.Join(err, unix.Mknod(at, unix.S_IFCHR, 0))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mounted is what the kernel makes of layers.
func mounted(t *testing.T, s stack) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("overlay", dir, "overlay", 0, "lowerdir="+strings.Join(s, ":")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// Any layers over each other are to find what they are to the kernel.
func TestFindsWhatTheKernelDoes(t *testing.T) {
	names := []string{"a", "b"}
	var paths []string
	for _, x := range names {
		for _, y := range names {
			for _, z := range names {
				paths = append(paths, x+"/"+y+"/"+z)
			}
			paths = append(paths, x+"/"+y)
		}
		paths = append(paths, x)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		var s stack
		var told []string
		for range 2 + random.IntN(3) {
			s = append(s, randomLayer(t, random, names, &told))
		}
		root := mounted(t, s)
		for _, p := range paths {
			var want unix.Stat_t
			err := unix.Lstat(filepath.Join(root, p), &want)
			got, findErr := s.find(p)
			switch {
			case errors.Is(findErr, provider.ErrUnfit) && (errors.Is(err, unix.ENOTDIR) || belowLink(root, p)):
			case findErr == nil && got.at == "" && errors.Is(err, unix.ENOENT):
			case findErr != nil || err != nil || got.stat.Mode != want.Mode || got.stat.Mtim != want.Mtim || want.Mode&unix.S_IFMT == unix.S_IFREG && got.stat.Size != want.Size:
				t.Errorf("round %d, %s: found %+v, %v; the kernel has mode %o, %v in\n%s", round, p, got, findErr, want.Mode, err, strings.Join(told, "\n"))
			}
		}
	}
}

func belowLink(root, p string) bool {
	for dir := filepath.Dir(p); dir != "."; dir = filepath.Dir(dir) {
		if info, err := os.Lstat(filepath.Join(root, dir)); err == nil && info.Mode()&os.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// randomLayer has something at some paths of up to three names, each its time.
func randomLayer(t *testing.T, random *rand.Rand, names []string, told *[]string) string {
	var lines []string
	var fill func(dir string, depth int)
	fill = func(dir string, depth int) {
		for _, name := range names {
			p := filepath.Join(dir, name)
			kinds := []string{"", "", "file", "gone", "link", "dir", "dir", "covers"}
			switch kind := kinds[random.IntN(len(kinds))]; {
			case kind == "":
			case (kind == "dir" || kind == "covers") && depth < 3:
				lines = append(lines, kind+" "+p)
				fill(p, depth+1)
			case kind == "file" || kind == "gone":
				lines = append(lines, kind+" "+p+" "+strings.Repeat("x", random.IntN(9)))
			case kind == "link":
				lines = append(lines, "link "+p+" nowhere")
			}
		}
	}
	fill("", 1)
	*told = append(append(*told, "layer"), lines...)
	return lays(t, lines...)
}

func contents(text string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

func sumOf(text string) string { return receipt.SumOf([]byte(text)) }

func TestWhatFitsNoLayer(t *testing.T) {
	s := stack{
		lays(t, "file app/a text", "file app/both text", "gone app/gone", "link app/link a", "moved moved", "marked marked"),
		lays(t, "file app/gone old", "file app/both other", "dir app/dir", "file app/large "+strings.Repeat("x", 100), "file marked/a text", "link to app"),
	}
	for _, tt := range []struct {
		name string
		edit provider.Edit
		fits bool
	}{
		{"another text", provider.Edit{Path: "app/a", Was: sumOf("text"), Open: contents("new")}, true},
		{"no text any more", provider.Edit{Path: "app/a", Was: sumOf("text")}, true},
		{"a file more", provider.Edit{Path: "app/b", Open: contents("new"), Mode: 0o644}, true},
		{"a file that had gone", provider.Edit{Path: "app/gone", Open: contents("new"), Mode: 0o644}, true},
		{"any text", provider.Edit{Path: "app/a", Was: provider.Present, Open: contents("new")}, true},
		{"another than it was", provider.Edit{Path: "app/a", Was: sumOf("other"), Open: contents("new")}, false},
		{"it is there", provider.Edit{Path: "app/a", Open: contents("new")}, false},
		{"it is not there", provider.Edit{Path: "app/b", Was: sumOf("text"), Open: contents("new")}, false},
		{"it has gone", provider.Edit{Path: "app/gone", Was: sumOf("old")}, false},
		{"any that is not there", provider.Edit{Path: "app/b", Was: provider.Present, Open: contents("new")}, false},
		{"a folder", provider.Edit{Path: "app/dir", Was: provider.Present, Open: contents("new")}, false},
		{"a link", provider.Edit{Path: "app/link", Was: sumOf("text"), Open: contents("new")}, false},
		{"below a link", provider.Edit{Path: "to/a", Was: sumOf("text"), Open: contents("new")}, false},
		{"below a file", provider.Edit{Path: "app/a/b", Open: contents("new")}, false},
		{"in no folder", provider.Edit{Path: "app/more/b", Open: contents("new")}, false},
		{"in a folder that was moved", provider.Edit{Path: "moved/b", Open: contents("new")}, false},
		{"in a folder with attributes", provider.Edit{Path: "marked/a", Was: sumOf("text"), Open: contents("new")}, false},
		{"of one of the layers it may be in", provider.Edit{Path: "app/a", Was: sumOf("text"), In: []string{s[1], s[0]}, Open: contents("new")}, true},
		{"of a layer that it may not be in", provider.Edit{Path: "app/a", Was: sumOf("text"), In: s[1:], Open: contents("new")}, false},
		{"one that covers another", provider.Edit{Path: "app/both", Was: sumOf("text"), Open: contents("new")}, true},
		{"gone from above another", provider.Edit{Path: "app/both", Was: sumOf("text")}, false},
		{"too much", provider.Edit{Path: "app/a", Was: sumOf("text"), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(make([]byte, mostEdited+1))), nil
		}}, false},
	} {
		_, _, err := s.lay([]provider.Edit{tt.edit}, spec.User{})
		if tt.fits && err != nil || !tt.fits && !errors.Is(err, provider.ErrUnfit) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	broken := errors.New("it cannot be read")
	_, _, err := s.lay([]provider.Edit{{Path: "app/a", Was: provider.Present, Open: func() (io.ReadCloser, error) { return nil, broken }}}, spec.User{})
	if !errors.Is(err, broken) || errors.Is(err, provider.ErrUnfit) {
		t.Errorf("it cannot be read: %v", err)
	}
	large := lays(t, "file a")
	if err := os.Truncate(large+"/a", mostEdited+1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := (stack{large}).lay([]provider.Edit{{Path: "a", Was: sumOf("")}}, spec.User{}); !errors.Is(err, provider.ErrUnfit) {
		t.Errorf("a large file is read: %v", err)
	}
}

// A box has its edits, and of all else what its layers have.
func TestEditsOfABox(t *testing.T) {
	w := newWorld(t)
	layer := lays(t, "file app/a text", "file app/in/b b", "file app/in/c c", "file app/index index")
	for name, mode := range map[string]os.FileMode{"app": 0o750, "app/in": 0o711, "app/index": 0o604} {
		if err := errors.Join(os.Lchown(filepath.Join(layer, name), 1000, 1001), os.Chmod(filepath.Join(layer, name), mode)); err != nil {
			t.Fatal(err)
		}
	}
	c := config("edited")
	c.Rootfs.Lower = append([]string{layer}, c.Rootfs.Lower...)
	const look = "cd /app; stat -c '%n %a %u:%g %Y' . in; for f in a in/*; do stat -c '%n %a %u:%g' $f; cat $f; echo; done; cat index; stat -c ' %a %u:%g' index"
	old := w.start(t, c)
	times := strings.Fields(sh(t, old, "cd /app; stat -c %Y . in"))
	c.Rootfs.Edits = []provider.Edit{
		{Path: "app/a", Was: sumOf("text"), Mode: 0o755, Open: contents("edited")},
		{Path: "app/in/b", Was: sumOf("b")},
		{Path: "app/in/new", Mode: 0o644, Open: contents("new")},
		{Path: "app/index", Was: provider.Present, Open: contents("other")},
	}
	want := fmt.Sprintf(". 750 1000:1001 %s\nin 711 1000:1001 %s\na 755 0:0\nedited\nin/c 640 0:0\nc\nin/new 644 1000:1000\nnew\nother 604 1000:1001", times[0], times[1])
	// What does not fit is said while the old one still runs.
	unfit := c
	unfit.Rootfs.Edits = append([]provider.Edit{{Path: "app/in/b", Was: sumOf("another")}}, c.Rootfs.Edits...)
	if _, err := w.Replace(t.Context(), old, unfit); !errors.Is(err, provider.ErrUnfit) {
		t.Fatal(err)
	}
	if got := sh(t, old, "cat /app/a"); got != "text" {
		t.Errorf("the old one says %q", got)
	}
	s := w.replace(t, old, c)
	if got := sh(t, s, look); got != want || s.Info().Edits != 4 {
		t.Errorf("in the box is\n%s\nand not\n%s\n%+v", got, want, s.Info())
	}
	if text, err := os.ReadFile(layer + "/app/a"); err != nil || string(text) != "text" {
		t.Errorf("the layer has %q, %v", text, err)
	}
}

// A layer that the disk has no room for is refused while the old sandbox runs.
func TestRoomForEdits(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	for size, fits := range map[int]bool{0: true, 900 << 10: true, 1100 << 10: false, mostEdited: false} {
		if err := room(dir, []laid{{Path: "a", Kind: laidFile, Size: size}}); fits && err != nil || !fits && !errors.Is(err, provider.ErrUnfit) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	for _, layer := range [][]laid{nil, {{Path: "a", Kind: laidGone}}} {
		if err := errors.Join(room(dir, layer), room(dir+"/not there", layer)); err != nil {
			t.Error(err)
		}
	}
}

// What a shim is sent it reads, the contents with it.
func TestRequests(t *testing.T) {
	sent := request{
		Place: place{"/state", "id"}, Runtime: "runc", Edits: 2, contents: [][]byte{[]byte("\n{\"a\":1}\n"), {}},
		Laid: []laid{{Path: "a", Kind: laidDir, Mode: 0o755}, {Path: "a/b", Kind: laidFile, Size: 9}, {Path: "a/c", Kind: laidGone}, {Path: "a/d", Kind: laidFile}},
	}
	var wire bytes.Buffer
	if err := sent.write(&wire); err != nil {
		t.Fatal(err)
	}
	got, err := readRequest(bytes.NewReader(wire.Bytes()))
	if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", sent) {
		t.Errorf("%v: got\n%+v, sent\n%+v", err, got, sent)
	}
	for cut := range wire.Len() - 1 {
		if _, err := readRequest(bytes.NewReader(wire.Bytes()[:cut])); err == nil {
			t.Errorf("%d of %d bytes are taken for a request", cut, wire.Len())
		}
	}
}
