package fetch

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestALayerIsMadeOnce(t *testing.T) {
	s, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	layer := func(key, platform string) Ref {
		t.Helper()
		ref, err := s.Layer("source/a", key, platform, func(w io.Writer) error {
			made++
			return writeProgram(w, "/"+key, []byte("data"))
		})
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	if s.HasLayer("one") {
		t.Error("the store has a layer that nobody made")
	}
	first, foreign := layer("one", "linux/amd64"), layer("one", "linux/arm64")
	if layer("one", "linux/amd64") != first || made != 1 || !s.HasLayer("one") {
		t.Errorf("made %d times", made)
	}
	if first == foreign {
		t.Error("two platforms have one image")
	}
	sum := s.ref(layerPrefix + "one")
	if err := os.Remove(s.blob(sum)); err != nil {
		t.Fatal(err)
	}
	if s.HasLayer("one") || layer("one", "linux/amd64") != first || made != 2 {
		t.Errorf("a layer that went away was made %d times", made)
	}
}

// TestAFailedLayerLeavesNothing, neither a blob nor a name.
func TestAFailedLayerLeavesNothing(t *testing.T) {
	s, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if _, err := s.Layer("source/a", "one", "linux/amd64", func(w io.Writer) error {
		io.WriteString(w, "half")
		return broken
	}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	for _, sub := range []string{"blobs/sha256", "tmp", "refs"} {
		if left, err := os.ReadDir(filepath.Join(s.dir, sub)); err != nil || len(left) > 0 {
			t.Errorf("%s holds %v, %v", sub, left, err)
		}
	}
}

// TestOldLayersAreDropped when a new one is made, and tools are not.
func TestOldLayersAreDropped(t *testing.T) {
	s, err := OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	make := func(key string) {
		if _, err := s.ProgramOf("source/a", "/"+key, key, "linux/amd64", func() ([]byte, error) { return []byte(key), nil }); err != nil {
			t.Fatal(err)
		}
	}
	make("old")
	make("used")
	tool, err := s.Program("tool/x", "/x", []byte("x"), "linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-2 * layerAge)
	blobs, err := filepath.Glob(filepath.Join(s.dir, "blobs/sha256/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blobs {
		if err := os.Chtimes(b, long, long); err != nil {
			t.Fatal(err)
		}
	}
	make("used") // it is there, and in use again
	make("new")
	if s.HasLayer("old") || !s.HasLayer("used") || !s.HasLayer("new") || !s.whole(tool.Digest) {
		t.Errorf("old %t, used %t, new %t, tool %t", s.HasLayer("old"), s.HasLayer("used"), s.HasLayer("new"), s.whole(tool.Digest))
	}
	refs, err := os.ReadDir(filepath.Join(s.dir, "refs"))
	for _, ref := range refs {
		if strings.HasSuffix(ref.Name(), "old") {
			t.Error("the name of an old layer is left")
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
