package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sandwright/sandwright/internal/fault"
)

func openStore(t *testing.T) *Store {
	t.Helper()
	s, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestOpenStoreMakesAnImageLayout(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		if _, err := OpenStore(dir); err != nil {
			t.Fatal(err)
		}
	}
	var layout ocispec.ImageLayout
	var index ocispec.Index
	for name, v := range map[string]any{"oci-layout": &layout, "index.json": &index} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || json.Unmarshal(data, v) != nil {
			t.Errorf("%s is %q, %v", name, data, err)
		}
	}
	if layout.Version != ocispec.ImageLayoutVersion || index.SchemaVersion != 2 {
		t.Errorf("layout %+v, index %+v", layout, index)
	}
	if _, err := OpenStore(filepath.Join(dir, "index.json")); err == nil || !strings.HasPrefix(err.Error(), "cannot open the store: ") {
		t.Errorf("a file as store gives %v", err)
	}
}

func TestPut(t *testing.T) {
	s := openStore(t)
	sum, err := s.put(text("hello"), nil)
	if err != nil || sum != digest.FromString("hello").Encoded() {
		t.Fatalf("got %s, %v", sum, err)
	}
	if size, ok := s.size(sum); !ok || size != 5 {
		t.Errorf("size is %d, %v", size, ok)
	}
	if _, err := s.put(func(io.Writer) error { return errors.New("broke") }, nil); err == nil {
		t.Error("a failed write is kept")
	}
	if _, err := s.put(text("other"), func(string) error { return errors.New("refused") }); err == nil {
		t.Error("a refused sum is kept")
	}
	entries, _ := filepath.Glob(filepath.Join(s.dir, "[^l]*", "*"))
	blobs, _ := os.ReadDir(filepath.Join(s.dir, "blobs/sha256"))
	if len(blobs) != 1 || len(entries) != 1 { // the directory sha256 itself
		t.Errorf("the store holds %v and %v", blobs, entries)
	}
}

// TestImageIsReadByContainerd reads an image as BuildKit does.
func TestImageIsReadByContainerd(t *testing.T) {
	s := openStore(t)
	layer, err := s.put(text("a layer"), nil)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := s.image("tool/x", layer, "linux/arm64")
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.image("tool/x", layer, "linux/arm64")
	if err != nil || again != ref {
		t.Errorf("a second time gives %v, %v", again, err)
	}
	if other, _ := s.image("tool/x", layer, "linux/amd64"); other.Digest == ref.Digest {
		t.Error("the platform does not show in the digest")
	}
	cs, err := local.NewStore(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	read := func(d digest.Digest, v any) {
		data, err := content.ReadBlob(t.Context(), cs, ocispec.Descriptor{Digest: d})
		if err != nil || digest.FromBytes(data) != d {
			t.Fatalf("%s: %v", d, err)
		}
		if err := json.Unmarshal(data, v); err != nil {
			t.Fatal(err)
		}
	}
	var m ocispec.Manifest
	var config ocispec.Image
	read(digest.Digest(ref.Digest), &m)
	read(m.Config.Digest, &config)
	if config.OS != "linux" || config.Architecture != "arm64" || config.RootFS.DiffIDs[0] != sha256Digest(layer) {
		t.Errorf("config is %+v", config)
	}
	if diff := cmp.Diff(ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: sha256Digest(layer), Size: 7}, m.Layers[0]); diff != "" {
		t.Errorf("layer (-want +got):\n%s", diff)
	}
	if _, err := s.image("x", strings.Repeat("0", 64), amd64); err == nil {
		t.Error("an image of no layer is made")
	}
}

func TestWhole(t *testing.T) {
	s := openStore(t)
	layer, _ := s.put(text("a layer"), nil)
	ref, err := s.image("x", layer, amd64)
	if err != nil || !s.whole(ref.Digest) {
		t.Fatalf("whole is %v, %v", s.whole(ref.Digest), err)
	}
	for _, bad := range []string{"", "x", "sha256:" + strings.Repeat("0", 64), "sha256:" + layer, "sha512:" + strings.Repeat("0", 128)} {
		if s.whole(bad) {
			t.Errorf("%q is whole", bad)
		}
	}
	if err := os.Truncate(s.blob(layer), 3); err != nil {
		t.Fatal(err)
	}
	if s.whole(ref.Digest) {
		t.Error("whole with a short layer")
	}
	if err := os.WriteFile(s.blob(strings.TrimPrefix(ref.Digest, "sha256:")), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.whole(ref.Digest) {
		t.Error("whole with a tampered manifest")
	}
}

func TestRefs(t *testing.T) {
	s := openStore(t)
	if got := s.ref("base-x"); got != "" {
		t.Errorf("a ref that is not there is %q", got)
	}
	for _, d := range []string{"sha256:1", "sha256:2"} {
		if err := s.setRef("base-x", d); err != nil || s.ref("base-x") != d {
			t.Errorf("got %q, %v", s.ref("base-x"), err)
		}
	}
}

func TestGuardedIsAlone(t *testing.T) {
	s := openStore(t)
	var inside, most atomic.Int32
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			err := s.guarded(t.Context(), "x", func() error {
				most.Store(max(most.Load(), inside.Add(1)))
				time.Sleep(2 * time.Millisecond)
				inside.Add(-1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 1 {
		t.Errorf("%d were inside at once", most.Load())
	}
}

func TestGuardedGivesUpWithItsContext(t *testing.T) {
	s := openStore(t)
	err := s.guarded(t.Context(), "x", func() error {
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer stop()
		return s.guarded(ctx, "x", func() error { return errors.New("both are inside") })
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestSweep: what killed processes left goes once nobody uses the store.
func TestSweep(t *testing.T) {
	s := openStore(t)
	for _, name := range []string{"tmp/unfinished", "partial/old", "partial/new"} {
		if err := os.MkdirAll(filepath.Join(s.dir, name, "deep"), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "old") {
			if err := os.Chtimes(filepath.Join(s.dir, name), time.Time{}, time.Now().Add(-partialAge)); err != nil {
				t.Fatal(err)
			}
		}
	}
	opened := func(want ...string) {
		t.Helper()
		again, err := OpenStore(s.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer again.use.Close()
		left, _ := filepath.Glob(filepath.Join(s.dir, "[tp]*", "*"))
		var names []string
		for _, path := range left {
			names = append(names, strings.TrimPrefix(path, s.dir+"/"))
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	opened("partial/new", "partial/old", "tmp/unfinished") // s uses it
	if err := s.use.Close(); err != nil {
		t.Fatal(err)
	}
	opened("partial/new")
}

func TestProgram(t *testing.T) {
	s := openStore(t)
	one, err := s.Program("init", "/usr/local/bin/sandwright-init", []byte("ELF"), amd64)
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.Program("init", "/usr/local/bin/sandwright-init", []byte("ELF"), amd64)
	if err != nil || one != two {
		t.Errorf("got %v, %v, want %v", two, err, one)
	}
	got := map[string]string{}
	for name, hdr := range layerOf(t, s, one) {
		got[name] = hdr.FileInfo().Mode().String()
	}
	want := map[string]string{"usr/": "drwxr-xr-x", "usr/local/": "drwxr-xr-x", "usr/local/bin/": "drwxr-xr-x", "usr/local/bin/sandwright-init": "-rwxr-xr-x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProgramInAStoreThatWent(t *testing.T) {
	s := openStore(t)
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	_, err := s.Program("init", "/init", []byte("ELF"), amd64)
	if err == nil || !strings.HasPrefix(fault.All(err)[0].What, "cannot keep /init: ") {
		t.Errorf("got %v", err)
	}
}
