package config

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/smallfile"
)

const (
	maxBytes  = 1 << 20 // of a file
	maxFaults = 100     // shown at once
)

// Load reads and checks the file at path. The error holds every fault found.
func Load(path string) (*File, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// read gives the file's bytes.
func read(path string) ([]byte, error) {
	data, err := smallfile.Read(path, maxBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Cannot("find %s", path).WithCode(fault.ExitConfig).
			WithHint("cd to the folder that has one, or name it with --file")
	case err != nil:
		return nil, fault.Position{File: path}.Cannot("read it: %w", err)
	}
	return data, nil
}

// Parse checks data as if it had been read from path. It reads no other file.
// The error holds every fault found, at most 100.
func Parse(path string, data []byte) (*File, error) {
	root, err := tree(path, data)
	if err != nil {
		return nil, err
	}
	d := newDecoder(path)
	file := fileShape().decode(d, nil, root)
	file.Path, file.positions, file.sum = path, d.positions, sha256.Sum256(data)
	if !d.spent {
		d.faults = append(d.faults, check(&file)...)
	}
	if len(d.faults) > 0 {
		return nil, shorten(d.faults)
	}
	complete(&file)
	return &file, nil
}

// shorten keeps the first faults of a hopeless file, and says so.
func shorten(faults fault.List) error {
	var sorted fault.List
	if !errors.As(faults.Err(), &sorted) || len(sorted) <= maxFaults {
		return sorted
	}
	left := len(sorted) - maxFaults
	return append(sorted[:maxFaults:maxFaults],
		fault.Cannot("list %d more faults: correct these first", left).WithCode(fault.ExitConfig))
}

// tree is the one mapping that the file must hold.
func tree(path string, data []byte) (*yaml.Node, error) {
	file := fault.Position{File: path}
	if len(data) > maxBytes {
		return nil, file.Cannot("read it: it is larger than 1 MiB")
	}
	if f := badBytes(file, data); f != nil {
		return nil, f
	}
	var docs []yaml.Node
	if err := yaml.Load(data, &docs, yaml.WithAllDocuments()); err != nil {
		return nil, syntaxFault(file, data, err)
	}
	switch {
	case len(docs) == 0 || docs[0].Content[0].ShortTag() == "!!null":
		return nil, file.Cannot("use an empty file").WithHint("begin with: name: my-sandbox")
	case len(docs) > 1:
		return nil, at(path, &docs[1]).Cannot("use a second document: the file holds one").
			WithHint("remove the line that is ---")
	}
	return docs[0].Content[0], nil
}

// badBytes finds what no text file holds.
func badBytes(file fault.Position, data []byte) *fault.Fault {
	line := 1
	for rest := data; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		file.Line = line
		switch {
		case r == 0:
			return file.Cannot("use a NUL byte").WithHint("save the file as UTF-8 text")
		case r == utf8.RuneError && n == 1:
			return file.Cannot("read a byte that is not UTF-8").WithHint("save the file as UTF-8 text")
		case r == '\n':
			line++
		}
		rest = rest[n:]
	}
	return nil
}

// syntaxFault says what the parser found, with the hint for what it was most
// likely caused by.
func syntaxFault(file fault.Position, data []byte, err error) error {
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		return file.Cannot("read it as YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	file.Line, file.Column = le.Mark.Line, le.Mark.Column
	f := file.Cannot("read it as YAML: %s", le.Message)
	switch {
	case strings.Contains(le.Message, "tab character"), under(data, le.Mark) == '\t':
		return f.WithHint("indent with spaces")
	case strings.Contains(le.Message, "cannot start any token"):
		return f.WithHint("put a text that starts with %c in quotes", under(data, le.Mark))
	case strings.Contains(le.Message, "mapping values"):
		return f.WithHint("put a text that holds a colon in quotes, and check the indentation")
	case strings.Contains(le.Message, "unknown anchor"):
		return f.WithHint("put a text that starts with * in quotes")
	case le.ContextMark.Line > 0 && le.ContextMark.Line != le.Mark.Line:
		return f.WithHint("look at line %d, where it begins", le.ContextMark.Line)
	}
	return f
}

// under is the character at mark, or 0.
func under(data []byte, mark yaml.Mark) rune {
	lines := strings.Split(string(data), "\n")
	if mark.Line < 1 || mark.Line > len(lines) {
		return 0
	}
	line := []rune(lines[mark.Line-1])
	if mark.Column < 1 || mark.Column > len(line) {
		return 0
	}
	return line[mark.Column-1]
}

// at is where a node stands.
func at(path string, n *yaml.Node) fault.Position {
	return fault.Position{File: path, Line: n.Line, Column: n.Column}
}
