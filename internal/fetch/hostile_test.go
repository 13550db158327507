package fetch

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sandwright/sandwright/internal/lock"
)

// gnuTar packs what lies in a folder, with options.
func gnuTar(t *testing.T, dir string, options ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "tar", append([]string{"-C", dir, "-cf", "-"}, append(options, "package")...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &said)
	}
	return out
}

// What pax records and holes say of a member counts, and not what its header
// does.
func TestTricksOfTar(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "package"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "package/ok"), []byte("0123456789"), 0o644))
	plain := gnuTar(t, dir, "--format=pax", "--pax-option=path:=../../evil")
	absolute := gnuTar(t, dir, "--format=pax", "--pax-option=path:=/etc/evil")
	must(t, os.Symlink("ok", filepath.Join(dir, "package/link")))
	link := gnuTar(t, dir, "--format=pax", "--pax-option=linkpath:=/etc/shadow")
	must(t, os.Remove(filepath.Join(dir, "package/link")))
	holes, err := os.Create(filepath.Join(dir, "package/holes"))
	must(t, err)
	must(t, holes.Truncate(1<<33))
	must(t, holes.Close())
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"a pax path", plain, "its name has .. in it"},
		{"an absolute pax path", absolute, "its name is absolute"},
		{"a pax link", link, "it links out of the package, to /etc/shadow"},
		{"holes as pax", gnuTar(t, dir, "-S", "--format=pax"), "it has more than 1000 bytes"},
		{"holes of old", gnuTar(t, dir, "-S", "--format=gnu"), "cannot unpack"},
	} {
		if len(c.data) > 1<<20 {
			t.Fatalf("%s: the tar has %d bytes", c.name, len(c.data))
		}
		for _, packed := range []lock.Packing{lock.PackedTar, lock.PackedTarGz} {
			data := c.data
			if packed == lock.PackedTarGz {
				data = gzipped(t, data)
			}
			_, _, err := writeTool(io.Discard, []part{archived(t, packed, data)}, "t", nil, limits{10, 1000})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
	}
}

// A tar that is cut, or whose header claims more than there is, is refused.
func TestATarThatLiesOfItsSize(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, w.WriteHeader(&tar.Header{Name: "a", Size: 1 << 40, Typeflag: tar.TypeReg, Mode: 0o644}))
	_, err := w.Write([]byte("little"))
	must(t, err)
	for _, l := range []limits{{10, 1000}, {10, 1 << 62}} {
		if _, _, err := writeTool(io.Discard, []part{archived(t, lock.PackedTar, b.Bytes())}, "t", nil, l); err == nil {
			t.Errorf("%+v: it is taken", l)
		}
	}
}

// All of a zip's directory is held in memory: there is an end to it.
func TestAZipOfNothingButNames(t *testing.T) {
	var files []file
	for i := range 100 {
		files = append(files, file{name: strings.Repeat("n", 50) + string(rune('a'+i%26)) + strings.Repeat("x", i)})
	}
	data := zipped(t, files...)
	if _, err := openZip(bytes.NewReader(data), int64(len(data)), 1<<20); err != nil {
		t.Error(err)
	}
	_, err := openZip(bytes.NewReader(data), int64(len(data)), 5000)
	if err == nil || err.Error() != "cannot unpack it: its directory has more than 5000 bytes" {
		t.Errorf("got %v", err)
	}
}

// A registry of images promises what no image is.
func TestImagesThatLie(t *testing.T) {
	s := newSignedImage(t)
	ref, err := name.ParseReference(s.host + "/acme/tool:1.0")
	s.must(err)
	img, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
	s.must(err)
	for _, c := range []struct {
		name string
		edit func(*v1.Manifest)
		want string
	}{
		{"an endless config", func(m *v1.Manifest) { m.Config.Size = 1 << 40 }, "its manifest names 1 layers and a config of 1099511627776 bytes"},
		{"a config of no size", func(m *v1.Manifest) { m.Config.Size = -1 }, "a config of -1 bytes"},
		{"a config that is longer", func(m *v1.Manifest) { m.Config.Size-- }, "cannot fetch image "},
		{"layers without end", func(m *v1.Manifest) {
			for range 501 {
				m.Layers = append(m.Layers, m.Layers[0])
			}
		}, "its manifest names 502 layers"},
		{"an endless layer", func(m *v1.Manifest) { m.Layers[0].Size = 1 << 60 }, "its layers have more than 34359738368 bytes"},
		{"a large layer", func(m *v1.Manifest) { m.Layers[0].Size = 3 << 30 }, "has 3221225472 bytes, and a download has 2147483648 at most"},
		{"a layer that is longer", func(m *v1.Manifest) { m.Layers[0].Size-- }, "cannot fetch image "},
		{"a layer that is shorter", func(m *v1.Manifest) { m.Layers[0].Size++ }, "cannot fetch image "},
	} {
		m, err := img.Manifest()
		s.must(err)
		m = m.DeepCopy()
		c.edit(m)
		data, err := json.Marshal(m)
		s.must(err)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+s.host+"/v2/acme/tool/manifests/liar", bytes.NewReader(data))
		s.must(err)
		req.Header.Set("Content-Type", string(m.MediaType))
		resp, err := http.DefaultClient.Do(req)
		s.must(err)
		_ = resp.Body.Close()
		f := newFetcher(t, npmFrom(nil))
		_, err = f.ResolveTool(t.Context(), "tool", ToolSpec{OCI: s.host + "/acme/tool:liar", Files: []string{"bin/tool"}}, amd64)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		nothingKept(t, f.store)
	}
}
