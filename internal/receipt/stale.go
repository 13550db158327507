package receipt

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"strings"
)

// A Look is how what stands in the workspace is found out.
type Look struct {
	Read func(path string) ([]byte, error) // a file; one that is not there is fs.ErrNotExist
	Gone func(path string) bool            // nothing is there
}

// A Todo is a layer whose steps have to run.
type Todo struct {
	Layer
	Causes []Cause // why
	Now    []File  // what of its files stood there when that was decided
}

// Todo compares what each step read with what stands in the workspace now: the
// layers of which something differs, or is due, and those that stand on one of
// them, in the order of the receipt.
func (r Receipt) Todo(look Look) ([]Todo, error) {
	var out []Todo
	again := map[string]string{} // a layer -> the one below it that runs
	for _, l := range r.Layers {
		for _, below := range l.On {
			if name, ok := again[below]; ok && again[l.Name] == "" {
				again[l.Name] = name
			}
		}
		if len(l.Run) == 0 {
			continue
		}
		now, causes, err := l.Stale(look)
		if err != nil {
			return nil, err
		}
		causes = append(append([]Cause(nil), l.Due...), causes...)
		if below, ok := again[l.Name]; ok && len(causes) == 0 {
			causes = []Cause{{File: below, Change: Again}}
		}
		if len(causes) > 0 {
			out = append(out, Todo{l, causes, now})
			again[l.Name] = l.Name
		}
	}
	return out, nil
}

// Stale compares the files that the commands of a layer read with what stands
// in the workspace: what differs and decides, and what of each stands there. What
// they left and is gone differs too. It does not see files that the layer did not know. Folders are
// not compared, and only of a manifest the fields are told: sandwright-init is small.
func (l Layer) Stale(look Look) (now []File, out []Cause, err error) {
	for _, f := range l.Files {
		if !f.inBox() {
			continue
		}
		data, err := look.Read(f.Path)
		gone := errors.Is(err, fs.ErrNotExist)
		if err != nil && !gone {
			return nil, nil, err
		}
		here := File{Path: f.Path, Kind: f.Kind}
		if !gone {
			here = l.look(f, data)
		}
		now = append(now, here)
		switch {
		case here.Sum == f.Sum:
		case gone:
			out = append(out, Cause{File: f.Path, Change: Removed})
		case f.Sum == "":
			out = append(out, Cause{File: f.Path, Change: Added})
		default:
			out = append(out, here.against(f)...)
		}
	}
	for _, name := range l.Leaves {
		if look.Gone(name) {
			out = append(out, Cause{File: name, Change: Removed})
		}
	}
	return now, out, nil
}

// inBox tells whether f is a file that the box can compare.
func (f File) inBox() bool { return f.Kind != Said && f.Kind != Tree && Name(f.Path) == f.Path }

// look is what of a file that stands there decides, as far as a box can tell.
func (l Layer) look(f File, data []byte) File {
	here := File{Path: f.Path, Kind: f.Kind, Sum: SumOf(data)}
	switch {
	case here.Sum == f.Sum:
		return f
	case f.Kind == Head:
		here.Seen = SumOf(HeadOf(data))
	case f.Kind == Manifest:
		here.Fields = map[string]string{}
		for name, value := range objects(data, manifestDepth) {
			_, known := f.Fields[name]
			if known || decides(name, l.Fields) {
				here.Fields[name] = value
			}
		}
		if f.Fields["version"] == anyVersion && here.Fields["version"] != "" {
			here.Fields["version"] = anyVersion
		}
	}
	return here
}

// against is what of f, which stands there, differs from what it was and
// decides.
func (f File) against(was File) []Cause {
	if f.Kind != Manifest {
		if f.Decides() == was.Decides() {
			return nil
		}
		return []Cause{{File: f.Path, Change: Changed}}
	}
	causes := f.causes(was)
	if len(causes) == 1 && causes[0].Field == "" {
		return nil // no field differs
	}
	return causes
}

// Same tells whether an install that read one of them has read the other, as
// far as a box can tell.
func (f File) Same(other File) bool {
	return f.Kind == other.Kind && f.Sum != "" && other.Sum != "" &&
		(f.Sum == other.Sum || f.Decides() == other.Decides() || f.Kind == Manifest && maps.Equal(f.Fields, other.Fields))
}

// HeadOf is the line that says what runs a script, and nothing of what is none.
func HeadOf(data []byte) []byte {
	line, _, _ := bytes.Cut(data[:min(256, len(data))], []byte("\n"))
	if !bytes.HasPrefix(line, []byte("#!")) {
		return nil
	}
	return append(bytes.TrimRight(bytes.Clone(line), "\r"), '\n')
}

// anyVersion stands in a manifest for a version that decides nothing.
const anyVersion = "0.0.0"

func decides(name string, fields []string) bool {
	for _, field := range fields {
		if name == field || strings.HasPrefix(name, field+".") {
			return true
		}
	}
	return false
}
