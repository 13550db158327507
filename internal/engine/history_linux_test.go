package engine

import (
	"encoding/json"
	"io"
	"path/filepath"
	"testing"

	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// makersOf is the history that a request's image gets.
func makersOf(t *testing.T, r Request, layout string) (names []string) {
	t.Helper()
	store, err := contentlocal.NewStore(layout)
	must(t, err)
	config, err := withHistory(t.Context(), []byte(testConfig), r.Definition.ToPB(), store)
	must(t, err)
	var img ocispecs.Image
	must(t, json.Unmarshal(config, &img))
	if img.Config.Labels["of"] != "the test" {
		t.Errorf("the config is now %s", config)
	}
	for _, h := range img.History {
		names = append(names, h.CreatedBy)
	}
	return names
}

// TestEachLayerHasAMaker: of an image out of a layout, steps, copies and what
// is merged, one name a layer, in their order.
func TestEachLayerHasAMaker(t *testing.T) {
	root := t.TempDir()
	s := newShop(t, filepath.Join(root, "layout"))
	r := s.request(t, map[string]string{"node": script("22"), "claude": script("2.1")})
	got := makersOf(t, r, filepath.Join(root, "layout"))
	var base []string
	for len(base) < len(got) && got[len(base)] == "base and package manager" {
		base = append(base, got[len(base)])
	}
	want := append(base, "user dev", "copy manifests", "install the workspace's dependencies", "copy what differs from the commit", "node > built", "tool claude", "sandwright-init", "services")
	if diff := cmp.Diff(want, got); diff != "" || len(base) == 0 {
		t.Error(diff)
	}
	if layers := layersOf(t, open(t, root, io.Discard), r); len(layers) != len(got) {
		t.Errorf("the image has %d layers, and %d makers", len(layers), len(got))
	}
}

// TestMakersOfGraphs that ours are not made of, but might be.
func TestMakersOfGraphs(t *testing.T) {
	scratch, a := llb.Scratch(), llb.Scratch().File(llb.Mkfile("/a", 0o644, nil), llb.WithCustomName("a"))
	sh := []llb.RunOption{llb.Args([]string{"sh", "-c", "b"})}
	for name, c := range map[string]struct {
		state llb.State
		want  []string
	}{
		"nothing":            {scratch, nil},
		"files without name": {scratch.File(llb.Mkdir("/d", 0o755).Mkfile("/d/f", 0o644, nil)), []string{"files"}},
		"a step":             {a.Run(sh...).Root(), []string{"a", "sh -c b"}},
		"what a step mounts": {a.Run(sh...).AddMount("/mnt", a.File(llb.Rm("/a"), llb.WithCustomName("rm"))), []string{"a", "rm", "sh -c b"}},
		"a copy":             {a.File(llb.Copy(a.Run(sh...).Root(), "/", "/"), llb.WithCustomName("c")), []string{"a", "c"}},
		"merged":             {llb.Merge([]llb.State{a, scratch.File(llb.Mkdir("/m", 0o755), llb.WithCustomName("m"))}), []string{"a", "m"}},
		"a difference":       {llb.Diff(a, a.Run(sh...).Root(), llb.WithCustomName("d")), []string{"d"}},
	} {
		def, err := c.state.Marshal(t.Context(), llb.LinuxAmd64)
		must(t, err)
		if diff := cmp.Diff(c.want, makersOf(t, Request{Definition: def}, t.TempDir())); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
