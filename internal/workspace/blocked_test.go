package workspace

import (
	"strings"
	"testing"
)

// TestBlocked: whose install scripts do not run, as npm's lock file has it.
func TestBlocked(t *testing.T) {
	const packages = `{"lockfileVersion": 3, "packages": {
		"": {"name": "top", "hasInstallScript": true},
		"apps/web": {"name": "web", "hasInstallScript": true},
		"node_modules/web": {"resolved": "apps/web", "link": true},
		"node_modules/esbuild": {"version": "0.28.1", "hasInstallScript": true},
		"apps/web/node_modules/esbuild": {"version": "0.20.0", "hasInstallScript": true},
		"node_modules/a/node_modules/@s/deep": {"version": "1.0.0", "hasInstallScript": true},
		"node_modules/as": {"name": "real", "version": "2.0.0", "hasInstallScript": true},
		"node_modules/fsevents": {"version": "2.3.3", "hasInstallScript": true, "os": ["darwin"]},
		"node_modules/nowindows": {"version": "1.0.0", "hasInstallScript": true, "os": ["!win32"]},
		"node_modules/here": {"version": "1.0.0", "hasInstallScript": true, "os": ["darwin", "linux"]},
		"node_modules/plain": {"version": "1.0.0"}}}`
	for _, c := range []struct {
		kind    Kind
		lock    string
		allowed string
		want    string
	}{
		{NPM, packages, "", "@s/deep esbuild here nowindows real"},
		{NPM, packages, "esbuild @s/deep real@2.0.0 here@9.0.0", "here nowindows"},
		{NPM, packages, "esbuild@0.28.1", "@s/deep esbuild here nowindows real"}, // the other one's do not run
		{NPM, `{"lockfileVersion": 1, "dependencies": {}}`, "", ""},
		{NPM, `[`, "", ""},
		{YarnClassic, packages, "", ""},
	} {
		ws := &Workspace{Dir: ".", LockFile: "package-lock.json", Manager: Manager{Kind: c.kind},
			Inputs: []Input{{Path: "package.json", Data: []byte("{}")}, {Path: "package-lock.json", Data: []byte(c.lock)}}}
		if got := strings.Join(ws.Blocked(strings.Fields(c.allowed)), " "); got != c.want {
			t.Errorf("%s, %q allowed: %q, want %q", c.kind, c.allowed, got, c.want)
		}
	}
}
