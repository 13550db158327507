package envgen

import (
	"cmp"
	"fmt"
	"strings"
)

// dotenv is a file to copy to .env: what must be given stands there without a
// value, and what has a default as a comment. A name stands once.
func dotenv(entries []Entry, _ Options) ([]byte, error) {
	var out strings.Builder
	out.WriteString("# Written by sandwright env generate dotenv. Copy it to .env.local, and fill in what is needed.\n")
	for i, e := range entries {
		again := i > 0 && entries[i-1].Name == e.Name
		if !again {
			out.WriteString("\n")
		}
		for _, line := range about(e) {
			fmt.Fprintf(&out, "# %s\n", line)
		}
		fmt.Fprintf(&out, "# %s\n", strings.Join(facts(e), ", "))
		if i+1 < len(entries) && entries[i+1].Name == e.Name {
			continue
		}
		out.WriteString(assignment(e) + "\n")
	}
	return []byte(out.String()), nil
}

// facts are the type, the service and what is wanted, in words.
func facts(e Entry) []string {
	out := []string{oneLine(kind(e.Rule))}
	if e.Service != "" {
		out = append(out, "of "+e.Service)
	}
	if e.Secret {
		out = append(out, "secret")
	}
	switch {
	case e.Required:
		out = append(out, "required")
	case len(e.RequiredIf) > 0:
		out = append(out, oneLine("required where "+when(e.RequiredIf)))
	}
	if e.DefaultFrom != "" {
		out = append(out, "by default that of "+e.DefaultFrom)
	}
	if e.Secret && e.Example != "" {
		out = append(out, oneLine("such as "+e.Example))
	}
	return out
}

func oneLine(text string) string { return strings.Join(lines(text), " ") }

// assignment is the line itself.
func assignment(e Entry) string {
	switch {
	case e.Secret && e.Required:
		return e.Name + "="
	case e.Secret:
		return "#" + e.Name + "="
	}
	value := e.Example
	if e.Default != nil {
		value = *e.Default
	}
	if !e.Required || e.Default != nil {
		return "#" + e.Name + "=" + strings.ReplaceAll(quote(value), "\n", "\\n")
	}
	return e.Name + "=" + quote(cmp.Or(value, ""))
}

// quote writes a value so that Compose and we read it back.
func quote(value string) string {
	if !strings.ContainsAny(value, "\"'\\$#\n\r\t\v\f \u0085\u00a0") {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(value) + `"`
}
