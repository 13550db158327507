// Package record keeps on this machine what was built last of a project, and
// what was put into a sandbox: the receipt, the sizes of layers, and each file
// of the workspace. What it keeps may be lost: then all counts as new.
package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/wholefile"
)

// Version is the only version of the format that is read and written.
const Version = 2

const (
	// maxSize bounds a record that is read, bytes.
	maxSize = 512 << 20
	// minLine is as few bytes as a file has in it.
	minLine = len(`f 0 0  "" ""`)
)

// A Record is one build, or the state of one sandbox.
type Record struct {
	Version int             `json:"version"`
	Image   string          `json:"image"`             // identity of what was built
	Sandbox string          `json:"sandbox,omitempty"` // which start of a sandbox it is about; empty: a build
	Made    time.Time       `json:"made"`
	Receipt receipt.Receipt `json:"receipt"`
	Layers  []Layer         `json:"layers,omitempty"`  // unpacked, uppermost first; none where the engine is elsewhere
	Folders string          `json:"folders,omitempty"` // hex sum of those of the workspace
	Count   int             `json:"files"`             // of Files

	Files []File `json:"-"` // of the workspace, in the order of a walk; no folders
}

// A Layer is what is known of one in the engine's store.
type Layer struct {
	Dir   string `json:"dir"`
	Name  string `json:"name"`  // what made it, in the engine's words
	Bytes int64  `json:"bytes"` // of its files
}

// There tells whether the store still has it.
func (l Layer) There() bool {
	info, err := os.Lstat(l.Dir)
	return err == nil && info.IsDir()
}

// A File is one file or link of the workspace.
type File struct {
	Path   string
	Mode   uint32 // permission bits
	Size   int64  // bytes
	Sum    string // hex: as package stage sums it; of a link, its target's
	Target string // of a link
	Link   bool
}

// Write keeps r under a name, whole or not at all.
func Write(path string, r Record) (err error) {
	cannot := func(err error) error { return fault.Cannot("keep the record of a build: %w", err) }
	r.Version, r.Count = Version, len(r.Files)
	head, err := json.Marshal(r)
	if err != nil {
		return cannot(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return cannot(err)
	}
	err = wholefile.Write(path, 0o600, func(out io.Writer) error {
		_, _ = out.Write(append(head, '\n'))
		var line []byte
		for _, one := range r.Files {
			line = appendFile(line[:0], one)
			_, _ = out.Write(line)
		}
		return nil
	})
	if err != nil {
		return cannot(err)
	}
	return nil
}

// appendFile writes KIND MODE SIZE SUM PATH TARGET.
func appendFile(b []byte, f File) []byte {
	if f.Link {
		b = append(b, "l "...)
	} else {
		b = append(b, "f "...)
	}
	b = append(strconv.AppendUint(b, uint64(f.Mode), 8), ' ')
	b = append(strconv.AppendInt(b, f.Size, 10), ' ')
	b = append(append(b, f.Sum...), ' ')
	b = append(strconv.AppendQuote(b, f.Path), ' ')
	return append(strconv.AppendQuote(b, f.Target), '\n')
}

// LayersOf are those of the record of a name, without what else is in it; none
// where there is none that this program can use.
func LayersOf(path string) []Layer {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	head, err := bufio.NewReader(io.LimitReader(f, maxSize)).ReadBytes('\n')
	var r Record
	if err != nil || json.Unmarshal(head, &r) != nil || r.Version != Version {
		return nil
	}
	return r.Layers
}

// Read gives the record of a name; ok is false where there is none, or none
// that this program can use.
func Read(path string) (r Record, ok bool) {
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxSize {
		return r, false
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return r, false
	}
	r, err = parse(data)
	return r, err == nil
}

// parse reads what Write wrote.
func parse(data []byte) (Record, error) {
	head, rest, _ := bytes.Cut(data, []byte("\n"))
	var r Record
	if err := json.Unmarshal(head, &r); err != nil {
		return Record{}, err
	}
	if r.Version != Version {
		return Record{}, fmt.Errorf("version %d", r.Version)
	}
	seal, err := json.Marshal(r.Receipt)
	if err != nil {
		return Record{}, err
	}
	if _, err := receipt.Decode(seal); err != nil {
		return Record{}, err
	}
	r.Files = make([]File, 0, max(0, min(r.Count, len(rest)/minLine)))
	for line := range strings.Lines(string(rest)) {
		one, err := parseFile(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return Record{}, err
		}
		r.Files = append(r.Files, one)
	}
	if len(r.Files) != r.Count {
		return Record{}, fmt.Errorf("%d files, not %d", len(r.Files), r.Count)
	}
	return r, nil
}

// parseFile reads KIND MODE SIZE SUM PATH TARGET.
func parseFile(line string) (f File, err error) {
	var words [5]string
	for i := range 4 {
		var ok bool
		if words[i], line, ok = strings.Cut(line, " "); !ok {
			return f, errors.New("it is no file")
		}
	}
	if words[4] = line; words[0] != "f" && words[0] != "l" {
		return f, errors.New("it is no file")
	}
	mode, err := strconv.ParseUint(words[1], 8, 32)
	if err != nil {
		return f, err
	}
	if f.Size, err = strconv.ParseInt(words[2], 10, 64); err != nil {
		return f, err
	}
	f.Mode, f.Sum, f.Link = uint32(mode), words[3], words[0] == "l"
	rest := words[4]
	if f.Path, rest, err = unquote(rest); err != nil {
		return f, err
	}
	target, ok := strings.CutPrefix(rest, " ")
	if !ok {
		return f, errors.New("it has no target")
	}
	if f.Target, rest, err = unquote(target); err == nil && rest != "" {
		err = errors.New("there is more than a target")
	}
	return f, err
}

// unquote reads what strconv.Quote wrote at the start of s.
func unquote(s string) (text, rest string, err error) {
	if inner, ok := strings.CutPrefix(s, `"`); ok { // most have nothing to escape
		if end := strings.IndexByte(inner, '"'); end >= 0 && strings.IndexByte(inner[:end], '\\') < 0 {
			return inner[:end], inner[end+1:], nil
		}
	}
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", "", err
	}
	text, err = strconv.Unquote(quoted)
	return text, s[len(quoted):], err
}
