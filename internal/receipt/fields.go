package receipt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
)

// What is told of a file: a part whose value is longer than maxValue is told by
// a hash, and a file of more than maxFields parts by its sections alone.
const (
	maxValue  = 60
	maxFields = 6000
)

// manifestDepth is how deep the members of a package.json are told.
const manifestDepth = 3

// SumOf is the sha256 of data, in hex.
func SumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// FieldsOf gives the parts of a file by which people know a change of it: those
// of JSON, of YAML as package managers write their locks, and of an .npmrc. Of
// other files there are none. Passwords in addresses, and whatever an .npmrc or a
// .yarnrc.yml has for a token or a password, are left out.
func FieldsOf(name string, data []byte) map[string]string {
	var out map[string]string
	switch base := path.Base(name); {
	case base == ".npmrc":
		out = settings(data)
	case path.Ext(base) == ".json":
		depth := 2
		if base == "package.json" {
			depth = manifestDepth
		}
		out = objects(data, depth)
	case base == ".yarnrc.yml":
		out = blocks(data)
		for name := range out {
			if credential(name) {
				out[name] = "…"
			}
		}
	case path.Ext(base) == ".yaml", path.Ext(base) == ".yml", base == "yarn.lock":
		out = blocks(data)
	}
	if len(out) > maxFields {
		return sections(out)
	}
	return out
}

// Value is how a value is told: as it is where it is short, and without what
// stands before the host of an address.
func Value(text string) string {
	several := strings.Count(text, "://") > 1 && strings.Contains(text, "@") // whose users are not looked for
	if strings.HasPrefix(text, "#") || len(text) > maxValue || several || strings.ContainsFunc(text, control) {
		return "#" + SumOf([]byte(text))[:8]
	}
	if before, rest, ok := strings.Cut(text, "://"); ok {
		host, tail, _ := strings.Cut(rest, "/")
		if at := strings.LastIndex(host, "@"); at >= 0 {
			return before + "://" + strings.TrimSuffix(host[at+1:]+"/"+tail, "/")
		}
	}
	return text
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

// objects gives the members of a JSON object down to a depth.
func objects(data []byte, depth int) map[string]string {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var whole map[string]any
	if dec.Decode(&whole) != nil {
		return nil
	}
	out := map[string]string{}
	flatten(out, "", whole, depth)
	return out
}

func flatten(out map[string]string, prefix string, v map[string]any, depth int) {
	for key, value := range v {
		if prefix != "" {
			key = prefix + "." + key
		}
		if inner, ok := value.(map[string]any); ok && depth > 1 && len(inner) > 0 {
			flatten(out, key, inner, depth-1)
			continue
		}
		out[key] = one(value)
	}
}

func one(value any) string {
	if text, ok := value.(string); ok {
		return Value(text)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return Value(string(text))
}

// blocks gives the keys of the first and second level of YAML that a program
// wrote: by their indentation, a value in lines below by its hash.
func blocks(data []byte) map[string]string {
	b := blockReader{out: map[string]string{}}
	for line := range bytes.Lines(data) {
		b.line(strings.TrimRight(string(line), "\r\n"))
	}
	b.end(&b.inner)
	b.end(&b.outer)
	return b.out
}

// A block is a key whose lines are being read.
type block struct {
	name, value string
	lines       []byte
	parts       bool // it has keys of its own, which are told in its place
}

type blockReader struct {
	out          map[string]string
	outer, inner block
}

func (b *blockReader) line(text string) {
	trimmed := strings.TrimLeft(text, " ")
	indent := len(text) - len(trimmed)
	key, value, isKey := cutKey(trimmed)
	switch {
	case trimmed == "" || trimmed[0] == '#':
	case indent == 0 && isKey:
		b.end(&b.inner)
		b.end(&b.outer)
		b.outer = block{name: key, value: value}
	case indent == 2 && isKey && b.outer.name != "":
		b.end(&b.inner)
		b.outer.parts = true
		b.inner = block{name: b.outer.name + "." + key, value: value}
	case b.inner.name != "" && indent > 2:
		b.inner.lines = append(append(b.inner.lines, text...), '\n')
	default:
		b.outer.lines = append(append(b.outer.lines, text...), '\n')
	}
}

func (b *blockReader) end(one *block) {
	if one.name != "" && (!one.parts || len(one.lines) > 0) {
		value := Value(one.value)
		if len(one.lines) > 0 {
			value = "#" + SumOf(append(one.lines, one.value...))[:8]
		}
		b.out[one.name] = value
	}
	*one = block{}
}

// cutKey reads KEY: or KEY: VALUE. A quoted key keeps what is in it.
func cutKey(line string) (key, value string, ok bool) {
	from := 0
	if line != "" && (line[0] == '\'' || line[0] == '"') {
		if end := strings.IndexByte(line[1:], line[0]); end >= 0 {
			from = end + 2
		}
	}
	at := strings.Index(line[from:], ":")
	for at >= 0 && from+at+1 < len(line) && line[from+at+1] != ' ' {
		from += at + 1
		at = strings.Index(line[from:], ":")
	}
	if at < 0 {
		return "", "", false
	}
	return strings.Trim(line[:from+at], `'"`), strings.Trim(strings.TrimSpace(line[from+at+1:]), `'"`), true
}

// settings gives the keys of an .npmrc. None of its values is told: a hash of
// a short password would be one to guess.
func settings(data []byte) map[string]string {
	out := map[string]string{}
	for line := range bytes.Lines(data) {
		key, value, ok := strings.Cut(strings.TrimSpace(string(line)), "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" || key[0] == '#' || key[0] == ';' {
			continue
		}
		if credential(key) {
			value = "…"
		}
		out[key] = Value(strings.TrimSpace(value))
	}
	return out
}

// credential tells whether a setting of that name may be one.
func credential(name string) bool {
	low := strings.ToLower(name)
	return strings.Contains(low, "auth") || strings.Contains(low, "password") || strings.Contains(low, "token")
}

// sections tells only the first part of each name.
func sections(fields map[string]string) map[string]string {
	joined := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		section, _, _ := strings.Cut(name, ".")
		joined[section] = append(joined[section], name+"="+fields[name]+"\n"...)
	}
	out := make(map[string]string, len(joined))
	for section, text := range joined {
		out[section] = "#" + SumOf(text)[:8]
	}
	return out
}
