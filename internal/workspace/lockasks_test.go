package workspace

import (
	"strings"
	"testing"
)

// The version of a member counts where a package of the registry asks for it by a
// range, which only the lock file says: the member stands for the package then.
func TestVersionsThatTheLockAsksFor(t *testing.T) {
	for name, c := range map[string]struct{ manager, lock, text, keeps string }{
		"npm": {"npm@11.6.0", "package-lock.json", `{"packages": {
			"a": {"name": "a", "version": "1.0.0", "dependencies": {"b": "*"}},
			"node_modules/x": {"version": "1.0.0", "dependencies": {"@w/c": "^1.0.0"}}}}`, "@w/c"},
		"npm, without spaces": {"npm@11.6.0", "package-lock.json", `{"packages":{"node_modules/x":{"dependencies": {"y": "1", "b": "^1.0.0"}}}}`, "b"},
		"yarn classic": {"yarn@1.22.22", "yarn.lock", `x@^1.0.0:
  version "1.0.0"
  dependencies:
    "@w/c" "^1.0.0"
    b "*"
`, "@w/c"},
		"yarn": {"yarn@4.5.0", "yarn.lock", `
__metadata:
  version: 8

"x@npm:1.0.0":
  version: 1.0.0
  dependencies:
    "@w/c": "npm:^1.0.0"
    d: "npm:^1.0.0"
    b: "npm:*"
  linkType: hard

"a@workspace:a":
  dependencies:
    b: "workspace:^"
`, "@w/c d"},
		"bun": {"bun@1.2.0", "bun.lock", `{"workspaces": {"a": {"name": "a", "dependencies": {"b": "workspace:*"}}},
			"packages": {"x": ["x@1.0.0", "", { "dependencies": { "y": "1", "@w/c": "^1.0.0" } }, "sha512-x"]}}`, "@w/c"},
		"bun's binary one": {"bun@1.2.0", "bun.lockb", "#!/usr/bin/env bun\n\x00", "a b @w/c d"},
	} {
		files := memberTree(c.manager, c.lock, `"workspaces": ["a", "b", "c", "d"]`)
		files[c.lock].Data = []byte(c.text)
		for _, member := range []string{"a", "b", "@w/c", "d"} {
			files[member[strings.LastIndexByte(member, '/')+1:]+"/package.json"] = tree("x", `{"name": "`+member+`", "version": "1.5.0"}`)["x"]
		}
		ws := mustFind(t, files)
		var kept []string
		for _, p := range ws.Packages[1:] {
			if strings.Contains(inputOf(t, ws, p.Dir+"/package.json"), "1.5.0") {
				kept = append(kept, p.Name)
			}
		}
		if got := strings.Join(kept, " "); got != c.keeps {
			t.Errorf("%s: versions of %q count, want %q", name, got, c.keeps)
		}
	}
}
