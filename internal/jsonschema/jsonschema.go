// Package jsonschema checks JSON against a JSON Schema: the keywords of drafts
// 7 and 2020-12 that one document without references needs. A keyword that it
// does not know is refused, so that nobody believes it to be checked.
package jsonschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A Schema is one that was compiled, with its regular expressions.
type Schema struct {
	root     any
	patterns map[string]*regexp.Regexp
}

// Compile reads a schema. Its error says where, as a JSON pointer, and why.
func Compile(text string) (*Schema, error) {
	s := &Schema{patterns: map[string]*regexp.Regexp{}}
	if err := json.Unmarshal([]byte(text), &s.root); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if err := s.compile("", s.root); err != nil {
		return nil, err
	}
	return s, nil
}

// compile looks at every keyword of one schema, which is an object or a truth.
func (s *Schema) compile(at string, schema any) error {
	if _, ok := schema.(bool); ok {
		return nil
	}
	object, ok := schema.(map[string]any)
	if !ok {
		return misplaced(at, "a schema is an object, true or false")
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if err := s.keyword(at+"/"+key, key, object[key]); err != nil {
			return err
		}
	}
	return nil
}

func misplaced(at, why string) error {
	if at == "" {
		return fmt.Errorf("%s", why)
	}
	return fmt.Errorf("%s at %s", why, at)
}

func (s *Schema) keyword(at, key string, value any) error {
	switch key {
	case "$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "const":
		return nil
	case "type":
		return checkType(at, value)
	case "enum":
		return want[[]any](at, value, "a list")
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
		return want[float64](at, value, "a number")
	case "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties":
		if n, ok := value.(float64); !ok || n < 0 || n != float64(int(n)) {
			return misplaced(at, "it is a whole number, 0 or more,")
		}
		return nil
	case "uniqueItems":
		return want[bool](at, value, "true or false")
	case "required":
		return checkNames(at, value)
	case "pattern":
		return s.pattern(at, value)
	case "items", "additionalProperties", "not", "contains":
		return s.compile(at, value)
	case "properties", "patternProperties":
		return s.compileAll(at, key == "patternProperties", value)
	case "allOf", "anyOf", "oneOf":
		return s.compileList(at, value)
	}
	return misplaced(at, "it is a keyword that is not known here")
}

// want tells whether a value is a T; what names it with its article.
func want[T any](at string, value any, what string) error {
	if _, ok := value.(T); !ok {
		return misplaced(at, "it is "+what)
	}
	return nil
}

func checkType(at string, value any) error {
	for _, one := range listed(value) {
		switch one {
		case "string", "number", "integer", "boolean", "object", "array", "null":
		default:
			return misplaced(at, "it is string, number, integer, boolean, object, array or null")
		}
	}
	return nil
}

// listed is the items of a list, or else the value alone.
func listed(value any) []any {
	if list, ok := value.([]any); ok {
		return list
	}
	return []any{value}
}

func checkNames(at string, value any) error {
	list, ok := value.([]any)
	for _, name := range list {
		if _, text := name.(string); !text {
			ok = false
		}
	}
	if !ok {
		return misplaced(at, "it is a list of names")
	}
	return nil
}

func (s *Schema) pattern(at string, value any) error {
	text, ok := value.(string)
	if !ok {
		return misplaced(at, "it is a regular expression")
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return misplaced(at, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	s.patterns[text] = re
	return nil
}

func (s *Schema) compileAll(at string, patterns bool, value any) error {
	object, ok := value.(map[string]any)
	if !ok {
		return misplaced(at, "it is an object of schemas")
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if patterns {
			if err := s.pattern(at, name); err != nil {
				return err
			}
		}
		if err := s.compile(at+"/"+name, object[name]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Schema) compileList(at string, value any) error {
	list, ok := value.([]any)
	if !ok || len(list) == 0 {
		return misplaced(at, "it is a list of schemas")
	}
	for i, one := range list {
		if err := s.compile(fmt.Sprint(at, "/", i), one); err != nil {
			return err
		}
	}
	return nil
}
