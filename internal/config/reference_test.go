package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

const head = `# sandwright.yaml

Every key of the file. This page is made from the table that also reads the
file (` + "`go test ./internal/config -run Reference -update`" + `), and a test holds it current.
` + "`docs/sandwright.schema.json`" + ` says the same to editors: put
` + "`# yaml-language-server: $schema=…`" + ` with its address in the first line.

The file is UTF-8 text of at most 1 MiB with one YAML document. A text stays
as it was written: 1.10 is 1.10. Durations are a number and its unit (250ms,
30s, 2m, 1h); kB, MB and GB count in thousands, KiB, MiB and GiB in 1024s.
Aliases work for whole values; merge keys and tags do not. Unknown keys are
refused.

`

// everything introduces an example that TestGoodFiles reads.
const everything = `## A file with everything

A database, a task that migrates it, a queue that others need only started,
an s6 service directory as it is, and a service that says all there is to say.

` + "```yaml\n%s```\n"

// A page is the reference while it is written: sections, by the full key.
type page struct {
	out  strings.Builder
	text map[string]string // what stands under each key
}

// reference writes one section a key, in the order of the table.
func (pg *page) reference(at string, s *schema) {
	for _, p := range s.Properties {
		full := strings.TrimPrefix(at+"."+p.key, ".")
		pg.text[full] = section(s, p)
		fmt.Fprintf(&pg.out, "## `%s`\n\n%s", full, pg.text[full])
		pg.inside(full, p.schema)
	}
}

func section(of *schema, p property) string {
	return fmt.Sprintf("%s\n\n- type: %s\n- default: %s\n- example: `%s: %s`\n\n",
		p.schema.Description, typeWords(p.schema), defaultWords(of, p), p.key, p.schema.example)
}

// inside goes on with what a value holds.
func (pg *page) inside(at string, s *schema) {
	if s.like != "" {
		pg.differences(at, s)
		return
	}
	pg.reference(at, s)
	if s.Items != nil {
		pg.inside(at+"[]", s.Items)
	}
	if of, ok := s.AdditionalProperties.(*schema); ok {
		pg.inside(at+"."+s.names, of)
	}
	for _, other := range s.AnyOf {
		pg.inside(at, other)
	}
}

// differences writes only what is not as under another key.
func (pg *page) differences(at string, s *schema) {
	var other strings.Builder
	var lacking []string
	has := map[string]bool{}
	for _, p := range s.Properties {
		has[p.key] = true
		if text := section(s, p); text != pg.text[s.like+"."+p.key] {
			fmt.Fprintf(&other, "## `%s.%s`\n\n%s", at, p.key, text)
		}
	}
	for _, full := range slices.Sorted(maps.Keys(pg.text)) {
		if key, ok := strings.CutPrefix(full, s.like+"."); ok && !has[key] && !strings.Contains(key, ".") {
			lacking = append(lacking, "`"+key+"`")
		}
	}
	fmt.Fprintf(&pg.out, "Its keys are those of `%s`", s.like)
	if len(lacking) > 0 {
		fmt.Fprintf(&pg.out, ", without %s", strings.Join(lacking, ", "))
	}
	if other.Len() > 0 {
		pg.out.WriteString("; these differ")
	}
	pg.out.WriteString(".\n\n" + other.String())
}

func typeWords(s *schema) string {
	if s.Items != nil {
		return "a list; each item is " + typeWords(s.Items)
	}
	if of, ok := s.AdditionalProperties.(*schema); ok {
		return "a mapping from " + s.names + " to " + typeWords(of)
	}
	return s.takes
}

func defaultWords(of *schema, p property) string {
	switch {
	case strings.Contains(" "+strings.Join(of.Required, " ")+" ", " "+p.key+" "):
		return "none, it must be given"
	case p.schema.otherwise != "":
		return p.schema.otherwise
	case p.schema.Default == nil:
		return "none"
	case len(p.schema.Properties) > 0:
		return "that of each key"
	}
	return fmt.Sprintf("`%v`", p.schema.Default)
}

func TestReferenceIsCurrent(t *testing.T) {
	pg := page{text: map[string]string{}}
	pg.out.WriteString(head)
	pg.reference("", fileShape().schema())
	fmt.Fprintf(&pg.out, everything, readFile(t, "testdata/good/service.yaml"))
	golden(t, "../../docs/sandwright.yaml.md", []byte(strings.TrimSpace(pg.out.String())+"\n"))
	golden(t, "../../docs/sandwright.schema.json", Schema())
}

// Every key has a sentence and an example, and the example is of its type.
func TestTableIsComplete(t *testing.T) {
	var walk func(at string, s *schema)
	walk = func(at string, s *schema) {
		for _, p := range s.Properties {
			full := at + "." + p.key
			if !strings.HasSuffix(p.schema.Description, ".") || p.schema.example == "" || p.schema.takes == "" {
				t.Errorf("%s lacks a sentence, an example or its type", full)
			}
			var v any
			if err := yaml.Unmarshal([]byte(p.schema.example), &v); err != nil {
				t.Errorf("%s: example: %v", full, err)
			}
			walk(full, p.schema)
		}
		if s.Items != nil {
			walk(at+"[]", s.Items)
		}
		if of, ok := s.AdditionalProperties.(*schema); ok {
			walk(at+"."+s.names, of)
		}
		for _, other := range s.AnyOf {
			walk(at, other)
		}
	}
	walk("", fileShape().schema())
}

// The examples of the table are what Parse accepts.
func TestExamplesAreGood(t *testing.T) {
	base := map[string]string{"name": "name: x\n", "base": "base: {debian: {suite: bookworm}}\n"}
	base["services"] = "services: {web: {command: [a]}}\n"
	for _, p := range fileShape().schema().Properties {
		text := p.key + ": " + p.schema.example + "\n"
		for key, line := range base {
			if key != p.key {
				text += line
			}
		}
		if _, err := Parse(Name, []byte(text)); err != nil {
			t.Errorf("%s: %v", p.key, err)
		}
	}
	for name, s := range map[string]*schema{"service": serviceShape().schema(), "variable": variableShape().schema(), "user": userShape().schema(), "workspace": workspaceShape().schema()} {
		for _, p := range s.Properties {
			if _, err := Parse(Name, []byte(around(name, p))); err != nil {
				t.Errorf("%s.%s: %v", name, p.key, err)
			}
		}
	}
}

// around is a good file with one example in the place of its key.
func around(name string, p property) string {
	example := p.key + ": " + p.schema.example
	services := "services: {web: {command: [a]}, database: {command: [b]}}\n"
	out := "name: x\nbase: {debian: {suite: bookworm}}\n"
	switch name {
	case "service":
		if p.key != "command" && p.key != "s6" {
			example = "command: [a], " + example
		}
		return out + "services: {a: {" + example + "}, database: {command: [b]}}\n"
	case "variable":
		return out + services + "env: {A: {" + example + needed(p.key) + "}, OTHER: {}, MODE: {}}\n"
	case "workspace":
		return out + "workspace: {" + example + "}\nenv: {PUPPETEER_SKIP_DOWNLOAD: {scope: build}}\n"
	}
	return out + name + ": {" + example + "}\n"
}

// needed is what else a variable must say for one of its keys.
func needed(key string) string {
	return map[string]string{
		"values": ", type: enum", "type": ", default: 1", "schemes": ", type: url", "pattern": ", type: regex", "exists": ", type: path", "kind": ", type: path",
		"schema": ", type: json", "min-bytes": ", type: base64", "items": ", type: list", "separator": ", type: list", "from": ", secret: true", "deliver": ", secret: true", "on-change": ", secret: true",
	}[key]
}

// The schema is JSON, and keeps the order of the table.
func TestSchemaIsJSON(t *testing.T) {
	var v struct {
		Properties map[string]any `json:"properties"`
		Required   []string       `json:"required"`
	}
	if err := json.Unmarshal(Schema(), &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Properties) != len(fileShape().fields) || len(v.Required) != 2 {
		t.Errorf("%d properties, %d required", len(v.Properties), len(v.Required))
	}
	if bytes.Index(Schema(), []byte(`"name"`)) > bytes.Index(Schema(), []byte(`"ports"`)) {
		t.Error("the order of the table is lost")
	}
}
