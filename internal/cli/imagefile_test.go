package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// A layout is an OCI layout that is being made: its files by name.
type layout map[string][]byte

func (l layout) blob(data []byte) ocispecs.Descriptor {
	sum := sha256.Sum256(data)
	l["blobs/sha256/"+hex.EncodeToString(sum[:])] = data
	return ocispecs.Descriptor{Digest: digest.FromBytes(data), Size: int64(len(data))}
}

func (l layout) json(t *testing.T, v any) ocispecs.Descriptor {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return l.blob(data)
}

func tarOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// image makes a layout of layers, the lowest first.
func image(t *testing.T, layers ...[]byte) layout {
	t.Helper()
	l := layout{}
	var m ocispecs.Manifest
	for _, one := range layers {
		m.Layers = append(m.Layers, l.blob(one))
	}
	manifest := l.json(t, m)
	manifest.MediaType = ocispecs.MediaTypeImageManifest
	inner := l.json(t, ocispecs.Index{Manifests: []ocispecs.Descriptor{manifest}})
	inner.MediaType = ocispecs.MediaTypeImageIndex
	data, err := json.Marshal(ocispecs.Index{Manifests: []ocispecs.Descriptor{inner}})
	if err != nil {
		t.Fatal(err)
	}
	l["index.json"] = data
	return l
}

func TestReceiptOfImage(t *testing.T) {
	old := tarOf(t, map[string][]byte{"etc/sandwright/receipt.json": []byte("old")})
	now := tarOf(t, map[string][]byte{"./etc/sandwright/receipt.json": []byte("new"), "etc/other": []byte("x")})
	none := tarOf(t, map[string][]byte{"etc/passwd": nil})
	loop := layout{}
	loop["index.json"] = []byte(`{"manifests":[{"mediaType":"` + ocispecs.MediaTypeImageIndex + `","digest":"sha256:aa"}]}`)
	loop["blobs/sha256/aa"] = loop["index.json"]
	for name, tt := range map[string]struct {
		image layout
		want  string
	}{
		"the uppermost counts":      {image(t, old, zipped(t, now), none), "new"},
		"plain":                     {image(t, old), "old"},
		"none":                      {image(t, none), "it has none"},
		"no layer":                  {image(t), "it has none"},
		"a layer that is no tar":    {image(t, []byte(strings.Repeat("x", 600))), "invalid tar header"},
		"a layer that is cut":       {image(t, zipped(t, now)[:20]), "unexpected EOF"},
		"no index":                  {layout{"x": nil}, "index.json"},
		"an index without an image": {layout{"index.json": []byte("{}")}, "it holds no image"},
		"an index that is no JSON":  {layout{"index.json": []byte("no")}, "is not JSON of an image"},
		"an index of itself":        {loop, "it holds no image"},
		"a blob outside":            {layout{"index.json": []byte(`{"manifests":[{"digest":"sha256:../../../../../../etc/passwd"}]}`)}, "outside itself|it has no|not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, data := range tt.image {
				path := filepath.Join(dir, "layout", file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, "image.tar"), tarOf(t, tt.image), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{"layout", "image.tar"} {
				got, err := receiptOfImage(filepath.Join(dir, file))
				if err != nil {
					got = []byte(err.Error())
				}
				found := false
				for want := range strings.SplitSeq(tt.want, "|") {
					found = found || strings.Contains(string(got), want)
				}
				if !found {
					t.Errorf("%s: %q, want %q", file, got, tt.want)
				}
			}
		})
	}
	if _, err := receiptOfImage(filepath.Join(t.TempDir(), "nothing.tar")); err == nil || !strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("got %v", err)
	}
}

// TestWhatIsNoImage: nothing is waited for that stands in the place of a file,
// be it the image or a part of its folder.
func TestWhatIsNoImage(t *testing.T) {
	for name, lay := range map[string]func(at string) error{
		"fifo":   func(at string) error { return syscall.Mkfifo(at, 0o600) },
		"device": func(at string) error { return os.Symlink("/dev/zero", at) },
		"socket": func(at string) error {
			l, err := net.Listen("unix", at)
			if err == nil {
				t.Cleanup(func() { l.Close() })
			}
			return err
		},
	} {
		dir, err := os.MkdirTemp("", "image") // a socket's path is short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		if err := errors.Join(lay(filepath.Join(dir, "file")), os.Mkdir(filepath.Join(dir, "folder"), 0o700), lay(filepath.Join(dir, "folder/index.json"))); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{filepath.Join(dir, "file"), filepath.Join(dir, "folder")} {
			done := make(chan error, 1)
			go func() {
				_, err := receiptOfImage(path)
				done <- err
			}()
			select {
			case err := <-done:
				if err == nil || name != "socket" && !strings.Contains(err.Error(), "it is no regular file") {
					t.Errorf("%s in %s: got %v", name, path, err)
				}
			case <-time.After(time.Minute):
				t.Fatalf("%s in %s: it waits", name, path)
			}
		}
	}
}

func TestBounded(t *testing.T) {
	b := bounded{most: 5}
	for range 3 {
		if n, err := b.Write([]byte("abc")); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if n, err := io.Copy(&b, strings.NewReader("defghi")); n != 6 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if b.String() != "abcab" {
		t.Errorf("it keeps %q", b.String())
	}
}
