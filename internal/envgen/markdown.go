package envgen

import (
	"fmt"
	"strings"
)

// markdown is one row a declaration.
func markdown(entries []Entry, _ Options) ([]byte, error) {
	var out strings.Builder
	out.WriteString("<!-- Written by sandwright env generate markdown. -->\n\n| Variable | Type | Needed | Default | Scope | Seen by | What it is for |\n|---|---|---|---|---|---|---|\n")
	for _, e := range entries {
		cells := []string{"`" + e.Name + "`", cell(typeCell(e)), cell(needed(e)), fallbackCell(e), strings.Join(e.Scope, ", "), cell(readers(e)), cell(aboutCell(e))}
		fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | "))
	}
	return []byte(out.String()), nil
}

func typeCell(e Entry) string {
	if e.Secret {
		return kind(e.Rule) + ", secret"
	}
	return kind(e.Rule)
}

func needed(e Entry) string {
	switch {
	case e.Required:
		return "yes"
	case len(e.RequiredIf) > 0:
		return "where " + when(e.RequiredIf)
	}
	return "no"
}

func fallbackCell(e Entry) string {
	switch {
	case e.Default != nil && *e.Default != "":
		return code(*e.Default)
	case e.DefaultFrom != "":
		return "that of " + code(e.DefaultFrom)
	}
	return ""
}

func readers(e Entry) string {
	switch {
	case e.Service != "":
		return e.Service + " alone"
	case len(e.Services) > 0:
		return strings.Join(e.Services, ", ")
	case e.In("run"):
		return "every service"
	}
	return ""
}

func aboutCell(e Entry) string {
	out := strings.Join(about(e), " ")
	if e.Example != "" {
		out = strings.TrimSpace(out + " Such as " + e.Example + ".")
	}
	return out
}

// cell is a text that stays in its cell and is no HTML.
func cell(text string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`).Replace(strings.Join(lines(text), " "))
}

// code is a text in a fixed font, or the text where that cannot be.
func code(text string) string {
	if strings.Contains(text, "`") {
		return cell(text)
	}
	return "`" + strings.ReplaceAll(strings.Join(lines(text), " "), "|", `\|`) + "`"
}
