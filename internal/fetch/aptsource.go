package fetch

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A aptSource is one entry of apt's sources: where suites come from, and with
// whose key. Whatever would weaken the check of signatures is left out.
type aptSource struct {
	uris       []string
	suites     []string
	components []string
	signedBy   string            // as in deb822: paths, or a key in several lines
	options    map[string]string // of deb822, by their names there
}

// keptOptions maps the one-line options that are kept to deb822's fields.
func keptOptions() map[string]string {
	return map[string]string{
		"by-hash": "By-Hash", "check-valid-until": "Check-Valid-Until", "check-date": "Check-Date",
		"valid-until-min": "Valid-Until-Min", "valid-until-max": "Valid-Until-Max",
	}
}

// parseSourcesDeb822 reads a *.sources file. Stanzas that are off, or hold no
// binary packages, are left out.
func parseSourcesDeb822(text string) []aptSource {
	var out []aptSource
	for _, stanza := range stanzas(text) {
		enabled := !slices.Contains([]string{"no", "false", "0", "off"}, strings.ToLower(stanza["enabled"]))
		if !enabled || !slices.Contains(strings.Fields(stanza["types"]), "deb") {
			continue
		}
		s := aptSource{
			uris:       strings.Fields(stanza["uris"]),
			suites:     strings.Fields(stanza["suites"]),
			components: strings.Fields(stanza["components"]),
			signedBy:   stanza["signed-by"],
			options:    map[string]string{},
		}
		for key, field := range keptOptions() {
			if value := stanza[key]; value != "" {
				s.options[field] = value
			}
		}
		out = append(out, s)
	}
	return out
}

// stanzas splits deb822 text into fields by lower-case name. Continued lines
// keep their leading space.
func stanzas(text string) []map[string]string {
	var out []map[string]string
	var stanza map[string]string
	last := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		switch key, value, ok := strings.Cut(line, ":"); {
		case line == "":
			stanza, last = nil, ""
		case line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			if last != "" {
				stanza[last] += "\n" + line
			}
		case ok:
			if stanza == nil {
				stanza = map[string]string{}
				out = append(out, stanza)
			}
			last = strings.ToLower(strings.TrimSpace(key))
			stanza[last] = strings.TrimSpace(value)
		}
	}
	return out
}

var oneLine = regexp.MustCompile(`^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$`)

// parseSourcesOneLine reads a sources.list: "deb [options] URI SUITE COMPONENT…".
func parseSourcesOneLine(text string) []aptSource {
	var out []aptSource
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		m := oneLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		s := aptSource{uris: m[2:3], suites: m[3:4], components: strings.Fields(m[4]), options: map[string]string{}}
		for _, option := range strings.Fields(m[1]) {
			key, value, _ := strings.Cut(option, "=")
			if key == "signed-by" {
				s.signedBy = strings.ReplaceAll(value, ",", " ")
			} else if field, ok := keptOptions()[key]; ok {
				s.options[field] = value
			}
		}
		out = append(out, s)
	}
	return out
}

// debianSources keeps what may be Debian's own archive of a suite: its main
// component, from the suite itself and, with security, from its updates.
// Whose archive it is, apt tells later by the signed Origin.
func debianSources(sources []aptSource, suite string, security bool) []aptSource {
	wanted := []string{suite}
	if security {
		wanted = append(wanted, suite+"-security", suite+"-updates")
	}
	var out []aptSource
	for _, s := range sources {
		s.suites = slices.DeleteFunc(slices.Clone(s.suites), func(x string) bool { return !slices.Contains(wanted, x) })
		s.uris = slices.DeleteFunc(slices.Clone(s.uris), func(x string) bool { return strings.HasPrefix(x, "cdrom:") })
		if len(s.suites) > 0 && len(s.uris) > 0 && slices.Contains(s.components, "main") {
			out = append(out, s)
		}
	}
	return out
}

// String is the entry as a deb822 stanza.
func (s aptSource) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\n",
		strings.Join(s.uris, " "), strings.Join(s.suites, " "), strings.Join(s.components, " "))
	if s.signedBy != "" {
		fmt.Fprintf(&b, "Signed-By: %s\n", s.signedBy)
	}
	for _, field := range []string{"By-Hash", "Check-Date", "Check-Valid-Until", "Valid-Until-Max", "Valid-Until-Min"} {
		if value := s.options[field]; value != "" {
			fmt.Fprintf(&b, "%s: %s\n", field, value)
		}
	}
	return b.String() + "\n"
}
