package engine

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/llbgen"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/spec"
)

// A shop makes layers of tools, each one program, over a base of busybox.
type shop struct {
	store    *fetch.Store
	platform string
	base     fetch.Ref
}

func newShop(t *testing.T, dir string) *shop {
	t.Helper()
	store, err := fetch.OpenStore(dir)
	must(t, err)
	s := &shop{store: store, platform: "linux/" + runtime.GOARCH}
	data, err := os.ReadFile("/bin/busybox")
	must(t, err)
	var parts []fetch.Ref
	for _, applet := range []string{"sh", "mkdir", "chown", "tail", "head", "tr", "sed", "sort", "grep", "cat", "find"} {
		ref, err := store.Program("applet/"+applet, "/bin/"+applet, data, s.platform)
		must(t, err)
		parts = append(parts, ref)
	}
	for _, file := range []string{"passwd", "group", "shadow"} {
		ref, err := store.Program("etc/"+file, "/etc/"+file, []byte("root:x:0:0::/root:/bin/sh\n"), s.platform)
		must(t, err)
		parts = append(parts, ref)
	}
	s.base, err = store.Stack("base/busybox", s.platform, parts...)
	must(t, err)
	return s
}

// plan is that of a sandbox with tools, each given as its program's text.
func (s *shop) plan(t *testing.T, texts map[string]string) (plan.Plan, llbgen.Layers) {
	t.Helper()
	p := plan.Plan{
		Name: "demo", Platform: s.platform, User: spec.User{Name: "dev", UID: 1000, GID: 1000, Home: "/home/dev"}, Target: "/home/dev/app",
		Installs: []plan.Install{{Dir: ".", Store: "/var/cache/sandwright/npm", Steps: []plan.Command{{Name: "install the workspace's dependencies", Args: []string{"/bin/sh", "-c", "node > installed"}}}}}, Build: []plan.Step{{Run: "node > built"}},
		Source: []plan.SourceLayer{{Name: plan.HotLayer, Hot: true, Tree: "source", Files: 1}},
		Env:    map[string]string{"PATH": "/usr/local/bin:/bin", "HOME": "/home/dev"}, Spec: spec.Spec{Version: spec.Version, Name: "demo"},
	}
	l := llbgen.Layers{Store: StoreID, Tools: map[string]string{}}
	chain := []fetch.Ref{s.base}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		ref, err := s.store.Program("tool/"+name, "/usr/local/bin/"+name, []byte(texts[name]), s.platform)
		must(t, err)
		tool := plan.Tool{Name: name, Tree: ref.Digest, Check: []string{name, "--version"}, Use: plan.UseRun}
		if name == "node" {
			tool.Use = plan.UseInstall
			chain = append(chain, ref)
		}
		p.Tools = append(p.Tools, tool)
		p.Spec.Tools = append(p.Spec.Tools, spec.Tool{Name: name, Tree: ref.Digest})
		l.Tools[name] = ref.String()
	}
	system, err := s.store.Stack("base/system", s.platform, chain...)
	must(t, err)
	pid1, err := s.store.Program("sandwright/init", spec.InitPath, []byte("init"), s.platform)
	must(t, err)
	l.System, l.Init = system.String(), pid1.String()
	return p, l
}

// request builds that sandbox.
func (s *shop) request(t *testing.T, texts map[string]string) Request {
	t.Helper()
	p, l := s.plan(t, texts)
	def, err := llbgen.Lower(t.Context(), p, l)
	must(t, err)
	tree := t.TempDir()
	must(t, os.WriteFile(filepath.Join(tree, "package.json"), []byte("{}"), 0o644))
	fs, err := fsutil.NewFS(tree)
	must(t, err)
	return Request{
		Image: "demo", Definition: def, Trees: map[string]fsutil.FS{llbgen.Manifests: fs, "source": fs},
		Secrets: map[string][]byte{llbgen.SecretNPMRC: nil, llbgen.SecretCA: nil},
	}
}

// layersOf writes an image and lists its layers, undermost first.
func layersOf(t *testing.T, e *Engine, r Request) (digests []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.tar")
	_, err := e.Export(t.Context(), r, Export{Images: []Image{imageOf(r)}, Outputs: []Output{{Kind: OCI, Path: path}}})
	must(t, err)
	blobs := map[string][]byte{}
	data, err := os.ReadFile(path)
	must(t, err)
	tr := tar.NewReader(bytes.NewReader(data))
	for hdr, err := tr.Next(); err == nil; hdr, err = tr.Next() {
		blobs[filepath.Base(hdr.Name)], err = io.ReadAll(tr)
		must(t, err)
	}
	var index ocispec.Index
	must(t, json.Unmarshal(blobs["index.json"], &index))
	var m ocispec.Manifest
	must(t, json.Unmarshal(blobs[index.Manifests[0].Digest.Encoded()], &m))
	for _, l := range m.Layers {
		digests = append(digests, l.Digest.Encoded())
	}
	return digests
}

func script(says string) string { return "#!/bin/sh\necho " + says + "\n" }

// TestOneLayerATool: another version of a tool that the build does not use
// builds its own layer and the contract anew, and runs nothing but its check.
func TestOneLayerATool(t *testing.T) {
	root := t.TempDir()
	e := open(t, root, io.Discard)
	s := newShop(t, filepath.Join(root, "layout"))
	texts := map[string]string{"node": script("22"), "claude": script("2.1"), "opencode": script("1.18")}
	first := s.request(t, texts)
	_, err := e.Solve(t.Context(), first)
	must(t, err)
	texts["opencode"] = script("1.19")
	second := s.request(t, texts)
	second.Trees = first.Trees
	res, err := e.Solve(t.Context(), second)
	must(t, err)
	for step, want := range map[string]bool{
		"install the workspace's dependencies": true, "node > built": true, "user dev": true,
		"check tool node": true, "check tool claude": true, "check tool opencode": false,
	} {
		if got := cached(res, step); got != want {
			t.Errorf("%s: cached %t, want %t", step, got, want)
		}
	}
	before, after := layersOf(t, e, first), layersOf(t, e, second)
	if len(before) != len(after) {
		t.Fatalf("%d layers became %d", len(before), len(after))
	}
	var changed []int
	for i := range before {
		if before[i] != after[i] {
			changed = append(changed, len(before)-i)
		}
	}
	// From the top: the contract, PID 1, opencode, claude, …
	if diff := cmp.Diff([]int{3, 1}, changed); diff != "" {
		t.Errorf("layers that changed, from the top (-want +got):\n%s", diff)
	}
}

// TestAToolThatDoesNotRun ends the build by name.
func TestAToolThatDoesNotRun(t *testing.T) {
	root := t.TempDir()
	e := open(t, root, io.Discard)
	s := newShop(t, filepath.Join(root, "layout"))
	for text, want := range map[string]string{
		"#!/opt/perl6\n": "cannot run opencode of tool opencode: it needs /opt/perl6, which the box does not have",
		"#!/bin/sh\necho no config >&2\nexit 4\n": "cannot run opencode of tool opencode: it ended with exit code 4: no config",
	} {
		_, err := e.Solve(t.Context(), s.request(t, map[string]string{"node": script("22"), "opencode": text}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
