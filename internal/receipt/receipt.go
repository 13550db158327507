// Package receipt is the seal of an image: what each of its layers was made
// from, as one JSON file in the image that both binaries read. Equal inputs
// give equal receipts; it holds no time, no path of the host, no value of a
// secret. Standard library only.
package receipt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

// Version is the only version of the format there is. Of 1, steps had no folder
// and no environment.
const Version = 2

// Path is where the receipt stands in the box.
const Path = "/etc/sandwright/receipt.json"

// MaxSize bounds an encoded receipt, bytes.
const MaxSize = 16 << 20

// A Receipt says what one image for one platform was made from.
type Receipt struct {
	Version  int     `json:"version"`
	Name     string  `json:"name"`
	Platform string  `json:"platform"`
	Target   string  `json:"target"`        // the workspace in the box
	UID      uint32  `json:"uid,omitempty"` // who runs the steps
	Layers   []Layer `json:"layers"`        // each after those that it stands on
}

// A Layer is what is made, or taken from the store, as one. When its files
// differ it is made again, as is all that stands on it.
type Layer struct {
	Name  string   `json:"name"`            // such as base, tool node, install or build 1
	On    []string `json:"on,omitempty"`    // layers before it, in their order
	Run   []Step   `json:"run,omitempty"`   // what makes it, in its order
	Files []File   `json:"files,omitempty"` // sorted by path
	// Fields are those of a manifest that decide, also where a manifest has none
	// of them yet.
	Fields []string `json:"fields,omitempty"`
	// Leaves are paths in the workspace that are there once its steps have run.
	Leaves []string `json:"leaves,omitempty"`
	// Due is why its steps have to run, beside what its files say; only in a box
	// that was brought up to date.
	Due []Cause `json:"due,omitempty"`
}

// A Step is one command of those that make a layer.
type Step struct {
	Argv []string          `json:"argv"`
	Dir  string            `json:"dir,omitempty"` // in the workspace; empty: the workspace itself
	Env  map[string]string `json:"env,omitempty"` // over that of the image
	// Needs are the names of variables of which the image has no value, and
	// without which it cannot run.
	Needs []string `json:"needs,omitempty"`
}

// A Kind is what of a file decides.
type Kind string

// The kinds of a file.
const (
	Whole    Kind = ""         // every byte
	Manifest Kind = "manifest" // the fields of a package.json that an install looks at
	Head     Kind = "head"     // the line that says what runs a script
	Tree     Kind = "tree"     // every file below a folder
	Said     Kind = "said"     // the fields that are listed, of a file that is not in the box
)

// A File is what decides of one file.
type File struct {
	Path   string            `json:"path"` // relative to the workspace; of Said, a name for people
	Kind   Kind              `json:"kind,omitempty"`
	Sum    string            `json:"sum,omitempty"`    // sha256 hex of the file as it stands; none of Said, and where it was not there
	Seen   string            `json:"seen,omitempty"`   // sha256 hex of what of it decides; none where that is all
	Fields map[string]string `json:"fields,omitempty"` // a part's name -> its value, or # and a hash of it; of Tree, see TreeFields
}

// Name is a path as a receipt has it: JSON has no other bytes than UTF-8, so
// that of another name is told apart by a hash.
func Name(path string) string {
	if utf8.ValidString(path) {
		return path
	}
	return strings.ToValidUTF8(path, "\uFFFD") + "#" + SumOf([]byte(path))[:8]
}

// Decides is the hash of what decides.
func (f File) Decides() string {
	if f.Seen != "" {
		return f.Seen
	}
	return f.Sum
}

// Layer gives the layer of a name.
func (r Receipt) Layer(name string) (Layer, bool) {
	for _, l := range r.Layers {
		if l.Name == name {
			return l, true
		}
	}
	return Layer{}, false
}

// Encode writes r so that equal receipts are equal bytes.
func Encode(r Receipt) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, err
	}
	if b.Len() > MaxSize {
		return nil, fmt.Errorf("the receipt has %d bytes, at most %d", b.Len(), MaxSize)
	}
	return b.Bytes(), nil
}

// Decode reads what Encode wrote, and nothing else: it may come from anywhere.
func Decode(data []byte) (Receipt, error) {
	var r Receipt
	if len(data) > MaxSize {
		return r, fmt.Errorf("it has %d bytes, at most %d", len(data), MaxSize)
	}
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return r, errors.New("it is not JSON of a receipt")
	}
	if head.Version != Version {
		return r, fmt.Errorf("it has version %d, and this program knows %d", head.Version, Version)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return Receipt{}, errors.New("it is not JSON of a receipt")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Receipt{}, errors.New("there is text after its end")
	}
	if err := r.check(); err != nil {
		return Receipt{}, err
	}
	return r, nil
}

// check refuses what Diff and sync could not rely on.
func (r Receipt) check() error {
	if r.Version != Version {
		return fmt.Errorf("it has version %d, and this program knows %d", r.Version, Version)
	}
	if !path.IsAbs(r.Target) || path.Clean(r.Target) != r.Target {
		return fmt.Errorf("%q is no folder of a box", r.Target)
	}
	seen := map[string]bool{}
	for _, l := range r.Layers {
		if l.Name == "" || seen[l.Name] {
			return fmt.Errorf("a layer called %q stands twice, or has no name", l.Name)
		}
		for _, below := range l.On {
			if !seen[below] {
				return fmt.Errorf("layer %q stands on %q, which is not before it", l.Name, below)
			}
		}
		if err := l.check(); err != nil {
			return err
		}
		seen[l.Name] = true
	}
	return nil
}

func (l Layer) check() error {
	for _, s := range l.Run {
		if len(s.Argv) == 0 || s.Argv[0] == "" || s.Dir != "" && !fs.ValidPath(s.Dir) {
			return fmt.Errorf("layer %q: a step has no command, or no folder in the workspace", l.Name)
		}
	}
	for _, name := range l.Leaves {
		if !fs.ValidPath(name) {
			return fmt.Errorf("layer %q: what it leaves, %q, is no path in a workspace", l.Name, name)
		}
	}
	return checkFiles(l.Name, l.Files)
}

func checkFiles(layer string, files []File) error {
	last := ""
	for i, f := range files {
		if i > 0 && f.Path <= last {
			return fmt.Errorf("layer %q: file %q is not in order", layer, f.Path)
		}
		last = f.Path
		switch f.Kind {
		case Said:
			if f.Path == "" || f.Sum != "" || f.Seen != "" {
				return fmt.Errorf("layer %q: file %q is not what is said", layer, f.Path)
			}
			continue
		case Whole, Manifest, Head, Tree:
		default:
			return fmt.Errorf("layer %q: file %q is of kind %q, which does not exist", layer, f.Path, f.Kind)
		}
		absent := f.Sum == "" && f.Seen == "" && len(f.Fields) == 0
		if !fs.ValidPath(f.Path) || !absent && !isSum(f.Sum) || f.Seen != "" && !isSum(f.Seen) {
			return fmt.Errorf("layer %q: file %q has no path in a workspace, or no sum", layer, f.Path)
		}
	}
	return nil
}

func isSum(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
