package workspace

import (
	"strings"
	"testing"
)

func TestManifestFaults(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "m.json:1:1: cannot read it as JSON: it ends too early"},
		{"{", "m.json:1:2: cannot read it as JSON: it ends too early"},
		{"{\n  \"a\": 1,\n}", "m.json:3:1: cannot read it as JSON: invalid character '}' looking for beginning of object key string"},
		{"{\n  // no\n}", "m.json:2:3: cannot read it as JSON: invalid character '/' looking for beginning of object key string"},
		{"{} x", "m.json:1:4: cannot read it as JSON: invalid character 'x' after top-level value"},
		{"null", "m.json:1:1: cannot use it as a manifest: it is not an object"},
		{"\"text\"", "m.json:1:1: cannot use it as a manifest: it is not an object"},
		{"{\"name\": 1}", "m.json:1:2: cannot use this name: it is not a text"},
		{"{\"name\": null}", "m.json:1:2: cannot use this name: it is not a text"},
		{"{\n\t\"dependencies\": []\n}", "m.json:2:2: cannot use dependencies: it is not an object"},
		{"{\"devDependencies\": {\"b\": 1, \"a\": {}}}", "m.json:1:2: cannot use a of devDependencies: it is not a text\nm.json:1:2: cannot use b of devDependencies: it is not a text"},
		{"{\"a\\\"b\": 1, \"scripts\": 2}", "m.json:1:13: cannot use scripts: it is not an object"},
		{"{\"a\\\\\": 1, \"scripts\": 2}", "m.json:1:12: cannot use scripts: it is not an object"},
		{"{\"\": 1, \"\\u0073cripts\": 2}", "m.json:1:9: cannot use scripts: it is not an object"},
		{"\ufeff{\"scripts\": 2}", "m.json:1:2: cannot use scripts: it is not an object"},
		{"{\"dependencies\": null, \"scripts\": {}}", ""},
		{strings.Repeat("[", 20_000), "m.json:1:10001: cannot read it as JSON: invalid character '[' exceeded max depth"},
	}
	for _, test := range tests {
		_, bad := parseManifest("m.json", []byte(test.text))
		same(t, test.want, bad.Error())
	}
}

// The last of several equal keys counts, as in JavaScript.
func TestManifestRepeatsAKey(t *testing.T) {
	m, bad := parseManifest("m.json", []byte(`{"name": "a", "name": "b", "bin": {"x": "1", "x": "2"}}`))
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	same(t, "b", m.name)
	same(t, map[string]any{"x": "2"}, m.table("bin"))
}
