package fetch

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	imagetar "github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/sandwright/sandwright/internal/dockerhost/dockertest"
	"github.com/sandwright/sandwright/internal/lock"
)

// imageRegistry is Debian's registry on loopback; it gives its host.
func imageRegistry(t *testing.T) string {
	t.Helper()
	return dockertest.Registry(t, "", "")
}

// imageOf makes an image of a platform, one layer for each list of files.
func imageOf(t *testing.T, platform string, layers ...[]file) v1.Image {
	t.Helper()
	img := empty.Image
	for _, files := range layers {
		data := plainTar(t, files...)
		layer, err := imagetar.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			t.Fatal(err)
		}
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	system, arch, _ := strings.Cut(platform, "/")
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = system, arch, v1.Time{Time: today().AddDate(0, 0, -40)}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// indexOf makes an index of an image for each platform.
func indexOf(t *testing.T, layers map[string][][]file) v1.ImageIndex {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for platform, files := range layers {
		system, arch, _ := strings.Cut(platform, "/")
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: imageOf(t, platform, files...), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: system, Architecture: arch}},
		})
	}
	return index
}

func push(t *testing.T, ref string, index v1.ImageIndex) {
	t.Helper()
	r, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(r, index); err != nil {
		t.Fatal(err)
	}
}

// boxes are two images of busybox, and what later layers did to them.
func boxes() map[string][][]file {
	system := func(program string) [][]file {
		return [][]file{
			{{name: "bin/", kind: '5'}, {name: "bin/busybox", data: program, mode: 0o755}, {name: "bin/old", data: "gone"}, {name: "bin/sh", kind: '2', link: "/bin/busybox"}},
			{{name: "usr/bin/other", data: "x"}, {name: "bin/.wh.old"}, {name: "dev/null", kind: '3'}},
		}
	}
	return map[string][][]file{"linux/amd64": system("for amd64"), "linux/arm64": system("for arm64!")}
}

func TestAFileOutOfAnImage(t *testing.T) {
	host := imageRegistry(t)
	push(t, host+"/library/busybox:1.37", indexOf(t, boxes()))
	settings := Settings{OCI: host}
	spec := ToolSpec{OCI: "library/busybox:1.37", Files: []string{"bin/busybox"}, MinimumAge: 24 * time.Hour}
	got := map[string]lock.Artifact{}
	for platform, size := range map[string]int64{"linux/amd64": 9, "linux/arm64": 10} {
		f := newFetcher(t, npmFrom(nil)).With(settings)
		f.now = today
		a, err := f.ResolveTool(t.Context(), "busybox", spec, platform)
		if err != nil {
			t.Fatal(err)
		}
		want := lock.Artifact{
			Package: "library/busybox", Version: "1.37", Released: "2026-10-16T12:00:00Z", Image: a.Image, Packed: lock.PackedLayer,
			Size: a.Size, SHA256: a.SHA256, SHA512: a.SHA512, Files: 1, Unpacked: size, Tree: a.Tree, Keep: spec.Files, Bin: map[string]string{"busybox": "bin/busybox"},
		}
		if diff := cmp.Diff(want, a); diff != "" || len(a.Image) != 64 || len(a.SHA512) != 128 {
			t.Errorf("%s (-want +got):\n%s", platform, diff)
		}
		got[platform] = a
	}
	tool := lock.Tool{Source: "oci:library/busybox:1.37", Platforms: got}
	f := newFetcher(t, npmFrom(nil)).With(Settings{OCI: host, Tools: map[string]ToolSpec{"busybox": spec}})
	if _, err := f.ToolLayer(t.Context(), "busybox", tool, "linux/amd64"); err != nil {
		t.Fatal(err)
	}
	// The tag may move: what is pinned stays.
	moved := boxes()
	moved["linux/arm64"][0][1].data = "another program"
	push(t, host+"/library/busybox:1.37", indexOf(t, moved))
	if _, err := f.ToolLayer(t.Context(), "busybox", tool, "linux/arm64"); err != nil {
		t.Errorf("after the tag moved: %v", err)
	}
}

func TestImagesThatCannotBeUsed(t *testing.T) {
	host := imageRegistry(t)
	push(t, host+"/box:1", indexOf(t, boxes()))
	push(t, host+"/mac:1", indexOf(t, map[string][][]file{"darwin/arm64": {{{name: "a"}}}}))
	for _, c := range []struct {
		oci, file string
		want      string
	}{
		{host + "/box:1", "bin/gone", "cannot find bin/gone in image " + host + "/box:1, which tool t asks for"},
		{host + "/box:1", "bin/old", "cannot find bin/old in image"},
		{host + "/box:1", "bin/sh", "it links out of the package, to /bin/busybox"},
		{host + "/box:2", "x", "cannot fetch image " + host + "/box:2, which tool t asks for: the registry answers Not Found (MANIFEST_UNKNOWN)"},
		{host + "/mac:1", "x", "cannot fetch image " + host + "/mac:1, which tool t asks for: "},
		{"127.0.0.1:1/box:1", "x", "connection refused"},
	} {
		_, err := newFetcher(t, npmFrom(nil)).ResolveTool(t.Context(), "t", ToolSpec{OCI: c.oci, Files: []string{c.file}}, "linux/amd64")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: got %v, want %s", c.oci, c.file, err, c.want)
		}
	}
}

func TestImageAsBase(t *testing.T) {
	host := imageRegistry(t)
	push(t, host+"/debian:slim", indexOf(t, boxes()))
	folder := filepath.Join(t.TempDir(), "layout")
	if _, err := layout.Write(folder, indexOf(t, boxes())); err != nil {
		t.Fatal(err)
	}
	var digests []string
	for _, spec := range []ImageSpec{{Image: "debian:slim"}, {Layout: folder}} {
		f := newFetcher(t, npmFrom(nil)).With(Settings{OCI: host})
		system, err := f.ResolveImage(t.Context(), spec, lock.System{}, "linux/arm64")
		if err != nil {
			t.Fatal(err)
		}
		nothingKept(t, f.store)
		for range 2 {
			ref, err := f.ImageLayers(t.Context(), system, spec, "linux/arm64")
			if err != nil {
				t.Fatal(err)
			}
			m, ok := readManifest(f.store, ref.Digest)
			if !ok || len(m.Layers) != 2 || !f.store.whole(ref.Digest) || ref.String() != "base/image@sha256:"+system.Image {
				t.Errorf("%s: %s has %d layers", spec, ref, len(m.Layers))
			}
			f.settings.OCI = "127.0.0.1:1" // nothing is asked twice
			must(t, os.RemoveAll(folder))
		}
		digests = append(digests, system.Image)
		if partial, _ := os.ReadDir(filepath.Join(f.store.dir, "partial")); len(partial) != 0 {
			t.Errorf("%d downloads are left", len(partial))
		}
		if spec.Layout == "" { // again, for the second spec
			if _, err := layout.Write(folder, indexOf(t, boxes())); err != nil {
				t.Fatal(err)
			}
		}
	}
	if digests[0] != digests[1] {
		t.Errorf("the same image is %v", digests)
	}
}

func TestBasesThatCannotBeUsed(t *testing.T) {
	host := imageRegistry(t)
	push(t, host+"/debian:slim", indexOf(t, boxes()))
	folder := filepath.Join(t.TempDir(), "layout")
	path, err := layout.Write(folder, indexOf(t, boxes()))
	must(t, err)
	f := newFetcher(t, npmFrom(nil)).With(Settings{OCI: host})
	system, err := f.ResolveImage(t.Context(), ImageSpec{Layout: folder}, lock.System{}, "linux/amd64")
	must(t, err)
	// A blob of the layout was changed.
	img, err := path.Image(v1.Hash{Algorithm: "sha256", Hex: system.Image})
	must(t, err)
	layers, err := img.Layers()
	must(t, err)
	digest, _, err := described(layers[0])
	must(t, err)
	flip(t, filepath.Join(folder, "blobs/sha256", digest))
	if _, err := f.ImageLayers(t.Context(), system, ImageSpec{Layout: folder}, "linux/amd64"); err == nil || !strings.Contains(err.Error(), "cannot ") {
		t.Errorf("a changed layer: %v", err)
	}
	other := lock.System{Image: strings.Repeat("0", 64)}
	for spec, want := range map[ImageSpec]string{
		{Image: "debian:slim"}: "cannot fetch image debian@sha256:0000",
		{Layout: folder}:       "and sandwright.lock says sha256:0000",
		{Layout: "gone"}:       "cannot use base layout gone: ",
	} {
		if _, err := f.ImageLayers(t.Context(), other, spec, "linux/amd64"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", spec, err, want)
		}
	}
	if _, err := f.ResolveImage(t.Context(), ImageSpec{Layout: folder}, lock.System{}, "linux/riscv64"); err == nil || !strings.Contains(err.Error(), "it has no image for linux/riscv64") {
		t.Errorf("got %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReferences(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("a", 64)
	for ref, want := range map[string]string{
		"debian:12": "debian", "library/debian:12": "library/debian", "example.com/a/b:1": "a/b", "localhost:5000/x" + digest: "x", "localhost/x:1": "x",
		"a/b:1" + digest: "a/b",
	} {
		if got := repositoryOf(ref); got != want {
			t.Errorf("%s is of %s, want %s", ref, got, want)
		}
	}
	if got := atDigest("example.com:5000/a/b:1", "ff"); got != "example.com:5000/a/b@sha256:ff" {
		t.Error(got)
	}
}
