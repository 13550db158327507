package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
)

// A signingRegistry is an npm registry on loopback that serves pnpm@10.28.0,
// and the signatures that it is told to.
type signingRegistry struct {
	*httptest.Server
	tarball []byte
	mu      sync.Mutex
	answers map[string]any // what it says, by path
	version map[string]any
}

func newSigningRegistry(t *testing.T) *signingRegistry {
	t.Helper()
	r := &signingRegistry{answers: map[string]any{}, tarball: npmPackage(t)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	r.version = map[string]any{"name": "pnpm", "version": "10.28.0", "bin": map[string]any{"pnpm": "cli.sh"},
		"dist": map[string]any{"tarball": r.URL + "/pnpm/-/pnpm-10.28.0.tgz", "integrity": evidencetest.Integrity(r.tarball)}}
	return r
}

// npmPackage is a tarball of one program.
func npmPackage(t *testing.T) []byte {
	t.Helper()
	return npmPackageOf(t, map[string]string{"package/package.json": `{"name":"pnpm"}`, "package/cli.sh": "#!/bin/sh\necho 10.28.0\n"})
}

func npmPackageOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o755, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (r *signingRegistry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	answer, ok := r.answers[req.URL.Path]
	switch {
	case req.URL.Path == "/pnpm":
		answer, ok = map[string]any{"versions": map[string]any{"10.28.0": r.version}, "dist-tags": map[string]any{"latest": "10.28.0"}}, true
	case strings.HasSuffix(req.URL.Path, ".tgz"):
		_, _ = w.Write(r.tarball)
		return
	}
	if !ok {
		http.NotFound(w, req)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// sign serves signatures; nil strips them.
func (r *signingRegistry) sign(signatures any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.version["dist"].(map[string]any)["signatures"] = signatures
}

// A signedProject is a project whose one tool comes from that registry.
type signedProject struct {
	t        *testing.T
	dir      string
	registry *signingRegistry
}

func newSignedProject(t *testing.T) *signedProject {
	t.Helper()
	p := &signedProject{t, t.TempDir(), newSigningRegistry(t)}
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: arch})
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	if _, err := layout.Write(filepath.Join(p.dir, "base"), index); err != nil {
		t.Fatal(err)
	}
	p.write("package.json", `{"name": "demo", "packageManager": "pnpm@10.28.0"}`)
	p.file("", "")
	return p
}

func (p *signedProject) write(name, data string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(data), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// file writes sandwright.yaml, with more for the tool and for the file.
func (p *signedProject) file(tool, more string) {
	p.write("sandwright.yaml", "name: demo\nbase: {layout: base}\nplatforms: [linux/amd64, linux/arm64]\ntools:\n  pnpm: {npm: pnpm@10.28.0"+tool+"}\n"+more)
}

// run runs sandwright in the project.
func (p *signedProject) run(args ...string) (out, errs string, ok bool) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), filepath.Join(binDir, "sandwright"), args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "npm_config_registry="+p.registry.URL, "SANDWRIGHT_HOME="+filepath.Join(p.dir, ".home"), "HOME="+p.dir, "NO_COLOR=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	return stdout.String(), stderr.String(), err == nil
}

// lock runs sandwright lock, and wants each text in what it says.
func (p *signedProject) lock(good bool, args []string, want ...string) {
	p.t.Helper()
	before, _ := os.ReadFile(filepath.Join(p.dir, "sandwright.lock"))
	out, errs, ok := p.run(append([]string{"lock"}, args...)...)
	if ok != good {
		p.t.Fatalf("lock %v: done is %v:\n%s%s", args, ok, out, errs)
	}
	for _, text := range want {
		if !strings.Contains(out+errs, text) {
			p.t.Errorf("lock %v does not say %q:\n%s%s", args, text, out, errs)
		}
	}
	if after, _ := os.ReadFile(filepath.Join(p.dir, "sandwright.lock")); !good && !bytes.Equal(before, after) {
		p.t.Errorf("lock %v failed and changed the lock:\n%s", args, after)
	}
}

// From the first lock on, in the words that people see: a registry that signs
// nothing, one that signs, one that forges, and one that stops.
func TestLockKeepsEvidence(t *testing.T) {
	p := newSignedProject(t)
	key, impostor := evidencetest.NewECDSA(t, "SHA256:ours"), evidencetest.NewECDSA(t, "SHA256:ours")
	trusted := "trust: {npm-keys: keys.json}\n"
	p.write("keys.json", string(evidencetest.NPMKeys(t, time.Time{}, key)))

	p.lock(true, nil, "notice: pnpm@10.28.0: integrity only: "+p.registry.URL+"/ serves no signature")
	p.lock(true, []string{"--explain"}, "integrity only")

	p.registry.sign(key.SignNPM("pnpm@10.28.0", p.registry.tarball))
	p.lock(true, []string{"--update"}, `integrity only: signed with key "SHA256:ours", which neither sandwright.yaml nor this program knows`)

	p.file(", require: signature", trusted)
	p.lock(true, nil, "sandwright.lock is written")
	lock, err := os.ReadFile(filepath.Join(p.dir, "sandwright.lock"))
	if want := `- {kind: npm-signature, verdict: verified, key: "SHA256:ours", proof: "`; err != nil || strings.Count(string(lock), want) != 2 {
		t.Errorf("the lock does not have %q for both platforms (%v):\n%s", want, err, lock)
	}
	p.lock(true, []string{"--explain"}, "npm-signature SHA256:ours")

	p.file("", trusted)
	p.registry.sign(nil)
	p.lock(false, []string{"--update"}, "sandwright.yaml:5:3: cannot trust pnpm@10.28.0: sandwright.lock pins npm-signature by key SHA256:ours, and what "+p.registry.URL+"/ serves is integrity only",
		"hint:  see why; if it may be weaker from now on, say so in sandwright.yaml: tools.pnpm.require: integrity")
	p.registry.sign(impostor.SignNPM("pnpm@10.28.0", p.registry.tarball))
	p.lock(false, []string{"--update"}, "cannot verify it: expected a signature of pnpm@10.28.0:"+evidencetest.Integrity(p.registry.tarball)+" with key SHA256:ours")

	p.file(", require: integrity", trusted)
	p.registry.sign(nil)
	p.lock(true, nil, "npm-signature SHA256:ours -> integrity only", "notice: pnpm@10.28.0: integrity only: ")
}

func TestFilesOfKeysAreRead(t *testing.T) {
	for _, c := range []struct {
		name, tool, more string
		files            map[string]string
		want             []string
	}{
		{"missing", "", "trust: {npm-keys: keys.json, sigstore: root.json}\n", nil, []string{
			"sandwright.yaml:6:9: cannot read keys.json: no such file or directory", "sandwright.yaml:6:30: cannot read root.json: no such file or directory"}},
		{"garbage", "", "trust: {npm-keys: keys.json, sigstore: root.json}\n", map[string]string{"keys.json": "{}", "root.json": "{}"}, []string{
			"sandwright.yaml:6:9: cannot read keys.json: it is not {\"keys\"", "sandwright.yaml:6:30: cannot read root.json: it is no trusted root of sigstore"}},
		{"a link that leaves", "", "trust: {npm-keys: link}\n", nil, []string{"sandwright.yaml:6:9: cannot read link: path escapes from parent"}},
		{"a folder", "", "trust: {npm-keys: base}\n", nil, []string{"cannot read base: it is no regular file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newSignedProject(t)
			if err := os.Symlink("/etc/hostname", filepath.Join(p.dir, "link")); err != nil {
				t.Fatal(err)
			}
			for name, data := range c.files {
				p.write(name, data)
			}
			p.file(c.tool, c.more)
			p.lock(false, nil, c.want...)
		})
	}
}
