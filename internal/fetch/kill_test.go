package fetch

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/lock"
)

// childEnv tells a copy of the test's program to be the one that is killed.
const childEnv = "SANDWRIGHT_FETCH_CHILD"

// A doomed process brings one tool here until Phase is reached, says so, and
// waits; After that it goes on for that long.
type doomed struct {
	Store, Registry string
	Tool            lock.Tool
	Phase           string
	After           time.Duration
}

// liveAsChild is what the copy does.
func liveAsChild(order string) error {
	var d doomed
	if err := json.Unmarshal([]byte(order), &d); err != nil {
		return err
	}
	store, err := OpenStore(d.Store)
	if err != nil {
		return err
	}
	f := New(store, npmFrom(map[string]string{"registry": d.Registry}), func(e Event) {
		if strings.HasPrefix(e.Text, d.Phase) {
			fmt.Println("here")
			if d.After == 0 {
				select {}
			}
		}
	})
	if _, err := f.ToolLayer(context.Background(), "zeros", d.Tool, amd64); err != nil {
		return err
	}
	fmt.Println("done")
	select {}
}

// zeros is a tool that is small to download and large to unpack.
func zerosTool(t *testing.T, r *registry) lock.Tool {
	t.Helper()
	data := tarball(t, file{name: "package/zeros", data: strings.Repeat("\x00", 40<<20), mode: 0o755}, file{name: "package/noise", data: noise(200_000)})
	r.add("zeros", "1.0.0", data, map[string]any{"bin": "zeros"})
	a, err := r.fetcher(t).ResolveTool(t.Context(), "zeros", ToolSpec{NPM: "zeros@1.0.0"}, amd64)
	if err != nil {
		t.Fatal(err)
	}
	return lock.Tool{Source: "npm:zeros@1.0.0", Version: "1.0.0", Platforms: map[string]lock.Artifact{amd64: a}}
}

// TestKilledAtAnyMoment: SIGKILL in each phase leaves nothing unverified, and
// the next run does what was not done.
func TestKilledAtAnyMoment(t *testing.T) {
	r := newRegistry(t)
	tool := zerosTool(t, r)
	slow := func(w http.ResponseWriter, req *http.Request, tarball []byte) {
		w.Header().Set("Content-Length", strconv.Itoa(len(tarball)))
		_, _ = w.Write(tarball[:len(tarball)/2])
		w.(http.Flusher).Flush()
		<-req.Context().Done()
	}
	for i, d := range []doomed{
		{Phase: "asking"}, {Phase: "downloading"}, {Phase: "unpacking"}, {Phase: "verified"},
		{Phase: "unpacking", After: 10 * time.Millisecond}, {Phase: "unpacking", After: 30 * time.Millisecond},
		{Phase: "unpacking", After: 60 * time.Millisecond}, {Phase: "unpacking", After: 120 * time.Millisecond},
	} {
		t.Run(fmt.Sprint(i, d.Phase, d.After), func(t *testing.T) {
			d.Store, d.Registry, d.Tool = t.TempDir(), r.URL, tool
			normal := r.serve
			if d.Phase == "downloading" {
				r.serving(slow)
			}
			killChild(t, d)
			r.serving(normal)
			blobsAreWhatTheySay(t, d.Store)
			asked := len(r.asked(".tgz"))
			f := r.fetcher(t)
			store, err := OpenStore(d.Store)
			if err != nil {
				t.Fatal(err)
			}
			f.store = store
			ref, err := f.ToolLayer(t.Context(), "zeros", tool, amd64)
			if err != nil || !store.whole(ref.Digest) {
				t.Fatalf("the next run gives %v, %v", ref, err)
			}
			blobsAreWhatTheySay(t, d.Store)
			for _, dir := range []string{"tmp"} {
				if left, _ := os.ReadDir(filepath.Join(d.Store, dir)); len(left) > 0 {
					t.Errorf("%s holds %v", dir, left)
				}
			}
			if d.Phase != "downloading" {
				return
			}
			if again := r.asked(".tgz")[asked:]; len(again) != 1 || !strings.HasPrefix(again[0].Header.Get("Range"), "bytes=") {
				t.Errorf("the download was not taken up again: %d requests", len(again))
			}
		})
	}
}

// killChild runs a doomed process and kills it.
func killChild(t *testing.T, d doomed) {
	t.Helper()
	order, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), childEnv+"="+string(order)), os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	time.Sleep(d.After)
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	if err != nil || line != "here\n" {
		t.Fatalf("the process said %q, %v", line, err)
	}
}

// blobsAreWhatTheySay holds every blob against its name.
func blobsAreWhatTheySay(t *testing.T, store string) {
	t.Helper()
	dir := filepath.Join(store, "blobs/sha256")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		in, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		if _, err := io.Copy(h, in); err != nil {
			t.Error(err)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != e.Name() {
			t.Errorf("blob %s has sha256 %s", e.Name(), got)
		}
		in.Close()
	}
}

// TestHostileArtifacts: the lock pins an artifact that is hostile itself, as
// one that was hostile when it was locked by another program. Nothing of it is
// kept, and the fault says what it is.
func TestHostileArtifacts(t *testing.T) {
	for _, c := range []struct {
		name   string
		packed lock.Packing
		data   []byte
		want   string
	}{
		{"zip slip", lock.PackedZip, zipped(t, file{name: "../../etc/cron.d/x", data: "evil"}), `cannot unpack "../../etc/cron.d/x": its name has .. in it`},
		{"tar slip", lock.PackedTarGz, tarball(t, file{name: "a/../../x", data: "evil"}), "its name has .. in it"},
		{"absolute", lock.PackedTarZst, zstded(t, plainTar(t, file{name: "/etc/passwd", data: "evil"})), "its name is absolute"},
		{"link escape", lock.PackedNPM, tarball(t, file{name: "p/l", link: "../../../etc", kind: tar.TypeSymlink}, file{name: "p/l/x", data: "evil"}), "it links out of the package, to ../../../etc"},
		{"write through a link", lock.PackedNPM, tarball(t, file{name: "p/l", link: "d", kind: tar.TypeSymlink}, file{name: "p/l/x", data: "evil"}), "it stands below something that is no directory"},
		{"size bomb", lock.PackedTarXz, xzed(t, plainTar(t, file{name: "big", data: strings.Repeat("0", 4<<20)})), "it has more than 1000 bytes"},
		{"count bomb", lock.PackedTar, plainTar(t, file{name: "1"}, file{name: "2"}, file{name: "3"}), "it has more than 2 files"},
		{"gz bomb", lock.PackedGzip, gzipped(t, make([]byte, 4<<20)), "it has more bytes than it may"},
		{"device", lock.PackedLayer, plainTar(t, file{name: "null", kind: tar.TypeChar}), "it is neither file, directory nor link"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRegistry(t)
			r.add("evil", "1.0.0", c.data, map[string]any{"bin": "x"})
			d := newDigester()
			_, _ = d.Write(c.data)
			s := d.sums()
			a := lock.Artifact{Package: "evil", Version: "1.0.0", Packed: c.packed, Size: s.size, SHA256: s.sha256, SHA512: s.sha512,
				Files: 2, Unpacked: 1000, Tree: strings.Repeat("0", 64)}
			f := r.fetcher(t)
			_, err := f.ToolLayer(t.Context(), "evil", lock.Tool{Source: "npm:evil@1.0.0", Platforms: map[string]lock.Artifact{amd64: a}}, amd64)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "cannot use tool evil: evil@1.0.0") {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			nothingKept(t, f.store)
		})
	}
}
