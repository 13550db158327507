// Package installed tells whether the tools in a box are still what the lock
// pins. Each tool's layer carries a list of its files; the lock pins the hash
// of that list. Both binaries use it.
package installed

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Where tools stand in a box, from its root.
const (
	ToolsDir = "opt/sandwright/tools" // a folder each
	ListsDir = "opt/sandwright/lists" // a list each, by the tool's name
	BinDir   = "usr/local/bin"        // links to their programs; on PATH
)

// A Kind is what an Entry is.
type Kind byte

// The kinds of entries.
const (
	File Kind = 'f'
	Dir  Kind = 'd'
	Link Kind = 'l' // symbolic
)

// An Entry is one file, folder or link of a tool.
type Entry struct {
	Kind   Kind
	Path   string // from the box's root, clean
	Exec   bool   // of a File: its mode is 0755, otherwise 0644
	Size   int64  // of a File, bytes
	SHA256 string // of a File, hex
	Target string // of a Link, as it stands
}

// A List is all there is of one tool. Sort brings it into its one order.
type List []Entry

const header = "sandwright list 1"

// Encode writes the list: a line an entry, sorted by path, fields apart by
// tabs. No field may hold a control character.
func (l List) Encode() []byte {
	sorted := slices.SortedFunc(slices.Values(l), func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) })
	var b bytes.Buffer
	fmt.Fprintln(&b, header)
	for _, e := range sorted {
		fmt.Fprintln(&b, strings.Join(e.fields(), "\t"))
	}
	return b.Bytes()
}

func (e Entry) fields() []string {
	switch e.Kind {
	case File:
		return []string{"f", mode(e.Exec), strconv.FormatInt(e.Size, 10), e.SHA256, e.Path}
	case Link:
		return []string{"l", e.Target, e.Path}
	}
	return []string{"d", e.Path}
}

func mode(exec bool) string {
	if exec {
		return "755"
	}
	return "644"
}

// Tree is what the lock pins: the sha256 of the encoded list, hex.
func Tree(encoded []byte) string {
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}

// Parse reads what Encode wrote, and nothing else.
func Parse(data []byte) (List, error) {
	text, ok := strings.CutPrefix(string(data), header+"\n")
	if !ok {
		return nil, fmt.Errorf("it does not start with %q", header)
	}
	var l List
	for i := 2; text != ""; i++ {
		line, rest, ended := strings.Cut(text, "\n")
		text = rest
		e, ok := parseEntry(strings.Split(line, "\t"))
		if !ok || !ended || len(l) > 0 && l[len(l)-1].Path >= e.Path {
			return nil, fmt.Errorf("line %d of it is damaged", i)
		}
		l = append(l, e)
	}
	return l, nil
}

func parseEntry(fields []string) (e Entry, ok bool) {
	e.Path = fields[len(fields)-1]
	e.Kind = Kind(append([]byte(fields[0]), 0)[0])
	switch {
	case fields[0] == "f" && len(fields) == 5:
		size, err := strconv.ParseUint(fields[2], 10, 62)
		e.Exec, e.Size, e.SHA256 = fields[1] == "755", int64(size), fields[3]
		ok = err == nil && fields[1] == mode(e.Exec) && len(e.SHA256) == 64 && fields[2] == strconv.FormatUint(size, 10)
	case fields[0] == "l" && len(fields) == 3:
		e.Target = fields[1]
		ok = e.Target != ""
	case fields[0] == "d":
		ok = len(fields) == 2
	}
	return e, ok && Local(e.Path) && !strings.ContainsFunc(e.SHA256+e.Target+e.Path, unicode.IsControl)
}

// Local tells whether a path is clean and stays below where it starts.
func Local(name string) bool {
	return name != "" && name[0] != '/' && path.Clean(name) == name && name != "." && name != ".." && !strings.HasPrefix(name, "../")
}
