package record

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/receipt"
)

func sample() Record {
	sum := strings.Repeat("a", 64)
	return Record{
		Version: Version, Image: "sha256:1", Folders: sum, Sandbox: "demo-1", Made: time.Unix(1, 2).UTC(),
		Receipt: receipt.Receipt{Version: receipt.Version, Name: "demo", Platform: "linux/amd64", Target: "/srv", Layers: []receipt.Layer{{Name: "base"}}},
		Layers:  []Layer{{Dir: "/nowhere", Name: "copy source", Bytes: 7}},
		Count:   4,
		Files: []File{
			{Path: "a b\n\"c\"", Mode: 0o644, Size: 3, Sum: sum},
			{Path: "bin/\xff", Mode: 0o755, Size: 1 << 40, Sum: sum},
			{Path: "link", Mode: 0o777, Sum: sum, Target: "a b\x00", Link: true},
			{Path: "é", Mode: 0o644, Sum: sum},
		},
	}
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "record")
	if _, ok := Read(path); ok {
		t.Fatal("a record is read that is not there")
	}
	for range 2 { // the second replaces the first
		if err := Write(path, sample()); err != nil {
			t.Fatal(err)
		}
	}
	got, ok := Read(path)
	if !ok {
		t.Fatal("it cannot be read")
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(sample().Layers, LayersOf(path)); diff != "" {
		t.Error(diff)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read it: %v, %v", info, err)
	}
}

// A record that was cut or changed counts as none: then all is new.
func TestDamagedRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record")
	if err := Write(path, sample()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty":             {},
		"cut in a line":     whole[:len(whole)-5],
		"cut after a line":  whole[:bytes.LastIndexByte(whole[:len(whole)-1], '\n')+1],
		"another version":   bytes.Replace(whole, []byte(`"version":2`), []byte(`"version":9`), 1),
		"another receipt":   bytes.Replace(whole, []byte(`"target":"/srv"`), []byte(`"target":"srv"`), 1),
		"another mode":      bytes.Replace(whole, []byte("f 644"), []byte("f 999"), 1),
		"another kind":      bytes.Replace(whole, []byte("\nl 777"), []byte("\nx 777"), 1),
		"a size of letters": bytes.Replace(whole, []byte("644 3 "), []byte("644 x "), 1),
		"a line too many":   append(bytes.Clone(whole), "f 644 0 a \"x\" \"\"\n"...),
		"no target":         bytes.Replace(whole, []byte(" \"\"\n"), []byte("\n"), 1),
	} {
		if bytes.Equal(data, whole) {
			t.Fatalf("%s changes nothing", name)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok := Read(path); ok {
			t.Errorf("%s: it is read", name)
		}
	}
}

func TestWriteWhereThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(file, "record"), sample()); err == nil || !strings.HasPrefix(err.Error(), "cannot keep the record of a build: ") {
		t.Errorf("got %v", err)
	}
}

func TestLayerThere(t *testing.T) {
	dir := t.TempDir()
	if !(Layer{Dir: dir}).There() || (Layer{Dir: filepath.Join(dir, "x")}).There() {
		t.Error("a layer is not where it is")
	}
}

func TestChanges(t *testing.T) {
	before := []File{{Path: "a", Sum: "1"}, {Path: "b", Sum: "1"}, {Path: "c", Mode: 0o644}, {Path: "z/gone", Sum: "1"}}
	after := []File{{Path: "b", Sum: "2"}, {Path: "c", Mode: 0o755}, {Path: "new"}, {Path: "a", Sum: "1"}}
	var got []string
	for _, c := range Changes(before, after) {
		got = append(got, string(c.Change)+" "+c.Path())
	}
	if diff := cmp.Diff([]string{"changed b", "changed c", "added new", "removed z/gone"}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	path := filepath.Join(f.TempDir(), "record")
	if err := Write(path, sample()); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parse(data)
		if err != nil {
			return
		}
		path := filepath.Join(t.TempDir(), "record")
		if err := Write(path, r); err != nil {
			t.Fatal(err)
		}
		back, ok := Read(path)
		if !ok || len(Changes(r.Files, back.Files)) > 0 {
			t.Errorf("what was read is written as something else: %v", ok)
		}
	})
}
