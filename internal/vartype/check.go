package vartype

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sandwright/sandwright/internal/jsonschema"
	"github.com/sandwright/sandwright/internal/spec"
)

// A Checker tells whether texts fit. It keeps what it has compiled.
type Checker struct {
	// Stat asks what stands at a path, as os.Stat does. Nil: paths are not
	// looked at, since they are those of another machine or another time.
	Stat func(path string) (fs.FileInfo, error)

	patterns map[string]*regexp.Regexp
	schemas  map[string]*jsonschema.Schema
}

// Fits tells whether text is what r says. Where it is not, detail may say
// more than Want does: it quotes the text, and is not for secrets.
func (c *Checker) Fits(r spec.Rule, text string) (ok bool, detail string) {
	if strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text) {
		return false, "it is not UTF-8 text"
	}
	switch r.Type {
	case "", String:
		return true, ""
	case Enum:
		return slices.Contains(r.Values, text), ""
	case JSON:
		return c.fitsSchema(r.Schema, text)
	case List:
		return c.fitsItems(r, text)
	case Path:
		return c.matches(r, text) && c.stands(r, text), ""
	case Cron:
		return isCron(text), ""
	}
	return c.matches(r, text) && inRange(r, text), ""
}

// matches compares the whole text with the rule's pattern.
func (c *Checker) matches(r spec.Rule, text string) bool {
	if r.Type == Bool {
		return slices.Contains([]string{"true", "false", "1", "0"}, text)
	}
	if !slices.Contains(All(), r.Type) {
		return false
	}
	pattern := pattern(r, looseIPv6)
	re := c.patterns[pattern]
	if re == nil {
		var err error
		if re, err = regexp.Compile(`^(?:` + pattern + `)$`); err != nil {
			return false // of the file's own patterns, which were checked when it was read
		}
		if c.patterns == nil {
			c.patterns = map[string]*regexp.Regexp{}
		}
		c.patterns[pattern] = re
	}
	return re.MatchString(text) && addressIn(r, text)
}

// looseIPv6 spares the large expression for an address, which addressIn reads.
const looseIPv6 = `[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*`

// addressIn tells whether what stands in the brackets of a host is an address.
func addressIn(r spec.Rule, text string) bool {
	switch r.Type {
	case URL:
		_, text, _ = strings.Cut(text, "://")
		text = text[:len(text)-len(strings.TrimLeftFunc(text, func(c rune) bool { return !strings.ContainsRune("/?#", c) }))]
		text = text[strings.LastIndexByte(text, '@')+1:]
	case Host:
		if !strings.Contains(text, ":") {
			return true
		}
		text = "[" + text + "]"
	case HostPort:
	default:
		return true
	}
	inside, bracketed := strings.CutPrefix(text, "[")
	if !bracketed {
		return true
	}
	inside, _, _ = strings.Cut(inside, "]")
	addr, err := netip.ParseAddr(inside)
	return err == nil && addr.Is6()
}

// inRange is what a pattern cannot say.
func inRange(r spec.Rule, text string) bool {
	switch r.Type {
	case Int:
		_, err := strconv.ParseInt(text, 10, 64)
		return err == nil
	case Float:
		_, err := strconv.ParseFloat(text, 64)
		return err == nil
	case Duration:
		_, err := time.ParseDuration(text)
		return err == nil
	case Bytes:
		_, ok := ParseBytes(text)
		return ok
	case Host:
		return len(text) <= 253
	case Base64:
		return Decoded(text) >= r.MinBytes
	}
	return true
}

func (c *Checker) fitsSchema(schema, text string) (ok bool, detail string) {
	if schema == "" {
		return json.Valid([]byte(text)), ""
	}
	compiled := c.schemas[schema]
	if compiled == nil {
		var err error
		if compiled, err = jsonschema.Compile(schema); err != nil {
			return false, ""
		}
		if c.schemas == nil {
			c.schemas = map[string]*jsonschema.Schema{}
		}
		c.schemas[schema] = compiled
	}
	if misfit := compiled.Check(text); misfit != nil {
		return false, misfit.String()
	}
	return true, ""
}

func (c *Checker) fitsItems(r spec.Rule, text string) (ok bool, detail string) {
	of := spec.Rule{Type: itemType(r)}
	for i, item := range Split(r, text) {
		if fits, _ := c.Fits(of, item); item == "" || !fits {
			return false, fmt.Sprintf("item %d is not %s", i+1, Want(of))
		}
	}
	return true, ""
}

// Split gives the items of a list, without the spaces around them.
func Split(r spec.Rule, text string) []string {
	items := strings.Split(text, separator(r))
	for i := range items {
		items[i] = strings.Trim(items[i], " \t\n\v\f\r")
	}
	return items
}

// stands tells whether what r wants stands at a path.
func (c *Checker) stands(r spec.Rule, path string) bool {
	if c.Stat == nil || !r.Exists && r.Kind == "" {
		return true
	}
	info, err := c.Stat(path)
	switch {
	case err != nil:
		return false
	case r.Kind == "dir":
		return info.IsDir()
	case r.Kind == "file":
		return info.Mode().IsRegular()
	}
	return true
}

// Decoded is how many bytes a base64 text stands for.
func Decoded(text string) int { return len(strings.TrimRight(text, "=")) * 3 / 4 }

// ParseBytes reads a size: k, M, G and T count in thousands, Ki, Mi, Gi and
// Ti in 1024s. It is at most 2^53-1, which every language's numbers hold.
func ParseBytes(text string) (int64, bool) {
	digits := strings.TrimRight(text, "BKMGTki ")
	n, err := strconv.ParseInt(digits, 10, 64)
	unit := Unit(strings.TrimPrefix(text[len(digits):], " "))
	if err != nil || n < 0 || unit == 0 || n > (1<<53-1)/unit {
		return 0, false
	}
	return n * unit, true
}

// Unit is what a unit of ParseBytes stands for, or 0.
func Unit(name string) int64 {
	scale, power := int64(1000), strings.TrimSuffix(name, "B")
	if binary, ok := strings.CutSuffix(power, "i"); ok {
		scale, power = 1024, binary
	}
	switch {
	case name == "":
		return 1
	case power == name || scale == 1024 && power == "k":
		return 0
	}
	switch power {
	case "":
		if scale == 1024 {
			return 0
		}
		return 1
	case "k", "K":
		return scale
	case "M":
		return scale * scale
	case "G":
		return scale * scale * scale
	case "T":
		return scale * scale * scale * scale
	}
	return 0
}
