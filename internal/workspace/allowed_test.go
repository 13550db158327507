package workspace

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestBuilt: what npm's allowScripts allows, and nothing that it does not.
func TestBuilt(t *testing.T) {
	for _, c := range []struct{ allow, want string }{
		{`{}`, ""},
		{`{"a": true, "@s/b": true, "c": false, "d": "yes"}`, "@s/b a"},
		{`{"a@1.2.3": true, "@s/b@2.0.0-rc.1": true}`, "@s/b@2.0.0-rc.1 a@1.2.3"},
		{`{"a@1.0.0 || v2.0.0": true, "b@*": true, "c@": true}`, "a@1.0.0 a@2.0.0 b c"},
		{`{"a@^1.0.0": true, "b@latest": true, "c@1.0.0 || ^2.0.0": true, "d@1": true}`, ""},
		{`{"a@1.0.0": true, "a": false}`, ""},
		{`{"a": true, "a@1.0.0": false}`, ""},
		{`{"a@1.0.0 || 2.0.0": true, "a@1.0.0": false}`, "a@2.0.0"},
		{`{"file:x": true, "github:a/b": true, "a/b": true, "https://h/x.tgz": true, "./x": true, "--force": true, "": true, "n@npm:m@1.0.0": true}`, ""},
	} {
		root := &manifest{fields: map[string]any{}}
		if err := json.Unmarshal([]byte(`{"allowScripts": `+c.allow+`}`), &root.fields); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(built(root), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.allow, got, c.want)
		}
	}
}
