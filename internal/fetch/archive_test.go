package fetch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/sandwright/sandwright/internal/lock"
)

// plainTar makes a tar of files.
func plainTar(t testing.TB, files ...file) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(tarball(t, files...)))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// zipped makes a zip of files.
func zipped(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		hdr := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		hdr.SetMode(fs.FileMode(f.mode).Perm())
		if f.kind == tar.TypeSymlink {
			hdr.SetMode(fs.ModeSymlink | 0o777)
			f.data = f.link
		}
		if f.kind == tar.TypeFifo {
			hdr.SetMode(fs.ModeNamedPipe | 0o644)
		}
		w, err := z.CreateHeader(hdr)
		if err == nil {
			_, err = io.WriteString(w, f.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t testing.TB, data []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll(data, nil)
}

// xzed compresses with the real xz.
func xzed(t testing.TB, data []byte) []byte {
	t.Helper()
	cmd := exec.Command("xz", "-6c")
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("xz: %v", err)
	}
	return out
}

// debbed is a Debian package with that member of files.
func debbed(name string, data []byte) []byte {
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, m := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.xz", []byte("odd")}, {name, data}} {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.data))
		b.Write(m.data)
		if len(m.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// release is what a project might publish.
func releaseFiles() []file {
	return []file{
		{name: "gh_1/README.md", data: "hello"},
		{name: "gh_1/bin/gh", data: "\x7fELF" + noise(5000), mode: 0o755},
		{name: "gh_1/bin/g", link: "gh", kind: tar.TypeSymlink},
	}
}

func TestEveryPackingGivesTheSame(t *testing.T) {
	files := releaseFiles()
	flat := plainTar(t, files...)
	dotted := slices.Clone(files)
	for i := range dotted {
		dotted[i].name = "./" + dotted[i].name
	}
	trees := map[string]bool{}
	for _, c := range []struct {
		packed lock.Packing
		data   []byte
	}{
		{lock.PackedTar, flat}, {lock.PackedTarGz, gzipped(t, flat)}, {lock.PackedTarXz, xzed(t, flat)}, {lock.PackedTarZst, zstded(t, flat)},
		{lock.PackedZip, zipped(t, files...)}, {lock.PackedNPM, gzipped(t, flat)}, {lock.PackedTarGz, tarball(t, dotted...)},
		{lock.PackedDeb, debbed("data.tar.xz", xzed(t, flat))}, {lock.PackedDeb, debbed("data.tar.zst", zstded(t, flat))},
		{lock.PackedDeb, debbed("data.tar", flat)}, {lock.PackedLayer, gzipped(t, flat)}, {lock.PackedLayer, flat}, {lock.PackedLayer, zstded(t, flat)},
	} {
		p := archived(t, c.packed, c.data)
		if sniffed, err := sniff(p.file); err != nil || sniffed != c.packed && c.packed != lock.PackedNPM && c.packed != lock.PackedLayer {
			t.Errorf("%s is found to be %q, %v", c.packed, sniffed, err)
		}
		entries, err := survey(p)
		if err != nil {
			t.Errorf("%s: %v", c.packed, err)
			continue
		}
		if p.root = commonRoot(entries); c.packed != lock.PackedNPM && p.root != "gh_1" {
			t.Errorf("%s: the root is %q", c.packed, p.root)
		}
		got, _, err := writeTool(io.Discard, []part{p}, "gh", map[string]string{"gh": "bin/gh"}, limits{3, 5009})
		if err != nil || got.files != 3 || got.bytes != 5009 {
			t.Errorf("%s: got %+v, %v", c.packed, got, err)
		}
		trees[got.tree] = true
	}
	if len(trees) != 1 {
		t.Errorf("the same files have %d trees: %v", len(trees), trees)
	}
}

func TestOneProgram(t *testing.T) {
	program := "\x7fELF" + noise(300_000)
	trees := map[string]bool{}
	for packed, data := range map[lock.Packing][]byte{lock.PackedBare: []byte(program), lock.PackedGzip: gzipped(t, []byte(program))} {
		p := archived(t, packed, data)
		if got, err := sniff(p.file); got != packed || err != nil {
			t.Errorf("%s is found to be %q, %v", packed, got, err)
		}
		size := int64(len(program))
		got, _, err := writeTool(io.Discard, []part{p}, "tool", map[string]string{"tool": "tool"}, limits{1, size})
		if err != nil || got.bytes != size {
			t.Errorf("%s: got %+v, %v", packed, got, err)
		}
		trees[got.tree] = true
		if _, _, err := writeTool(io.Discard, []part{p}, "tool", nil, limits{1, size - 1}); err == nil || !strings.Contains(err.Error(), "than it may") && !strings.Contains(err.Error(), "more than 300003 bytes") {
			t.Errorf("%s over its limit gives %v", packed, err)
		}
	}
	if len(trees) != 1 {
		t.Errorf("the same program has trees %v", trees)
	}
}

func TestOnlyWhatIsKept(t *testing.T) {
	data := plainTar(t, file{name: "usr/bin/rg", data: "rg", mode: 0o755}, file{name: "usr/share/doc/a", data: noise(9000)}, file{name: "usr/lib/x/y.so", data: "so"},
		file{name: "dev/null", kind: tar.TypeChar}, file{name: "etc/l", link: "/etc/passwd", kind: tar.TypeSymlink}, file{name: "etc/.wh.x"})
	p := archived(t, lock.PackedLayer, data)
	p.keep = []string{"usr/bin", "usr/lib/*/*.so"}
	var names []string
	err := p.read(newUnpacker(limits{2, 4}), func(e entry, _ io.Reader) error {
		names = append(names, e.name)
		return nil
	})
	if diff := cmp.Diff([]string{"usr/bin/rg", "usr/lib/x/y.so"}, names); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	p.keep = append(p.keep, "etc")
	if err := readAll(p, defaultLimits()); err == nil || !strings.Contains(err.Error(), "it links out of the package, to /etc/passwd") {
		t.Errorf("got %v", err)
	}
}

func TestPartsShareOneTool(t *testing.T) {
	main := archived(t, lock.PackedNPM, tarball(t, file{name: "package/cli.js", data: "main"}))
	dep := archived(t, lock.PackedNPM, tarball(t, file{name: "package/index.js", data: "dep"}))
	dep.at = "node_modules/dep"
	again := dep
	again.at = "node_modules/Dep"
	bin := map[string]string{"cli": "cli.js"}
	if got, _, err := writeTool(io.Discard, []part{main, dep}, "t", bin, limits{2, 7}); err != nil || got.files != 2 || got.bytes != 7 {
		t.Errorf("got %+v, %v", got, err)
	}
	for want, parts := range map[string][]part{
		"it is there twice":                                 {main, dep, dep},
		"it differs only in case from node_modules/dep":     {main, dep, again},
		"cannot unpack it: it has more than 6 bytes":        {main, dep},
		"cannot find program cli in it: it has no file cli": {dep},
	} {
		l := defaultLimits()
		if strings.Contains(want, "bytes") {
			l.bytes = 6
		}
		if _, _, err := writeTool(io.Discard, parts, "t", bin, l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestZipRefuses(t *testing.T) {
	encrypted := zipped(t, file{name: "a", data: "x"})
	encrypted[bytes.Index(encrypted, []byte("PK\x01\x02"))+8] |= 1
	bomb := zipped(t, file{name: "a", data: strings.Repeat("0", 1<<20)})
	lying := bytes.Clone(bomb) // its directory says four bytes
	binary.LittleEndian.PutUint32(lying[bytes.Index(lying, []byte("PK\x01\x02"))+24:], 4)
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"slip", zipped(t, file{name: "../../etc/passwd", data: "x"}), `cannot unpack "../../etc/passwd": its name has .. in it`},
		{"absolute", zipped(t, file{name: "/etc/passwd", data: "x"}), "its name is absolute"},
		{"windows slip", zipped(t, file{name: `..\..\x`, data: "x"}), `its name has a \ in it`},
		{"link that leaves", zipped(t, file{name: "a", link: "../b", kind: tar.TypeSymlink}), "it links out of the package, to ../b"},
		{"fifo", zipped(t, file{name: "a", kind: tar.TypeFifo}), "it is neither file, directory nor link"},
		{"doubled", zipped(t, file{name: "a"}, file{name: "a"}), "it is there twice"},
		{"encrypted", encrypted, "it is encrypted"},
		{"bomb", bomb, "it has more than 1000 bytes"},
		{"bomb that lies", lying, "cannot unpack it: "},
		{"half", bomb[:len(bomb)/2], "it is no zip file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := writeTool(io.Discard, []part{archived(t, lock.PackedZip, c.data)}, "t", nil, limits{10, 1000})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestSniffRefuses(t *testing.T) {
	var folders []file
	for i := range 3000 {
		folders = append(folders, file{name: fmt.Sprintf("p/%d/", i), kind: tar.TypeDir})
	}
	for name, data := range map[string][]byte{"html": []byte("<!doctype html>"), "empty": nil, "xz of text": xzed(t, []byte("hello")), "broken gzip": []byte("\x1f\x8b\x00\x00")} {
		if got, err := sniff(archived(t, "", data).file); err == nil || !strings.HasPrefix(err.Error(), "cannot unpack it: ") {
			t.Errorf("%s is found to be %q, %v", name, got, err)
		}
	}
	for want, p := range map[string]part{
		"it is no xz file":            archived(t, lock.PackedTarXz, []byte("text")),
		"it is no Debian package":     archived(t, lock.PackedDeb, []byte("text")),
		"has no data.tar":             archived(t, lock.PackedDeb, debbed("other", nil)),
		"it is no gzip file":          archived(t, lock.PackedGzip, []byte("text")),
		"cannot unpack it: ":          archived(t, lock.PackedTarZst, []byte("text")),
		"it has more bytes than it m": archived(t, lock.PackedTarZst, zstded(t, plainTar(t, folders...))),
	} {
		if err := readAll(p, limits{1, 100}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestCommonRoot(t *testing.T) {
	for _, c := range []struct{ names, want string }{
		{"a/ a/b a/c/d", "a"}, {"a/b", "a"}, {"a", ""}, {"a/b c/d", ""}, {"a/b c/", ""}, {"", ""},
	} {
		var entries []entry
		for name := range strings.FieldsSeq(c.names) {
			e := entry{name: strings.TrimSuffix(name, "/"), kind: tar.TypeReg}
			if e.name != name {
				e.kind = tar.TypeDir
			}
			entries = append(entries, e)
		}
		if got := commonRoot(entries); got != c.want {
			t.Errorf("%q has root %q, want %q", c.names, got, c.want)
		}
	}
}

// TestADebianPackage reads one that dpkg-deb made.
func TestADebianPackage(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"DEBIAN/control": "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.com>\nDescription: x\n", "usr/bin/x": "#!/bin/sh\necho x\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	deb := filepath.Join(t.TempDir(), "x.deb")
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "--build", dir, deb).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, _, err := writeTool(io.Discard, []part{{file: deb, packed: lock.PackedDeb}}, "x", map[string]string{"x": "usr/bin/x"}, defaultLimits())
	if err != nil || got.files != 1 || got.bytes != 17 {
		t.Errorf("got %+v, %v", got, err)
	}
}
