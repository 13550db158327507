package config

import (
	"bytes"
	"encoding/json"

	"go.yaml.in/yaml/v4"
)

// A schema is the part of JSON Schema that editors need here, and what the
// reference says beyond it.
type schema struct {
	Dialect              string     `json:"$schema,omitempty"`
	Title                string     `json:"title,omitempty"`
	Description          string     `json:"description,omitempty"`
	Type                 any        `json:"type,omitempty"` // a name, or a list of them
	Enum                 any        `json:"enum,omitempty"`
	Pattern              string     `json:"pattern,omitempty"`
	Minimum              *int       `json:"minimum,omitempty"`
	Maximum              *int       `json:"maximum,omitempty"`
	Default              any        `json:"default,omitempty"`
	AnyOf                []*schema  `json:"anyOf,omitempty"`
	OneOf                []*schema  `json:"oneOf,omitempty"`
	Items                *schema    `json:"items,omitempty"`
	Properties           properties `json:"properties,omitempty"`
	Required             []string   `json:"required,omitempty"`
	AdditionalProperties any        `json:"additionalProperties,omitempty"` // false, or a schema

	takes     string // the type in words
	names     string // what stands for a key that the user chooses
	example   string
	otherwise string
	like      string // where the reference has the same keys already
}

// properties keep the order of the table.
type properties []property

type property struct {
	key    string
	schema *schema
}

// MarshalJSON writes an object in the order of the table.
func (ps properties) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	for i, p := range ps {
		out.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		value, err := json.Marshal(p.schema)
		if err != nil {
			return nil, err
		}
		name, err := json.Marshal(p.key)
		if err != nil {
			return nil, err
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// Schema is the JSON Schema (draft 7) of sandwright.yaml, for editors. It
// knows every key and type; what takes more than one value to see, only
// Parse finds.
func Schema() []byte {
	root := fileShape().schema()
	root.Dialect, root.Title = "http://json-schema.org/draft-07/schema#", Name
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // the table holds nothing that JSON cannot say
	}
	return append(out, '\n')
}

// plainValue is what a fallback of the table means.
func plainValue(text string) any {
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		panic(err) // the table is wrong
	}
	return v
}
