package jsonschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Misfit is where a document does not fit, and why. Where is a JSON pointer,
// empty for the whole; both may quote names and texts of the document.
type Misfit struct{ Where, Why string }

func (m *Misfit) String() string {
	if m.Where == "" {
		return m.Why
	}
	return m.Where + ": " + m.Why
}

// Check gives the first thing about text that does not fit, or nil.
func (s *Schema) Check(text string) *Misfit {
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return &Misfit{Why: "it is not JSON"}
	}
	return s.check("", s.root, value)
}

func (s *Schema) check(at string, schema, value any) *Misfit {
	object, ok := schema.(map[string]any)
	if !ok {
		if schema == false {
			return &Misfit{at, "nothing may stand here"}
		}
		return nil
	}
	if m := s.choices(at, object, value); m != nil {
		return m
	}
	switch v := value.(type) {
	case string:
		return s.text(at, object, v)
	case float64:
		return number(at, object, v)
	case []any:
		return s.list(at, object, v)
	case map[string]any:
		return s.members(at, object, v)
	}
	return nil
}

// choices are the keywords that any value may meet.
func (s *Schema) choices(at string, schema map[string]any, value any) *Misfit {
	if types, ok := schema["type"]; ok && !slices.ContainsFunc(listed(types), func(t any) bool { return isA(t, value) }) {
		return &Misfit{at, "it is not of type " + strings.Trim(fmt.Sprint(types), "[]")}
	}
	if constant, ok := schema["const"]; ok && canonical(constant) != canonical(value) {
		return &Misfit{at, "it is not " + canonical(constant)}
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.ContainsFunc(enum, func(v any) bool { return canonical(v) == canonical(value) }) {
		return &Misfit{at, "it is none of " + strings.Trim(canonical(enum), "[]")}
	}
	for _, one := range asList(schema["allOf"]) {
		if m := s.check(at, one, value); m != nil {
			return m
		}
	}
	if any := asList(schema["anyOf"]); any != nil && s.fitting(at, any, value) == 0 {
		return &Misfit{at, "it fits none of anyOf"}
	}
	if one := asList(schema["oneOf"]); one != nil {
		if n := s.fitting(at, one, value); n != 1 {
			return &Misfit{at, fmt.Sprintf("it fits %d of oneOf", n)}
		}
	}
	if not, ok := schema["not"]; ok && s.check(at, not, value) == nil {
		return &Misfit{at, "it fits what it must not"}
	}
	return nil
}

func asList(value any) []any { list, _ := value.([]any); return list }

// fitting counts the schemas that a value fits.
func (s *Schema) fitting(at string, schemas []any, value any) (n int) {
	for _, one := range schemas {
		if s.check(at, one, value) == nil {
			n++
		}
	}
	return n
}

func isA(name, value any) bool {
	switch v := value.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && v == float64(int64(v))
	case []any:
		return name == "array"
	}
	return name == "object"
}

// canonical is the same for equal values.
func canonical(value any) string {
	out, _ := json.Marshal(value) // it came out of JSON
	return string(out)
}

func (s *Schema) text(at string, schema map[string]any, v string) *Misfit {
	if m := count(at, schema, "Length", utf8.RuneCountInString(v), "characters"); m != nil {
		return m
	}
	if pattern, ok := schema["pattern"].(string); ok && !s.patterns[pattern].MatchString(v) {
		return &Misfit{at, "it does not match " + pattern}
	}
	return nil
}

// count compares with the keywords minWHAT and maxWHAT.
func count(at string, schema map[string]any, what string, n int, unit string) *Misfit {
	if low, ok := schema["min"+what].(float64); ok && n < int(low) {
		return &Misfit{at, fmt.Sprintf("it has fewer than %g %s", low, unit)}
	}
	if high, ok := schema["max"+what].(float64); ok && n > int(high) {
		return &Misfit{at, fmt.Sprintf("it has more than %g %s", high, unit)}
	}
	return nil
}

func number(at string, schema map[string]any, v float64) *Misfit {
	for _, key := range []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"} {
		bound, ok := schema[key].(float64)
		if ok && beyond(key, v, bound) {
			return &Misfit{at, fmt.Sprintf("its %s is %g", key, bound)}
		}
	}
	return nil
}

func beyond(key string, v, bound float64) bool {
	switch key {
	case "minimum":
		return v < bound
	case "maximum":
		return v > bound
	case "exclusiveMinimum":
		return v <= bound
	}
	return v >= bound
}

func (s *Schema) list(at string, schema map[string]any, v []any) *Misfit {
	if m := count(at, schema, "Items", len(v), "items"); m != nil {
		return m
	}
	seen := map[string]bool{}
	unique := schema["uniqueItems"] == true
	items, each := schema["items"]
	contains, some := schema["contains"]
	found := false
	for i, item := range v {
		place := fmt.Sprint(at, "/", i)
		if each {
			if m := s.check(place, items, item); m != nil {
				return m
			}
		}
		if unique && seen[canonical(item)] {
			return &Misfit{place, "it stands there twice"}
		}
		seen[canonical(item)] = unique
		found = found || some && s.check(place, contains, item) == nil
	}
	if some && !found {
		return &Misfit{at, "it has no item that fits contains"}
	}
	return nil
}

func (s *Schema) members(at string, schema map[string]any, v map[string]any) *Misfit {
	if m := count(at, schema, "Properties", len(v), "members"); m != nil {
		return m
	}
	for _, name := range asList(schema["required"]) {
		if _, ok := v[name.(string)]; !ok {
			return &Misfit{at, fmt.Sprintf("it lacks %s", name)}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if m := s.member(at+"/"+name, schema, name, v[name]); m != nil {
			return m
		}
	}
	return nil
}

func (s *Schema) member(at string, schema map[string]any, name string, value any) *Misfit {
	properties, _ := schema["properties"].(map[string]any)
	own, known := properties[name]
	if known {
		if m := s.check(at, own, value); m != nil {
			return m
		}
	}
	patterns, _ := schema["patternProperties"].(map[string]any)
	for _, pattern := range slices.Sorted(maps.Keys(patterns)) {
		if s.patterns[pattern].MatchString(name) {
			known = true
			if m := s.check(at, patterns[pattern], value); m != nil {
				return m
			}
		}
	}
	if others, ok := schema["additionalProperties"]; ok && !known {
		if others == false {
			return &Misfit{at, "it is not known"}
		}
		return s.check(at, others, value)
	}
	return nil
}
