package fetch

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/lock"
)

// archived writes an archive for a part to read.
func archived(t testing.TB, packed lock.Packing, data []byte) part {
	t.Helper()
	file := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return part{file: file, packed: packed, name: "tool"}
}

// readAll visits and reads everything in an archive.
func readAll(p part, l limits) error {
	return p.read(newUnpacker(l), func(_ entry, body io.Reader) error {
		_, err := io.Copy(io.Discard, body)
		return err
	})
}

func TestReadPackageRefuses(t *testing.T) {
	sym := func(name, link string) file { return file{name: name, link: link, kind: tar.TypeSymlink} }
	hard := func(name, link string) file { return file{name: name, link: link, kind: tar.TypeLink} }
	dir := func(name string) file { return file{name: name, kind: tar.TypeDir, mode: 0o755} }
	for _, c := range []struct {
		name  string
		files []file
		want  string
	}{
		{"absolute", []file{{name: "/etc/passwd"}}, `cannot unpack "/etc/passwd": its name is absolute`},
		{"dots", []file{{name: "package/../../etc/passwd"}}, `cannot unpack "package/../../etc/passwd": its name has .. in it`},
		{"inner dots", []file{{name: "package/a/../b"}}, "its name has .. in it"},
		{"control", []file{{name: "package/a\nb"}}, "its name has a control character in it"},
		{"whiteout", []file{{name: "package/.wh.bin"}}, "its name would delete a file in an image"},
		{"opaque whiteout", []file{{name: "package/d/.wh..wh..opq"}}, "its name would delete a file in an image"},
		{"long", []file{{name: "package/" + strings.Repeat("a/", 600) + "a"}}, "its name is empty or too long"},
		{"top", []file{{name: "package.json"}}, "it stands outside of the package"},
		{"doubled", []file{{name: "package/a"}, {name: "package/a"}}, "it is there twice"},
		{"doubled by another spelling", []file{{name: "package/a"}, {name: "package/./a"}}, "it is there twice"},
		{"doubled below another top", []file{{name: "package/a"}, {name: "other/a"}}, "it is there twice"},
		{"file as directory", []file{{name: "package/a"}, {name: "package/a/b"}}, "it stands below something that is no directory"},
		{"directory as file", []file{{name: "package/a/b"}, {name: "package/a"}}, "it is there twice"},
		{"link as directory", []file{sym("package/a", "b"), {name: "package/a/c"}}, "it stands below something that is no directory"},
		{"link over directory", []file{dir("package/a"), sym("package/a", "b")}, "it is there twice"},
		{"absolute link", []file{sym("package/a", "/etc/shadow")}, "it links out of the package, to /etc/shadow"},
		{"link above", []file{sym("package/d/a", "../../x")}, "it links out of the package, to ../../x"},
		{"link to the parent", []file{sym("package/a", "..")}, "it links out of the package, to .."},
		{"link up after down", []file{sym("package/l", "d"), sym("package/m", "l/../../x")}, "it links up again after going down"},
		{"case", []file{{name: "package/README"}, {name: "package/readme"}}, "it differs only in case from README"},
		{"case of a directory", []file{{name: "package/A/b"}, {name: "package/a/c"}}, "it differs only in case from A"},
		{"case of a file and a directory", []file{{name: "package/x/É"}, {name: "package/x/é/c"}}, "it differs only in case from x/É"},
		{"case beyond upper and lower", []file{{name: "package/\u212a"}, {name: "package/k"}}, "it differs only in case from"},
		{"backslash", []file{{name: `package/..\..\x`}}, `its name has a \ in it`},
		{"control in a link", []file{sym("package/a", "b\nc")}, "what it links to has a control character"},
		{"hard link above", []file{hard("package/a", "../../etc/shadow")}, "it links out of the package"},
		{"absolute hard link", []file{hard("package/a", "/etc/shadow")}, "it links out of the package"},
		{"hard link to nothing", []file{hard("package/a", "package/b")}, "it links to something that is no file of the package"},
		{"hard link to a link", []file{sym("package/b", "c"), hard("package/a", "package/b")}, "it links to something that is no file"},
		{"device", []file{{name: "package/null", kind: tar.TypeChar}}, "it is neither file, directory nor link"},
		{"fifo", []file{{name: "package/pipe", kind: tar.TypeFifo}}, "it is neither file, directory nor link"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := readAll(archived(t, lock.PackedNPM, tarball(t, c.files...)), defaultLimits())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestReadPackageTakesWhatStaysInside(t *testing.T) {
	data := tarball(t,
		file{name: "package/", kind: tar.TypeDir},
		file{name: "package/d/", kind: tar.TypeDir},
		file{name: "package/d/", kind: tar.TypeDir},
		file{name: "package/d/f", data: "hello", mode: 0o4755},
		file{name: "package/d/up", link: "../x", kind: tar.TypeSymlink},
		file{name: "package/x", data: "x"},
		file{name: "package/same", link: "package/d/f", kind: tar.TypeLink},
		file{name: "package/ünï", data: ""},
	)
	var got []entry
	err := archived(t, lock.PackedNPM, data).read(newUnpacker(defaultLimits()), func(e entry, _ io.Reader) error {
		got = append(got, e)
		return nil
	})
	want := []entry{
		{name: "d", kind: tar.TypeDir}, {name: "d", kind: tar.TypeDir},
		{name: "d/f", kind: tar.TypeReg, exec: true, size: 5},
		{name: "d/up", kind: tar.TypeSymlink, link: "../x"},
		{name: "x", kind: tar.TypeReg, size: 1},
		{name: "same", kind: tar.TypeLink, link: "d/f"},
		{name: "ünï", kind: tar.TypeReg},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(entry{})); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestReadPackageOfNoArchive(t *testing.T) {
	whole := tarball(t, file{name: "package/a", data: noise(100_000)})
	for name, data := range map[string][]byte{
		"html":      []byte("<!doctype html>"),
		"empty":     nil,
		"truncated": whole[:len(whole)/2],
	} {
		err := readAll(archived(t, lock.PackedNPM, data), defaultLimits())
		if err == nil || !strings.HasPrefix(err.Error(), "cannot unpack it: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestBombs(t *testing.T) {
	three := tarball(t, file{name: "p/a", data: "12345"}, file{name: "p/d/", kind: tar.TypeDir}, file{name: "p/b", data: "12345"}, file{name: "p/c"})
	for want, l := range map[string]limits{
		"": {3, 10},
		"cannot unpack it: it has more than 9 bytes": {3, 9},
		"cannot unpack it: it has more than 2 files": {2, 10},
	} {
		if err := readAll(archived(t, lock.PackedNPM, three), l); (err != nil || want != "") && (err == nil || err.Error() != want) {
			t.Errorf("limits %v give %v, want %s", l, err, want)
		}
	}
	u := newUnpacker(defaultLimits())
	u.entries = maxEntries
	if _, _, err := u.admit(entry{name: "package/a"}); err == nil || err.Error() != "cannot unpack it: it has more than 400000 entries" {
		t.Errorf("too many entries give %v", err)
	}
	_, err := io.Copy(io.Discard, &boundedReader{zeros{}, 1 << 20})
	if err == nil || !strings.Contains(err.Error(), "it has more bytes than it may") {
		t.Errorf("an endless stream gives %v", err)
	}
	if n, err := io.Copy(io.Discard, &boundedReader{strings.NewReader("12345"), 5}); n != 5 || err != nil {
		t.Errorf("a stream of just the limit gives %d, %v", n, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestABombIsRefusedByItsHeader(t *testing.T) {
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	if err := tw.WriteHeader(&tar.Header{Name: "package/big", Typeflag: tar.TypeReg, Size: 3 << 30}); err != nil {
		t.Fatal(err)
	}
	r := newRegistry(t)
	r.add("bomb", "1.0.0", gzipped(t, b.Bytes()), map[string]any{"bin": "big"})
	f := r.fetcher(t)
	_, err := f.ResolveTool(t.Context(), "bomb", ToolSpec{NPM: "bomb@1.0.0"}, amd64)
	want := "cannot use tool bomb: bomb@1.0.0: cannot unpack it: it has more than 2147483648 bytes"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	nothingKept(t, f.store)
}

// Each name makes hundreds of directories that the archive does not list.
func TestABombOfDirectories(t *testing.T) {
	var files []file
	for i := range 1000 {
		files = append(files, file{name: fmt.Sprintf("package/%d%s/f", i, strings.Repeat("/d", 450))})
	}
	err := readAll(archived(t, lock.PackedNPM, tarball(t, files...)), defaultLimits())
	if err == nil || !strings.Contains(err.Error(), "it has more than 400000 entries") {
		t.Errorf("got %v", err)
	}
}

func TestHardLinksAndModesInALayer(t *testing.T) {
	data := tarball(t, file{name: "p/a", data: "x", mode: 0o4775}, file{name: "p/b", link: "p/a", kind: tar.TypeLink}, file{name: "p/c", mode: 0o600})
	path := filepath.Join(t.TempDir(), "layer")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := writeTool(out, []part{archived(t, lock.PackedNPM, data)}, "tool", map[string]string{"run": "c"}, defaultLimits())
	if err != nil || got.files != 3 || got.bytes != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	found := map[string]string{}
	tr := tar.NewReader(out)
	for hdr, err := tr.Next(); err == nil; hdr, err = tr.Next() {
		if hdr.Typeflag != tar.TypeDir {
			found[hdr.Name] = hdr.FileInfo().Mode().String() + " " + hdr.Linkname
		}
	}
	want := map[string]string{
		"opt/sandwright/tools/tool/a": "-rwxr-xr-x ",
		"opt/sandwright/tools/tool/b": "-rwxr-xr-x opt/sandwright/tools/tool/a",
		"opt/sandwright/tools/tool/c": "-rwxr-xr-x ",
		"usr/local/bin/run":           "Lrwxrwxrwx ../../../opt/sandwright/tools/tool/c",
		"opt/sandwright/lists/tool":   "-rw-r--r-- ",
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzReadPackage holds that no entry that is let through can reach out of
// the package, whatever a tar holds.
func FuzzReadPackage(f *testing.F) {
	for _, seed := range [][2]string{{"package/a", "b"}, {"package/../a", ".."}, {"/a", "/etc"}, {"package/d/l", "../../x"}, {"package/l", "d/../.."}} {
		f.Add(seed[0], seed[1], byte(tar.TypeSymlink), seed[0]+"/x")
		f.Add(seed[0], seed[1], byte(tar.TypeLink), seed[1])
	}
	f.Fuzz(func(t *testing.T, name, link string, kind byte, second string) {
		u := newUnpacker(defaultLimits())
		u.part.packed = lock.PackedNPM
		for _, raw := range []entry{{name: name, link: link, kind: kind}, {name: second, link: link, kind: tar.TypeReg}} {
			e, use, err := u.admit(raw)
			if err != nil || !use {
				continue
			}
			if !filepath.IsLocal(e.name) || (e.kind == tar.TypeLink && !filepath.IsLocal(e.link)) {
				t.Fatalf("%q is let through as %+v", raw.name, e)
			}
			if e.kind == tar.TypeSymlink && !filepath.IsLocal(filepath.Join(filepath.Dir(e.name), e.link)) {
				t.Fatalf("link %q -> %q is let through", e.name, e.link)
			}
		}
	})
}
