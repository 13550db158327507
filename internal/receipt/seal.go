package receipt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// SealVersion is the only version of a seal there is.
const SealVersion = 1

// A Seal is what was run again in a box of what its receipt says: by whoever
// runs the steps, and in a file that is theirs to write. So it says nothing of
// what to run. One that is forged can have a step of its box run once more, or
// not, and no more than that.
type Seal struct {
	Version int      `json:"version"`
	Receipt string   `json:"receipt"`       // sha256 hex of the file of the receipt that it is about
	Layers  []Sealed `json:"layers"`        // those that were run again, each once
	Due     []string `json:"due,omitempty"` // layers whose steps have begun, or are to, and did not end
}

// A Sealed is a layer, and what of its files stood there when its steps ran.
type Sealed struct {
	Name  string `json:"name"`
	Files []File `json:"files,omitempty"` // those of the receipt that a box can compare, in its order
}

// EncodeSeal writes s.
func EncodeSeal(s Seal) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil, err
	}
	if b.Len() > MaxSize {
		return nil, fmt.Errorf("it has %d bytes, at most %d", b.Len(), MaxSize)
	}
	return b.Bytes(), nil
}

// ErrOther is returned by DecodeSeal for a seal of another receipt, which was
// good in its time.
var ErrOther = errors.New("it is that of another receipt")

// DecodeSeal reads a seal of r, whose file has the sum given; where none is, it
// is not compared. It may come from anybody.
func DecodeSeal(data []byte, r Receipt, sum string) (Seal, error) {
	var s Seal
	if len(data) > MaxSize {
		return s, fmt.Errorf("it has %d bytes, at most %d", len(data), MaxSize)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if dec.Decode(&s) != nil {
		return Seal{}, errors.New("it is not JSON of a seal")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Seal{}, errors.New("there is text after its end")
	}
	if s.Version != SealVersion {
		return Seal{}, fmt.Errorf("it has version %d, and this program knows %d", s.Version, SealVersion)
	}
	if sum != "" && s.Receipt != sum {
		return Seal{}, ErrOther
	}
	return s, s.check(r)
}

// check refuses what is not about the layers of r that are run.
func (s Seal) check(r Receipt) error {
	seen := map[string]bool{}
	for _, one := range s.Layers {
		l, ok := r.Layer(one.Name)
		if !ok || len(l.Run) == 0 || seen[one.Name] {
			return fmt.Errorf("a layer called %q is none that is run, or stands twice", one.Name)
		}
		seen[one.Name] = true
		if err := checkFiles(one.Name, one.Files); err != nil {
			return err
		}
		if !l.compared(one.Files) {
			return fmt.Errorf("layer %q: it is not about the files of the receipt", one.Name)
		}
	}
	for _, name := range s.Due {
		if l, ok := r.Layer(name); !ok || len(l.Run) == 0 {
			return fmt.Errorf("a layer called %q is none that is run", name)
		}
	}
	return nil
}

// compared tells whether files are those of l that a box compares, in their order.
func (l Layer) compared(files []File) bool {
	for _, f := range l.Files {
		if !f.inBox() {
			continue
		}
		if len(files) == 0 || files[0].Path != f.Path || files[0].Kind != f.Kind {
			return false
		}
		files = files[1:]
	}
	return len(files) == 0
}

// With is r as its box stands: with what s says was run again. s is one that
// DecodeSeal gave for r.
func (r Receipt) With(s Seal) Receipt {
	r.Layers = append([]Layer(nil), r.Layers...)
	for i := range r.Layers {
		l := &r.Layers[i]
		for _, one := range s.Layers {
			if one.Name == l.Name {
				l.Files, l.Due = l.over(one.Files), nil
			}
		}
		if slices.Contains(s.Due, l.Name) {
			l.Due = []Cause{{File: "its last run", Change: Undone}}
		}
	}
	return r
}

// over puts files, which are in the order of those of l, in their place.
func (l Layer) over(files []File) []File {
	out := append([]File(nil), l.Files...)
	for i := range out {
		if len(files) > 0 && files[0].Path == out[i].Path {
			out[i], files = files[0], files[1:]
		}
	}
	return out
}

// Told is r, which a box says of itself, in the words of want: a file of which the
// same decides is as want has it, with what a box does not tell.
func (r Receipt) Told(want Receipt) Receipt {
	r.Layers = append([]Layer(nil), r.Layers...)
	for i := range r.Layers {
		l := &r.Layers[i]
		w, _ := want.Layer(l.Name)
		l.Files = w.tell(l.Files)
	}
	return r
}

// tell gives files as l has them, where the same decides, without those that
// were not there.
func (l Layer) tell(files []File) (out []File) {
	for _, f := range files {
		for _, w := range l.Files {
			if w.Path == f.Path && w.inBox() && w.Same(f) {
				f = w
			}
		}
		if f.Sum != "" || f.Kind == Said {
			out = append(out, f)
		}
	}
	return out
}

// Last gives the files of l, each as it was when the steps of was ran: where
// that did not know it, as one that was not there.
func (l Layer) Last(was Layer) []File {
	before := map[string]File{}
	for _, f := range was.Files {
		before[f.Path] = f
	}
	out := slices.Clone(l.Files)
	for i, f := range out {
		old, known := before[f.Path]
		switch {
		case !f.inBox() || f.Same(old):
		case known && old.Kind == f.Kind:
			out[i] = old
		default:
			out[i] = File{Path: f.Path, Kind: f.Kind}
		}
	}
	return out
}

// Sees tells whether a box finds out for itself, by the files of l, what c says.
func (l Layer) Sees(c Cause) bool {
	return slices.ContainsFunc(l.Files, func(f File) bool { return f.Path == c.File && f.inBox() })
}

// Begun is s with todo to be run.
func (s Seal) Begun(todo []Todo) Seal {
	s.Due = nil
	for _, t := range todo {
		s.Due = append(s.Due, t.Name)
	}
	return s
}

// Done is s once the steps of a layer have run.
func (s Seal) Done(t Todo) Seal {
	done := Seal{Version: s.Version, Receipt: s.Receipt, Layers: []Sealed{{t.Name, t.Now}}}
	for _, one := range s.Layers {
		if one.Name != t.Name {
			done.Layers = append(done.Layers, one)
		}
	}
	for _, name := range s.Due {
		if name != t.Name {
			done.Due = append(done.Due, name)
		}
	}
	return done
}
