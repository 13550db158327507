package jsonschema

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct{ schema, fits, misfits string }{ // documents separated by line ends
		{`true`, "1\nnull", ""},
		{`{}`, "1\n{}", ""},
		{`false`, "", "1"},
		{`{"type":"string"}`, `""`, "1\nnull\n[]\n{}\ntrue"},
		{`{"type":"integer"}`, "1\n-1\n1.0", "1.5\n\"1\""},
		{`{"type":"number"}`, "1\n1.5", "\"1\""},
		{`{"type":"null"}`, "null", "0"},
		{`{"type":["boolean","array"]}`, "true\n[]", "{}\n0"},
		{`{"enum":[1,"a",{"b":[2]}]}`, "1\n1.0\n\"a\"\n{\"b\":[2]}", "2\n\"b\"\n{\"b\":[3]}"},
		{`{"const":{"a":1,"b":2}}`, `{"b":2,"a":1}`, `{"a":1}`},
		{`{"minimum":1,"maximum":3}`, "1\n3\n\"x\"", "0\n4"},
		{`{"exclusiveMinimum":1,"exclusiveMaximum":3}`, "2", "1\n3"},
		{`{"minLength":1,"maxLength":2}`, "\"é\"\n\"éé\"\n7", "\"\"\n\"ééé\""},
		{`{"pattern":"^a+$"}`, "\"aa\"\n1", "\"ab\""},
		{`{"items":{"type":"integer"},"minItems":1,"maxItems":2}`, "[1]\n[1,2]", "[]\n[1,2,3]\n[\"a\"]"},
		{`{"uniqueItems":true}`, "[1,2]\n[]", "[1,1]\n[{\"a\":1},{\"a\":1.0}]"},
		{`{"contains":{"const":1}}`, "[2,1]", "[2]\n[]"},
		{`{"required":["a"],"properties":{"a":{"type":"string"}}}`, `{"a":""}`, "{}\n{\"a\":1}"},
		{`{"properties":{"a":true},"additionalProperties":false}`, "{}\n{\"a\":1}", `{"b":1}`},
		{`{"patternProperties":{"^x":{"type":"integer"}},"additionalProperties":{"type":"string"}}`, `{"x1":1,"y":"z"}`, "{\"x1\":\"a\"}\n{\"y\":1}"},
		{`{"minProperties":1,"maxProperties":1}`, `{"a":1}`, "{}\n{\"a\":1,\"b\":2}"},
		{`{"allOf":[{"minimum":1},{"maximum":2}]}`, "1", "0\n3"},
		{`{"anyOf":[{"type":"string"},{"minimum":2}]}`, "\"a\"\n2", "1"},
		{`{"oneOf":[{"minimum":1},{"minimum":2}]}`, "1", "0\n2"},
		{`{"not":{"type":"string"}}`, "1", `"a"`},
		{`{"properties":{"a":{"items":{"properties":{"b":{"type":"boolean"}}}}}}`, `{"a":[{"b":true}]}`, `{"a":[{"b":true},{"b":1}]}`},
		{`{"title":"t","description":"d","default":1,"examples":[1],"$schema":"x","$id":"y","$comment":"z"}`, "1", "x\n{"},
	} {
		s, err := Compile(c.schema)
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		for doc := range strings.FieldsFuncSeq(c.fits, func(r rune) bool { return r == '\n' }) {
			if m := s.Check(doc); m != nil {
				t.Errorf("%s refuses %s: %s", c.schema, doc, m)
			}
		}
		for doc := range strings.FieldsFuncSeq(c.misfits, func(r rune) bool { return r == '\n' }) {
			if m := s.Check(doc); m == nil || m.Why == "" {
				t.Errorf("%s takes %s: %v", c.schema, doc, m)
			}
		}
	}
}

func TestWhere(t *testing.T) {
	s, err := Compile(`{"properties":{"a":{"items":{"required":["b"]}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	if m := s.Check(`{"a":[{"b":1},{}]}`); m == nil || m.String() != "/a/1: it lacks b" {
		t.Errorf("got %v", m)
	}
}

func TestCompileRefuses(t *testing.T) {
	for schema, want := range map[string]string{
		`{`:                                "it is not JSON",
		`1`:                                "a schema is an object, true or false",
		`{"properties":{"a":[]}}`:          "a schema is an object, true or false at /properties/a",
		`{"$ref":"#"}`:                     "it is a keyword that is not known here at /$ref",
		`{"format":"email"}`:               "at /format",
		`{"type":"text"}`:                  "at /type",
		`{"type":["string",1]}`:            "at /type",
		`{"enum":1}`:                       "it is a list at /enum",
		`{"minimum":"1"}`:                  "it is a number at /minimum",
		`{"minLength":-1}`:                 "it is a whole number, 0 or more, at /minLength",
		`{"maxItems":1.5}`:                 "at /maxItems",
		`{"uniqueItems":1}`:                "at /uniqueItems",
		`{"required":"a"}`:                 "it is a list of names at /required",
		`{"required":[1]}`:                 "it is a list of names at /required",
		`{"pattern":"("}`:                  "missing closing ): `(` at /pattern",
		`{"pattern":1}`:                    "at /pattern",
		`{"properties":[]}`:                "it is an object of schemas at /properties",
		`{"patternProperties":{"(":true}}`: "at /patternProperties",
		`{"allOf":[]}`:                     "it is a list of schemas at /allOf",
		`{"anyOf":[{"x":1}]}`:              "at /anyOf/0/x",
		`{"not":1}`:                        "at /not",
	} {
		if _, err := Compile(schema); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", schema, err, want)
		}
	}
}

// Compile and Check never panic, and answer the same twice.
func FuzzCheck(f *testing.F) {
	f.Add(`{"type":["object"],"properties":{"a":{"enum":[1,null]}},"required":["a"]}`, `{"a":1}`)
	f.Add(`{"oneOf":[{"pattern":"a"},{"not":{"minItems":1}}],"uniqueItems":true}`, `["a","a"]`)
	f.Add(`{"additionalProperties":{"contains":false},"patternProperties":{".":{"maximum":1e308}}}`, `{"":[]}`)
	f.Fuzz(func(t *testing.T, schema, document string) {
		s, err := Compile(schema)
		if err != nil {
			return
		}
		first, again := s.Check(document), s.Check(document)
		if (first == nil) != (again == nil) || first != nil && first.String() != again.String() {
			t.Errorf("first %v, then %v", first, again)
		}
	})
}
