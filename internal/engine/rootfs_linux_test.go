package engine

import (
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
)

func TestLayerName(t *testing.T) {
	for step, want := range map[string]string{"copy git": "copy git", "\n make all\nmake more": "make all", "": ""} {
		if got := LayerName(step); got != want {
			t.Errorf("%q: %q", step, got)
		}
	}
}

// TestLayersAreCalledAsTheirSteps are, whatever runs for them: of a graph that
// was built here, came out of the store, or was built elsewhere.
func TestLayersAreCalledAsTheirSteps(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "buildkitd.sock")
	serveOn(t, t.TempDir(), listen(t, "unix", socket), nil)
	for _, b := range []Builder{{}, {Address: "unix://" + socket}} {
		root := t.TempDir()
		e := openAt(t, root, b, io.Discard)
		r := newShop(t, filepath.Join(root, "layout")).request(t, map[string]string{"node": script("22")})
		want := makersOf(t, r, filepath.Join(root, "layout"))
		if b == (Builder{}) { // where what is merged is linked into a folder of its own
			want[slices.Index(want, "sandwright-init")] = ""
		}
		for range 2 {
			res, err := e.Solve(t.Context(), r)
			must(t, err)
			var got []string
			for _, l := range res.Layers {
				got = append([]string{l.Name}, got...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%+v: %s", b, diff)
			}
		}
	}
}

// TestALinkedLayerHasNoName: what is merged with a merge is several layers in one
// folder.
func TestALinkedLayerHasNoName(t *testing.T) {
	a, b, c := file("a"), file("b"), file("c")
	def, err := llb.Merge([]llb.State{a, b, c}).Marshal(t.Context(), llb.LinuxAmd64)
	must(t, err)
	res, err := open(t, t.TempDir(), io.Discard).Solve(t.Context(), Request{Image: "x", Definition: def})
	must(t, err)
	if len(res.Layers) != 2 || res.Layers[0].Name != "" || res.Layers[1].Name != "make a" {
		t.Errorf("%+v", res.Layers)
	}
}

func file(name string) llb.State {
	return llb.Scratch().File(llb.Mkfile("/"+name, 0o644, nil), llb.WithCustomName("make "+name))
}
