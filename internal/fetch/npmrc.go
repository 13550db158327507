package fetch

import (
	"encoding/json"
	"regexp"
	"strings"
)

// parseNPMRC reads the settings of one npmrc: key=value lines, comments that
// start with # or ;, quoted values, and lists as key[]=value, joined by
// newlines. ${NAME} and ${NAME?} stand for the environment.
func parseNPMRC(text string, lookup func(string) (string, bool)) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' || line[0] == '[' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			value = "true"
		}
		key = expand(unquote(strings.TrimSpace(key)), lookup)
		value = expand(unquote(strings.TrimSpace(value)), lookup)
		if list, ok := strings.CutSuffix(key, "[]"); ok {
			out[list] += value + "\n"
			continue
		}
		out[key] = value
	}
	return out
}

func unquote(s string) string {
	if len(s) < 2 || s[0] != s[len(s)-1] {
		return s
	}
	if s[0] == '\'' {
		return s[1 : len(s)-1]
	}
	var out string
	if s[0] == '"' && json.Unmarshal([]byte(s), &out) == nil {
		return out
	}
	return s
}

var variable = regexp.MustCompile(`\$\{([^}?]+)(\?)?\}`)

// expand replaces ${NAME}. As in npm, an unset ${NAME} stays and an unset
// ${NAME?} is empty.
func expand(s string, lookup func(string) (string, bool)) string {
	return variable.ReplaceAllStringFunc(s, func(m string) string {
		parts := variable.FindStringSubmatch(m)
		if value, ok := lookup(parts[1]); ok {
			return value
		}
		if parts[2] == "?" {
			return ""
		}
		return m
	})
}
