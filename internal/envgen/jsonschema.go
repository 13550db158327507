package envgen

import (
	"encoding/json"
	"slices"

	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/vartype"
)

// A property is the schema of one variable, whose value is a text.
type property struct {
	Type        string `json:"type"`
	Description string `json:"description,omitempty"`
	Pattern     string `json:"pattern,omitempty"`
	Enum        any    `json:"enum,omitempty"`
	MinLength   int    `json:"minLength,omitempty"`
	Default     any    `json:"default,omitempty"`
	Examples    any    `json:"examples,omitempty"`
	Deprecated  bool   `json:"deprecated,omitempty"`
	WriteOnly   bool   `json:"writeOnly,omitempty"`
}

// jsonSchema is draft 2020-12, of an object with a text a variable. It says
// what a pattern can say; vartype.Pattern has the list of what is beyond that.
func jsonSchema(entries []Entry, _ Options) ([]byte, error) {
	properties, required, rules := map[string]property{}, []string{}, []any{}
	for _, e := range entries {
		p, err := propertyOf(e)
		if err != nil {
			return nil, err
		}
		properties[e.Name] = p
		if e.Required && e.Default == nil && e.DefaultFrom == "" {
			required = append(required, e.Name)
		}
		if len(e.RequiredIf) > 0 && !e.Required && e.Default == nil && e.DefaultFrom == "" {
			rules = append(rules, condition(e, entries))
		}
	}
	out := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": "Written by sandwright env generate json-schema.",
		"type": "object", "properties": properties, "required": required,
	}
	if len(rules) > 0 {
		out["allOf"] = rules
	}
	data, err := json.MarshalIndent(out, "", "  ")
	return append(data, '\n'), err
}

func propertyOf(e Entry) (property, error) {
	p := property{Type: "string", Description: oneLine(e.Description), Deprecated: e.Deprecated != nil, WriteOnly: e.Secret}
	if e.Default != nil {
		p.Default = *e.Default
	}
	if e.Example != "" {
		p.Examples = []string{e.Example}
	}
	if e.Required && !e.AllowEmpty {
		p.MinLength = 1
	}
	switch e.Type {
	case vartype.String, vartype.JSON, "":
		return p, nil
	case vartype.Enum:
		values := e.Values
		if !e.Required {
			values = append(values[:len(values):len(values)], "") // empty is none
		}
		p.Enum = values
		return p, nil
	}
	pattern := vartype.Pattern(e.Rule)
	if !e.Required || e.AllowEmpty {
		pattern = "(?:" + pattern + ")?"
	}
	var err error
	p.Pattern, err = ecmaScript(pattern)
	return p, err
}

// condition is required-if. Another variable need not be given where its
// default meets it.
func condition(e Entry, all []Entry) any {
	must, properties := []string{}, map[string]any{}
	for _, w := range e.RequiredIf {
		if !metByDefault(w, all) {
			must = append(must, w.Name)
		}
		properties[w.Name] = map[string]any{"type": "string", "minLength": 1}
		if len(w.Values) > 0 {
			properties[w.Name] = map[string]any{"type": "string", "enum": w.Values}
		}
	}
	return map[string]any{
		"if": map[string]any{"type": "object", "required": must, "properties": properties},
		"then": map[string]any{
			"type": "object", "required": []string{e.Name}, "properties": map[string]any{e.Name: map[string]any{"type": "string", "minLength": 1}},
		},
	}
}

func metByDefault(w spec.When, all []Entry) bool {
	i := slices.IndexFunc(all, func(other Entry) bool { return other.Name == w.Name })
	if i < 0 || all[i].Default == nil || *all[i].Default == "" {
		return false
	}
	return len(w.Values) == 0 || slices.Contains(w.Values, *all[i].Default)
}
