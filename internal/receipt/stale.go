package receipt

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
)

// Stale compares the files that the commands of a layer read with what stands
// in the workspace now, as read gives it: what differs and decides. It does not
// see files that the layer did not know. Folders are not compared, and only of a
// manifest the fields are told: sandwright-init is small.
func (l Layer) Stale(read func(path string) ([]byte, error)) ([]Cause, error) {
	var out []Cause
	for _, f := range l.Files {
		if f.Kind == Said || f.Kind == Tree || Name(f.Path) != f.Path {
			continue
		}
		data, err := read(f.Path)
		if errors.Is(err, fs.ErrNotExist) {
			out = append(out, Cause{File: f.Path, Change: Removed})
			continue
		}
		if err != nil {
			return nil, err
		}
		if SumOf(data) == f.Sum {
			continue
		}
		switch f.Kind {
		case Whole:
			out = append(out, Cause{File: f.Path, Change: Changed})
		case Head:
			if SumOf(HeadOf(data)) != f.Seen {
				out = append(out, Cause{File: f.Path, Change: Changed})
			}
		case Manifest:
			out = append(out, f.manifest(data, l.Fields)...)
		}
	}
	return out, nil
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

// manifest compares the fields that decide with those of a package.json as it
// stands.
func (f File) manifest(data []byte, decide []string) []Cause {
	now := File{Path: f.Path, Kind: Manifest, Sum: SumOf(data), Fields: map[string]string{}}
	for name, value := range objects(data, manifestDepth) {
		_, known := f.Fields[name]
		if known || decides(name, decide) {
			now.Fields[name] = value
		}
	}
	if f.Fields["version"] == anyVersion && now.Fields["version"] != "" {
		now.Fields["version"] = anyVersion
	}
	causes := now.causes(f)
	if len(causes) == 1 && causes[0].Field == "" {
		return nil // no field differs
	}
	return causes
}

func decides(name string, fields []string) bool {
	for _, field := range fields {
		if name == field || strings.HasPrefix(name, field+".") {
			return true
		}
	}
	return false
}
