package config

import (
	"encoding/json"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/jsonschema"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/vartype"
)

// Scopes of a Variable.
const (
	ScopeBuild   = "build"
	ScopeRun     = "run"
	ScopePublish = "publish"
)

// variableShape is a variable of the file's env.
func variableShape() object[Variable] {
	o := ownVariableShape()
	o.fields = append(o.fields,
		key("scope", func(v *Variable) *[]string { return &v.Scope }, oneOrMore{oneOf(ScopeBuild, ScopeRun, ScopePublish)},
			"When it is read: by the build, by the services, or by publishing. A list is more than one.").or(ScopeRun).such("[build, run]"),
		key("services", func(v *Variable) *[]string { return &v.Services }, list[string]{of: anyText("a service's name")},
			"The services that see it.").otherwiseIs("every service").such("[web]"))
	return o
}

// ownVariableShape is a variable of one service.
func ownVariableShape() object[Variable] {
	return object[Variable]{
		fields: append(typeFields(),
			key("required", func(v *Variable) *bool { return &v.Required }, truth(),
				"Whether it must have a value. The empty text counts as none.").or("false").such("true"),
			key("required-if", func(v *Variable) *[]spec.When { return &v.RequiredIf }, whenShape{},
				"When it must have a value: where another variable has one, or where others have the values given, all of them.").such("{MODE: [staging, production]}"),
			key("default", func(v *Variable) **string { return &v.Default }, optional[string]{anyText("a text")},
				"The value it has when none is given.").such("3000"),
			key("default-from", func(v *Variable) *string { return &v.DefaultFrom }, anyText("a variable's name"),
				"The variable whose value it has when none is given.").such("OTHER"),
			key("allow-empty", func(v *Variable) *bool { return &v.AllowEmpty }, truth(),
				"Whether the empty text is a value, of a string or a list. Otherwise it counts as none.").or("false").such("true"),
			key("secret", func(v *Variable) *bool { return &v.Secret }, truth(),
				"Whether its value is kept out of the image, of logs and of messages.").or("false").such("true"),
			key("from", func(v *Variable) *Provider { return &v.From }, providerShape(),
				"Where a secret is read on the host. A program runs only with --allow-exec.").such("{file: secrets/token}"),
			key("deliver", func(v *Variable) *string { return &v.Deliver }, oneOf("env", "file", "fd"),
				"How a service gets a secret: as a variable; as a file in memory, whose path is in NAME_FILE; or as an open descriptor, whose number is in NAME_FD.").or("env").such("file"),
			key("on-change", func(v *Variable) *string { return &v.OnChange }, onChange(),
				"What follows for the services that see a secret when the file it is read from changes: ignore, restart, or a signal such as SIGHUP, before which a file that it was delivered in is written anew.").or("ignore").such("restart"),
			key("example", func(v *Variable) *string { return &v.Example }, anyText("a text"),
				"A value that it could have, for people.").such("8080"),
			key("description", func(v *Variable) *string { return &v.Description }, anyText("a text"),
				"What it is for.").such("Where the server listens."),
			key("deprecated", func(v *Variable) **string { return &v.Deprecated }, deprecation(),
				"That it should not be given any more, and what to do instead: true or a text.").such("use LISTEN_PORT"),
		),
		others: map[string]string{
			"enum": "values", "choices": "values", "format": "type", "optional": "required", "sensitive": "secret", "regex": "pattern",
			"desc": "description", "requiredIf": "required-if", "defaultFrom": "default-from", "allowEmpty": "allow-empty", "minBytes": "min-bytes",
			"as": "deliver", "rotate": "on-change", "onChange": "on-change",
		},
	}
}

// typeFields are the type and its parameters.
func typeFields() []field[Variable] {
	return []field[Variable]{
		key("type", func(v *Variable) *spec.ValueType { return &v.Type }, typeNames(vartype.All()),
			"What the value must be. An int is a whole number, a bool true, false, 1 or 0, a port 1 to 65535. A url has a scheme and a host, a host is a name or an IP address. "+
				"A duration is such as 1m30s, bytes such as 10MB or 64KiB, cron five fields or @daily, semver such as 1.2.3.").or("string").such("port"),
		key("values", func(v *Variable) *[]string { return &v.Values }, list[string]{of: anyText("a text"), head: anyText("a text")},
			"The values of an enum.").such("[debug, info]"),
		key("schemes", func(v *Variable) *[]string { return &v.Schemes },
			list[string]{of: schemeName(), head: schemeName()},
			"The schemes that a url may have.").otherwiseIs("any").such("[postgres, postgresql]"),
		key("pattern", func(v *Variable) *string { return &v.Pattern }, checked("a regular expression", regularExpression),
			"What the whole of a regex's value matches, in RE2's syntax.").such(`"sk-[a-z0-9]{20}"`),
		key("exists", func(v *Variable) *bool { return &v.Exists }, truth(),
			"Whether something must stand at a path, in the box when it starts.").or("false").such("true"),
		key("kind", func(v *Variable) *string { return &v.Kind }, oneOf("file", "dir"),
			"What must stand at a path.").otherwiseIs("anything, or nothing").such("file"),
		key("schema", func(v *Variable) *string { return &v.Schema }, jsonSchemaShape{},
			"The JSON Schema of a json: the keywords of drafts 7 and 2020-12, without references.").such("{type: object, required: [id]}"),
		key("min-bytes", func(v *Variable) *int { return &v.MinBytes }, whole[int]("a number of bytes", 1, 1<<20),
			"How many bytes a base64 must stand for.").otherwiseIs("any").such("32"),
		key("items", func(v *Variable) *spec.ValueType { return &v.Items }, typeNames(vartype.Items()),
			"The type of a list's items.").otherwiseIs("string").such("int"),
		key("separator", func(v *Variable) *string { return &v.Separator }, checked("one character", oneCharacter),
			"What stands between a list's items.").otherwiseIs("a comma").such(`";"`),
	}
}

func typeNames(types []spec.ValueType) scalar[spec.ValueType] {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return as(oneOf(names...), func(name string) spec.ValueType { return spec.ValueType(name) })
}

func schemeName() scalar[string] {
	return words("a scheme", `[a-z][a-z0-9+.-]*`, "a scheme is lower-case letters, digits, +, - and dots, such as https")
}

func oneCharacter(text string) *reason {
	const possible = ",;:| \n\t/&"
	if len(text) != 1 || !strings.Contains(possible, text) {
		return &reason{why: `it is one of , ; : | / & and a space, a tab or a line end`}
	}
	return nil
}

func deprecation() scalar[*string] {
	text := anyText("true or a text")
	return scalar[*string]{
		takes: text.takes,
		parse: func(s string) (*string, *reason) {
			if s == "true" {
				s = ""
			}
			return &s, noNUL(s)
		},
		json: text.json,
	}
}

// onChange is what a service does about a secret that has changed.
func onChange() scalar[string] {
	signal := signalName()
	return scalar[string]{
		takes: "ignore, restart or a signal",
		parse: func(text string) (string, *reason) {
			if text == "ignore" || text == "restart" {
				return text, nil
			}
			name, bad := signal.parse(text)
			if bad != nil {
				bad = &reason{"it is neither ignore, restart nor a signal", bad.hint}
			}
			return name, bad
		},
		json: schema{Type: "string", Pattern: "^(ignore|restart|(SIG)?[A-Z0-9]+)$"},
	}
}

func providerShape() object[Provider] {
	return object[Provider]{
		either: []string{"file", "exec"},
		fields: []field[Provider]{
			key("file", func(p *Provider) *string { return &p.File }, checked("a path", below),
				"A file of the project that holds it, without the last line end.").otherwiseIs("none, it or exec must be given").such("secrets/token"),
			key("exec", func(p *Provider) *[]string { return &p.Exec }, commandShape("exec"),
				"A program of the host and its arguments. What it prints is the value, without the last line end.").otherwiseIs("none, it or file must be given").such(`[op, read, "op://app/token"]`),
			key("timeout", func(p *Provider) *spec.Duration { return &p.Timeout }, span(10*time.Millisecond, 10*time.Minute),
				"How long the program may take.").otherwiseIs("10s where there is a program").such("30s"),
		},
		others: map[string]string{"command": "exec", "cmd": "exec", "path": "file", "deadline": "timeout"},
	}
}

// A jsonSchemaShape is a JSON Schema, written as YAML or as a text of JSON.
type jsonSchemaShape struct{}

func (jsonSchemaShape) schema() *schema {
	return &schema{Type: []string{"object", "boolean", "string"}, takes: "a JSON Schema"}
}

func (jsonSchemaShape) decode(d *decoder, p keyPath, n *yaml.Node) string {
	n, ok := d.enter(n)
	if !ok {
		return ""
	}
	text := n.Value
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!bool" {
		value, ok := d.plain(n)
		if !ok {
			return ""
		}
		out, err := json.Marshal(value)
		if err != nil {
			d.cannot(n, "use %s: it holds what JSON cannot say", label(p))
			return ""
		}
		text = string(out)
	}
	if _, err := jsonschema.Compile(text); err != nil {
		d.cannot(n, "use %s as a JSON Schema: %s", label(p), fault.Clip(err.Error(), 200))
		return ""
	}
	return text
}
