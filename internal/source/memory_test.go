package source

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/stage"
)

func remembered() []layer {
	return []layer{
		{name: "packages/ui", files: []file{
			{path: "packages/ui/a\n", mode: 0o644, size: 5, sum: strings.Repeat("s", 32)},
			{path: "packages/ui/b\xff", kind: stage.Link, mode: 0o777, sum: strings.Repeat("t", 32)},
		}},
		{name: ".", files: []file{{path: "vendor", kind: stage.Dir, mode: 0o755}}},
	}
}

func TestMemory(t *testing.T) {
	want := map[string][]file{}
	for _, l := range remembered() {
		want[l.name] = l.files
	}
	at := filepath.Join(t.TempDir(), "source", "memory")
	must(t, writeMemory(at, remembered()))
	if diff := cmp.Diff(want, readMemory(at), cmp.AllowUnexported(file{})); diff != "" {
		t.Error(diff)
	}
	data, err := os.ReadFile(at)
	must(t, err)
	for i := range data { // whatever byte is another, nothing is believed
		bad := slices.Clone(data)
		bad[i] ^= 0x40
		if got := decodeMemory(bad); got != nil {
			t.Fatalf("byte %d is another, and the memory says %v", i, got)
		}
	}
	if readMemory(filepath.Join(t.TempDir(), "none")) != nil {
		t.Error("a memory that is not there remembers")
	}
}

func FuzzMemory(f *testing.F) {
	f.Add(encodeMemory(remembered()))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := decodeMemory(data)
		if got == nil {
			return
		}
		var layers []layer
		for name, files := range got {
			layers = append(layers, layer{name: name, files: files})
		}
		if diff := cmp.Diff(got, decodeMemory(encodeMemory(layers)), cmp.AllowUnexported(file{})); diff != "" {
			t.Error(diff)
		}
	})
}

// TestGroups: each package has a layer, up to a bound; more share some, and one
// package more changes one of them.
func TestGroups(t *testing.T) {
	g := groupsOf([]string{".", "apps/web", "apps/web/inner", "packages/ui"})
	for p, want := range map[string]string{
		"apps/web/main.ts": "apps/web", "apps/web/inner/x/y": "apps/web/inner", "apps/x": ".", "a": ".", "packages/ui/a": "packages/ui",
	} {
		if got := g.names[g.of(p)]; got != want {
			t.Errorf("%s is of %s, want %s", p, got, want)
		}
	}
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("packages/p%02d", i))
	}
	before, after := groupsOf(many), groupsOf(append(many, "packages/p55x"))
	if len(before.names) > maxLayers {
		t.Errorf("%d layers", len(before.names))
	}
	changed := 0
	for _, name := range after.names {
		if !slices.Contains(before.names, name) {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("one package more changes %d layers: %q, %q", changed, before.names, after.names)
	}
}

func TestDeletable(t *testing.T) {
	files := []file{{path: "a/deep/y"}, {path: "b"}, {path: "c", kind: stage.Dir}}
	for p, want := range map[string]bool{
		"x": true, "a/x": true, "a/deep/x": true, "c/x": true, "a/dee/x": false, "gone/x": false, "b/x": false, "a/node_modules/x/y": false, "node_modules/x": false, ".pnp.cjs": false, "a/.pnp.loader.mjs": false,
	} {
		if got := deletable(&file{path: p}, files); got != want {
			t.Errorf("%s: %t", p, got)
		}
	}
}

// What is at a path is found wherever it was looked before.
func TestFind(t *testing.T) {
	files := []file{
		{path: ".npmrc"}, {path: "a/b/c"}, {path: "a/b/d", kind: stage.Link}, {path: "a-b"}, {path: "d", kind: stage.Dir}, {path: "e", kind: stage.Link}, {path: "z/y"},
	}
	for at := range len(files) + 2 {
		for p, want := range map[string]struct {
			place int
			kind  stage.Kind
			there bool
		}{
			".npmrc": {0, stage.File, true}, "a": {1, stage.Dir, true}, "a/b": {1, stage.Dir, true}, "a/b/c": {1, stage.File, true}, "a/b/d": {2, stage.Link, true},
			"a-b": {3, stage.File, true}, "d": {4, stage.Dir, true}, "e": {5, stage.Link, true}, "z": {6, stage.Dir, true}, "z/y": {6, stage.File, true},
			".": {0, 0, false}, "a/b/cc": {2, 0, false}, "a/c": {3, 0, false}, "e/f": {6, 0, false}, "zz": {7, 0, false}, "z/y/x": {7, 0, false},
		} {
			if place, kind, there := find(files, at, p); place != want.place || kind != want.kind || there != want.there {
				t.Errorf("%s, from %d: at %d is %v, %v; want %v", p, at, place, kind, there, want)
			}
		}
	}
}
