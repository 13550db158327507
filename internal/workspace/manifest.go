package workspace

import (
	"bytes"
	"encoding/json"
	"errors"
	"path"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// A manifest is one package.json. Numbers keep their text.
type manifest struct {
	dir, path, name string
	data            []byte
	fields          map[string]any
	offsets         map[string]int // of each field's key in data
	written         map[string]json.RawMessage
}

// manifest reads the package.json of a folder; nil when it cannot be used.
func (f *finder) manifest(dir string) *manifest {
	p := path.Join(dir, manifestFile)
	before := len(f.faults)
	data, ok := f.read(p)
	if !ok {
		if len(f.faults) == before {
			f.fault(fault.Position{File: p}.Cannot("find it: the root of a workspace has one").
				WithHint("say the folder of the workspace, or run: pnpm init"))
		}
		return nil
	}
	m, bad := parseManifest(p, data)
	f.faults = append(f.faults, bad...)
	if len(bad) > 0 {
		return nil
	}
	return m
}

// parseManifest reads a package.json and checks the shape of what is used of it.
func parseManifest(p string, data []byte) (*manifest, fault.List) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	m := &manifest{dir: path.Dir(p), path: p, data: data, fields: map[string]any{}, offsets: map[string]int{}, written: map[string]json.RawMessage{}}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, fault.List{m.syntax(err)}
	}
	if whole = bytes.TrimSpace(whole); whole[0] != '{' {
		return nil, fault.List{m.at(0).Cannot("use it as a manifest: it is not an object")}
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	_, err := dec.Token()
	for err == nil && dec.More() {
		var key json.Token
		var value any
		if key, err = dec.Token(); err == nil {
			at := int(dec.InputOffset())
			err = dec.Decode(&value)
			m.fields[key.(string)], m.offsets[key.(string)] = value, at-len(quoted(data[:at]))
			m.written[key.(string)] = bytes.TrimLeft(data[at:dec.InputOffset()], ": \t\r\n")
		}
	}
	if err != nil {
		return nil, fault.List{m.syntax(err)}
	}
	return m, m.check()
}

// quoted gives the JSON string that ends data.
func quoted(data []byte) []byte {
	for i := len(data) - 2; i >= 0; i-- {
		escapes := 0
		for j := i - 1; j >= 0 && data[j] == '\\'; j-- {
			escapes++
		}
		if data[i] == '"' && escapes%2 == 0 {
			return data[i:]
		}
	}
	return nil
}

// syntax places what the JSON parser found.
func (m *manifest) syntax(err error) *fault.Fault {
	var se *json.SyntaxError
	if !errors.As(err, &se) {
		return m.at(0).Cannot("read it as JSON: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if strings.Contains(se.Error(), "unexpected end") {
		return m.at(len(m.data)).Cannot("read it as JSON: it ends too early").WithHint("close what was opened")
	}
	return m.at(max(0, int(se.Offset)-1)).Cannot("read it as JSON: %s", se.Error()).
		WithHint("JSON has no comments and no comma before a closing bracket")
}

// at is the position of a byte of the file.
func (m *manifest) at(offset int) fault.Position {
	before := m.data[:min(offset, len(m.data))]
	line := bytes.LastIndexByte(before, '\n') + 1
	return fault.Position{File: m.path, Line: bytes.Count(before, []byte("\n")) + 1, Column: len(before) - line + 1}
}

func (m *manifest) cannot(field, format string, args ...any) *fault.Fault {
	return m.at(m.offsets[field]).Cannot(format, args...)
}

// check refuses fields whose shape no install understands.
func (m *manifest) check() (bad fault.List) {
	if name, ok := m.fields["name"]; ok {
		if m.name, ok = name.(string); !ok {
			bad = append(bad, m.cannot("name", "use this name: it is not a text"))
		}
	}
	for _, field := range append(dependencyFields(), "scripts") {
		value, ok := m.fields[field]
		if !ok || value == nil {
			continue
		}
		table, ok := value.(map[string]any)
		if !ok {
			bad = append(bad, m.cannot(field, "use %s: it is not an object", field))
			continue
		}
		for _, key := range sortedKeys(table) {
			if _, ok := table[key].(string); !ok {
				bad = append(bad, m.cannot(field, "use %s of %s: it is not a text", key, field))
			}
		}
	}
	return bad
}

// table gives a field that is an object of texts; check saw to that.
func (m *manifest) table(field string) map[string]any {
	t, _ := m.fields[field].(map[string]any)
	return t
}
