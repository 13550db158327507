package gitmeta

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func listed() (head, []node) {
	h := head{format: "sha1", tree: strings.Repeat("t", 20)}
	return h, []node{
		{path: "a", mode: modeTree, id: strings.Repeat("1", 20)},
		{path: "a/b\n\xff", mode: 0o100755, id: strings.Repeat("2", 20)},
		{path: "c", mode: modeModule, id: strings.Repeat("\x00", 20)},
	}
}

// TestAListIsAskedForOnce, of one tree: what is kept of another, or is not whole,
// is none.
func TestAListIsAskedForOnce(t *testing.T) {
	h, nodes := listed()
	s := shelf{dir: filepath.Join(t.TempDir(), "new"), name: "head-1"}
	asked := 0
	get := func(h head) {
		t.Helper()
		got, err := s.nodes(h, func() ([]node, error) { asked++; return nodes, nil })
		if diff := cmp.Diff(nodes, got, cmp.AllowUnexported(node{})); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	get(h)
	get(h)
	if asked != 1 {
		t.Errorf("it was asked for %d times", asked)
	}
	other := h
	other.tree = strings.Repeat("u", 20)
	get(other)
	get(h)
	if asked != 3 {
		t.Errorf("of two trees it was asked for %d times", asked)
	}
	file := filepath.Join(s.dir, "head-1.list")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		broken := bytes.Clone(whole)
		broken[i] ^= 1
		if _, ok := decodeNodes(h, broken); ok {
			t.Errorf("it is read with another byte %d", i)
		}
		if _, ok := decodeNodes(h, whole[:i]); ok {
			t.Errorf("%d bytes of it are read", i)
		}
	}
	if err := os.WriteFile(file, whole[:9], 0o600); err != nil {
		t.Fatal(err)
	}
	get(h)
	if _, err := s.nodes(other, func() ([]node, error) { return nil, errRefused }); !errors.Is(err, errRefused) {
		t.Errorf("%v", err)
	}
	get(h) // and nothing was kept of that
	if left, err := os.ReadDir(s.dir); err != nil || len(left) != 1 || asked != 4 {
		t.Errorf("%v, %v, asked for %d times", left, err, asked)
	}
}

var errRefused = errors.New("refused")

// FuzzDecodeNodes: no bytes make it fail, and what it reads is what is written.
func FuzzDecodeNodes(f *testing.F) {
	h, nodes := listed()
	f.Add(encodeNodes(h, nodes))
	f.Add(encodeNodes(h, nil))
	f.Add([]byte(listMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, ok := decodeNodes(h, data)
		if ok && !bytes.Equal(encodeNodes(h, got), data) {
			again, whole := decodeNodes(h, encodeNodes(h, got))
			if diff := cmp.Diff(got, again, cmp.AllowUnexported(node{})); !whole || diff != "" {
				t.Error(diff)
			}
		}
	})
}
