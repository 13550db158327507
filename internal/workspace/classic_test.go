package workspace

import (
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/fault"
)

const classicLock = `# yarn lockfile v1


"@babel/core@^7.0.0", "@babel/core@^7.1.0":
  version "7.1.0"
  dependencies:
    never@1.0.0:

ms@2.1.3, "ms@>= 2":
  version "2.1.3"

"alias@npm:ms@2.1.3":
  version "2.1.3"

"odd@>=1, <2 || \"3\"", moved@^1.0.0:
  version "1.0.0"
`

// Yarn classic is held to its lock file for the root's dependencies alone: of
// those of other members it installs whatever version there is. So we look.
func TestClassicLockHasWhatMembersAskFor(t *testing.T) {
	classic := func(root, member string) error {
		_, err := Find(tree("package.json", `{"packageManager": "yarn@1.22.22", `+root+`}`, "yarn.lock", classicLock,
			"a/package.json", "{\"name\": \"a\",\n\"dependencies\": "+member+"}", "b/package.json", `{"name": "b", "version": "2.0.0"}`), Options{})
		return err
	}
	const members = `"private": true, "workspaces": ["a", "b"]`
	for name, c := range map[string]struct{ root, member, want string }{
		"all there":            {members, `{"@babel/core": "^7.1.0", "ms": ">= 2", "alias": "npm:ms@2.1.3", "odd": ">=1, <2 || \"3\""}`, ""},
		"another range":        {members, `{"ms": "^2.0.0"}`, "a/package.json:2:1: cannot install ms@^2.0.0: yarn.lock does not have it"},
		"another package":      {members, `{"never": "1.0.0", "left-pad": "1"}`, "a/package.json:2:1: cannot install left-pad@1, never@1.0.0: yarn.lock does not have them"},
		"a member":             {members, `{"b": "^1.0.0"}`, ""},
		"what is no range":     {members, `{"x": "file:../b", "y": "link:../y", "z": "git+ssh://h/z", "w": "o/r", "v": ""}`, ""},
		"what root replaces":   {members + `, "resolutions": {"**/moved": "1.0.0", "a/@s/x": "2"}`, `{"moved": "^9.0.0", "@s/x": "1"}`, ""},
		"no workspace":         {`"workspaces": ["a", "b"]`, `{"ms": "^2.0.0"}`, ""},
		"of the root":          {members + `, "devDependencies": {"ms": "3"}`, `{}`, "package.json:1:79: cannot install ms@3: yarn.lock does not have it"},
		"in two of its fields": {members, `{"ms": "2.1.3"}, "devDependencies": {"ms": "^9"}`, ""},
	} {
		var lines []string
		for _, f := range fault.All(classic(c.root, c.member)) {
			lines = append(lines, f.Error())
			if f.Hint != "run: yarn install, and commit yarn.lock" {
				t.Errorf("%s: hint %q", name, f.Hint)
			}
		}
		if got := strings.Join(lines, "\n"); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
