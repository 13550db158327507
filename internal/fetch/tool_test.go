package fetch

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

const amd64 = "linux/amd64"

// greeter is a package of one program.
func greeter(t *testing.T) []byte {
	return tarball(t,
		file{name: "package/package.json", data: `{"name":"greeter"}`},
		file{name: "package/cli.cjs", data: "#!/usr/bin/env node\n" + noise(200_000)},
		file{name: "package/lib/x.js", data: "x"})
}

// pinnedGreeter publishes greeter and resolves it.
func pinnedGreeter(t *testing.T, r *registry) lock.Tool {
	t.Helper()
	r.add("greeter", "1.2.3", greeter(t), map[string]any{"bin": map[string]any{"greet": "./cli.cjs"}})
	a, err := r.fetcher(t).ResolveTool(t.Context(), "greet", ToolSpec{NPM: "greeter@1.2.3"}, amd64)
	if err != nil {
		t.Fatal(err)
	}
	return lock.Tool{Source: "npm:greeter@1.2.3", Platforms: map[string]lock.Artifact{amd64: a}}
}

// layerOf reads the headers of the single layer of an image, by name.
func layerOf(t *testing.T, s *Store, ref Ref) map[string]*tar.Header {
	t.Helper()
	m, ok := readManifest(s, ref.Digest)
	if !ok {
		t.Fatalf("%s is not in the store", ref)
	}
	in, err := os.Open(s.blob(m.Layers[0].Digest.Encoded()))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out := map[string]*tar.Header{}
	for tr := tar.NewReader(in); ; {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out[hdr.Name] = hdr
	}
}

func TestToolLayer(t *testing.T) {
	r := newRegistry(t)
	tool := pinnedGreeter(t, r)
	f := r.fetcher(t)
	ref, err := f.ToolLayer(t.Context(), "greet", tool, amd64)
	if err != nil {
		t.Fatal(err)
	}
	if ref.Name != "tool/greet" || !strings.HasPrefix(ref.String(), "tool/greet@sha256:") || !f.store.whole(ref.Digest) {
		t.Errorf("ref is %s, whole: %v", ref, f.store.whole(ref.Digest))
	}
	got := map[string]string{}
	for name, hdr := range layerOf(t, f.store, ref) {
		if hdr.Uid != 0 || hdr.Gid != 0 || hdr.Uname != "" || hdr.ModTime.Unix() != 0 {
			t.Errorf("%s is of %d:%d %q at %v", name, hdr.Uid, hdr.Gid, hdr.Uname, hdr.ModTime)
		}
		got[name] = hdr.FileInfo().Mode().String() + hdr.Linkname
	}
	want := map[string]string{
		"opt/": "drwxr-xr-x", "opt/sandwright/": "drwxr-xr-x", "opt/sandwright/tools/": "drwxr-xr-x",
		"opt/sandwright/lists/":                   "drwxr-xr-x",
		"opt/sandwright/lists/greet":              "-rw-r--r--",
		"opt/sandwright/tools/greet/":             "drwxr-xr-x",
		"opt/sandwright/tools/greet/package.json": "-rw-r--r--",
		"opt/sandwright/tools/greet/cli.cjs":      "-rwxr-xr-x",
		"opt/sandwright/tools/greet/lib/":         "drwxr-xr-x",
		"opt/sandwright/tools/greet/lib/x.js":     "-rw-r--r--",
		"usr/":                                    "drwxr-xr-x", "usr/local/": "drwxr-xr-x", "usr/local/bin/": "drwxr-xr-x",
		"usr/local/bin/greet": "Lrwxrwxrwx../../../opt/sandwright/tools/greet/cli.cjs",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("layer (-want +got):\n%s", diff)
	}
}

func TestToolLayerNeedsNoNetworkTwice(t *testing.T) {
	r := newRegistry(t)
	tool := pinnedGreeter(t, r)
	f := r.fetcher(t)
	first, err := f.ToolLayer(t.Context(), "greet", tool, amd64)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	again := New(f.store, npmFrom(nil), nil) // which would panic if asked for a registry
	second, err := again.ToolLayer(t.Context(), "greet", tool, amd64)
	if err != nil || first != second {
		t.Errorf("got %v, %v, want %v", second, err, first)
	}
}

func TestToolLayerIsTheSameInAnotherStore(t *testing.T) {
	r := newRegistry(t)
	tool := pinnedGreeter(t, r)
	one, err := r.fetcher(t).ToolLayer(t.Context(), "greet", tool, amd64)
	if err != nil {
		t.Fatal(err)
	}
	two, err := r.fetcher(t).ToolLayer(t.Context(), "greet", tool, amd64)
	if err != nil || one != two {
		t.Errorf("got %v, %v, want %v", two, err, one)
	}
}

// nothingKept fails when anything but the store's own files is left.
func nothingKept(t *testing.T, s *Store) {
	t.Helper()
	for _, dir := range []string{"blobs/sha256", "tmp", "partial"} {
		entries, err := os.ReadDir(filepath.Join(s.dir, dir))
		if err != nil || len(entries) != 0 {
			t.Errorf("%s holds %v (%v), want nothing", dir, entries, err)
		}
	}
}

func TestToolLayerRefusesWhatTheLockDoesNotPin(t *testing.T) {
	other := strings.Repeat("0", 64)
	for _, c := range []struct {
		name string
		edit func(*registry, *lock.Artifact)
		want string
	}{
		{"tampered artifact", func(r *registry, _ *lock.Artifact) {
			data := r.tarballs["/greeter/-/greeter-1.2.3.tgz"]
			data[len(data)/2] ^= 1
		}, "cannot use tool greet: greeter@1.2.3 has sha256 "},
		{"tampered sha256", func(_ *registry, a *lock.Artifact) { a.SHA256 = other }, "and sandwright.lock says " + other},
		{"tampered sha512", func(_ *registry, a *lock.Artifact) { a.SHA512 = other + other }, "greeter@1.2.3 has sha512 "},
		{"longer", func(_ *registry, a *lock.Artifact) { a.Size-- }, "greeter@1.2.3 has size "},
		{"shorter", func(_ *registry, a *lock.Artifact) { a.Size++ }, "greeter@1.2.3 has size "},
		{"tampered tree", func(_ *registry, a *lock.Artifact) { a.Tree = other },
			"cannot use tool greet: greeter@1.2.3: cannot use what it unpacks to: that is 3 files of "},
		{"tampered bin", func(_ *registry, a *lock.Artifact) { a.Bin = map[string]string{"greet": "lib/x.js"} },
			"cannot use what it unpacks to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRegistry(t)
			tool := pinnedGreeter(t, r)
			a := tool.Platforms[amd64]
			c.edit(r, &a)
			tool.Platforms[amd64] = a
			f := r.fetcher(t)
			_, err := f.ToolLayer(t.Context(), "greet", tool, amd64)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			if hint := fault.All(err)[0].Hint; !strings.Contains(hint, "sandwright lock --update greet") {
				t.Errorf("hint is %q", hint)
			}
			if c.name != "tampered tree" && c.name != "tampered bin" {
				if !strings.Contains(err.Error(), r.URL+"/greeter/-/greeter-1.2.3.tgz") {
					t.Errorf("the fault does not say from where: %v", err)
				}
				nothingKept(t, f.store)
			}
			if blobs, _ := os.ReadDir(filepath.Join(f.store.dir, "blobs/sha256")); len(blobs) != 0 {
				t.Errorf("the store keeps %v", blobs)
			}
		})
	}
}

func TestToolLayerOfAnotherPlatform(t *testing.T) {
	r := newRegistry(t)
	_, err := r.fetcher(t).ToolLayer(t.Context(), "greet", pinnedGreeter(t, r), "linux/arm64")
	if err == nil || err.Error() != "cannot use tool greet: sandwright.lock does not pin it for linux/arm64" {
		t.Errorf("got %v", err)
	}
}

func TestToolLayerOfAVersionThatWent(t *testing.T) {
	r := newRegistry(t)
	tool := pinnedGreeter(t, r)
	delete(r.packages["greeter"], "1.2.3")
	_, err := r.fetcher(t).ToolLayer(t.Context(), "greet", tool, amd64)
	want := "cannot find version 1.2.3 of npm package greeter, which tool greet asks for: " + r.URL + "/greeter has no such version"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestToolLayersReportsEveryFault(t *testing.T) {
	r := newRegistry(t)
	tool := pinnedGreeter(t, r)
	broken := lock.Tool{Platforms: map[string]lock.Artifact{amd64: {Package: "gone", Version: "1.0.0", Tree: strings.Repeat("1", 64)}}}
	refs, err := r.fetcher(t).ToolLayers(t.Context(), map[string]lock.Tool{"greet": tool, "a": broken, "b": broken}, amd64)
	if got := fault.All(err); len(got) != 2 {
		t.Errorf("got %d faults, want 2: %v", len(got), err)
	}
	if refs["greet"].Digest == "" {
		t.Error("the good tool has no image")
	}
}

func TestToolLayersStopsWithItsContext(t *testing.T) {
	r := newRegistry(t)
	tool := pinnedGreeter(t, r)
	ctx, stop := context.WithCancel(t.Context())
	r.serving(func(w http.ResponseWriter, req *http.Request, tarball []byte) {
		w.Header().Set("Content-Length", strconv.Itoa(len(tarball)))
		_, _ = w.Write(tarball[:4])
		w.(http.Flusher).Flush()
		stop()
		<-req.Context().Done()
	})
	f := r.fetcher(t)
	_, err := f.ToolLayers(ctx, map[string]lock.Tool{"greet": tool}, amd64)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTwoProcessesDownloadOnce(t *testing.T) {
	r := newRegistry(t)
	tool := pinnedGreeter(t, r)
	before := len(r.asked(".tgz"))
	one := r.fetcher(t)
	two := New(one.store, one.npm, nil)
	two.client = one.client
	var wg sync.WaitGroup
	for _, f := range []*Fetcher{one, two, one, two} {
		wg.Go(func() {
			if _, err := f.ToolLayer(t.Context(), "greet", tool, amd64); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(r.asked(".tgz")) - before; got != 1 {
		t.Errorf("downloaded %d times, want once", got)
	}
}

func TestProgressEndsOnce(t *testing.T) {
	r := newRegistry(t)
	tool := pinnedGreeter(t, r)
	var mu sync.Mutex
	var events []Event
	f := r.fetcher(t)
	f.progress = func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, e)
	}
	if _, err := f.ToolLayer(t.Context(), "greet", tool, amd64); err != nil {
		t.Fatal(err)
	}
	finished, whole := 0, false
	for i, e := range events {
		if e.Name != "tool greet" {
			t.Errorf("event of %q", e.Name)
		}
		if e.Finished {
			finished += i
		}
		whole = whole || (e.Text == "downloading" && e.Done == e.Total && e.Total == tool.Platforms[amd64].Size)
	}
	if finished != len(events)-1 || !whole {
		t.Errorf("finished at %d of %d, whole download reported: %v", finished, len(events), whole)
	}
}
