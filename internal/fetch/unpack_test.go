package fetch

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/lock"
)

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
		{"hard link above", []file{hard("package/a", "../../etc/shadow")}, "it links out of the package"},
		{"absolute hard link", []file{hard("package/a", "/etc/shadow")}, "it links out of the package"},
		{"hard link to nothing", []file{hard("package/a", "package/b")}, "it links to something that is no file of the package"},
		{"hard link to a link", []file{sym("package/b", "c"), hard("package/a", "package/b")}, "it links to something that is no file"},
		{"device", []file{{name: "package/null", kind: tar.TypeChar}}, "it is neither file, directory nor link"},
		{"fifo", []file{{name: "package/pipe", kind: tar.TypeFifo}}, "it is neither file, directory nor link"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := readPackage(bytes.NewReader(tarball(t, c.files...)), func(entry, io.Reader) error { return nil })
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
	err := readPackage(bytes.NewReader(data), func(e entry, _ io.Reader) error {
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
		err := readPackage(bytes.NewReader(data), func(_ entry, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
		if err == nil || !strings.HasPrefix(err.Error(), "cannot unpack it: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestBombs(t *testing.T) {
	u := &unpacker{kinds: map[string]byte{}}
	var err error
	for range 3 {
		if _, _, err = u.admit(&tar.Header{Name: "package/a" + strings.Repeat("b", u.entries), Typeflag: tar.TypeReg, Size: 1 << 30}); err != nil {
			break
		}
	}
	if err == nil || err.Error() != "cannot unpack it: it has more than 2147483648 bytes" {
		t.Errorf("three gigabytes give %v", err)
	}
	u = &unpacker{kinds: map[string]byte{"": tar.TypeDir}, entries: maxEntries}
	if _, _, err := u.admit(&tar.Header{Name: "package/a"}); err == nil || err.Error() != "cannot unpack it: it has more than 200000 entries" {
		t.Errorf("too many entries give %v", err)
	}
	_, err = io.Copy(io.Discard, &boundedReader{zeros{}, 1 << 20})
	if err == nil || !strings.Contains(err.Error(), "it has more than") {
		t.Errorf("an endless stream gives %v", err)
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

func TestHardLinksAndModesInALayer(t *testing.T) {
	data := tarball(t, file{name: "p/a", data: "x", mode: 0o4775}, file{name: "p/b", link: "p/a", kind: tar.TypeLink}, file{name: "p/c", mode: 0o600})
	in, out := temporary(t, data), temporary(t, nil)
	got, err := writeToolLayer(out, in, "tool", lock.Artifact{Packed: lock.PackedNPM, Bin: map[string]string{"run": "c"}})
	if want := (tally{files: 3, bytes: 1}); err != nil || got != want {
		t.Fatalf("got %v, %v, want %v", got, err, want)
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	entries := map[string]string{}
	tr := tar.NewReader(out)
	for hdr, err := tr.Next(); err == nil; hdr, err = tr.Next() {
		if hdr.Typeflag != tar.TypeDir {
			entries[hdr.Name] = hdr.FileInfo().Mode().String() + " " + hdr.Linkname
		}
	}
	want := map[string]string{
		"opt/sandwright/tools/tool/a": "-rwxr-xr-x ",
		"opt/sandwright/tools/tool/b": "-rw-r--r-- opt/sandwright/tools/tool/a",
		"opt/sandwright/tools/tool/c": "-rwxr-xr-x ",
		"usr/local/bin/run":           "Lrwxrwxrwx ../../../opt/sandwright/tools/tool/c",
	}
	if diff := cmp.Diff(want, entries); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// temporary is an open file that holds data.
func temporary(t *testing.T, data []byte) *os.File {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "file")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if _, err := file.Write(data); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	return file
}

// FuzzReadPackage holds that no entry that is let through can reach out of
// the package, whatever a tar holds.
func FuzzReadPackage(f *testing.F) {
	for _, seed := range [][2]string{{"package/a", "b"}, {"package/../a", ".."}, {"/a", "/etc"}, {"package/d/l", "../../x"}, {"package/l", "d/../.."}} {
		f.Add(seed[0], seed[1], byte(tar.TypeSymlink), seed[0]+"/x")
		f.Add(seed[0], seed[1], byte(tar.TypeLink), seed[1])
	}
	f.Fuzz(func(t *testing.T, name, link string, kind byte, second string) {
		u := &unpacker{kinds: map[string]byte{"": tar.TypeDir}}
		for _, hdr := range []*tar.Header{{Name: name, Linkname: link, Typeflag: kind}, {Name: second, Linkname: link, Typeflag: tar.TypeReg}} {
			e, use, err := u.admit(hdr)
			if err != nil || !use {
				continue
			}
			if !filepath.IsLocal(e.name) || (e.kind == tar.TypeLink && !filepath.IsLocal(e.link)) {
				t.Fatalf("%q is let through as %+v", hdr.Name, e)
			}
			if e.kind == tar.TypeSymlink && !filepath.IsLocal(filepath.Join(filepath.Dir(e.name), e.link)) {
				t.Fatalf("link %q -> %q is let through", e.name, e.link)
			}
		}
	})
}
