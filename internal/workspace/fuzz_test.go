package workspace

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
)

// FuzzManagers gives each package manager a configuration, a lock file and a
// pattern of packages that say anything. Nothing outside the tree is used,
// faults say where they are, and the same tree is found the same way again.
func FuzzManagers(f *testing.F) {
	f.Fuzz(func(t *testing.T, manager, config, lock, glob string) {
		if bytes.ContainsAny([]byte(manager), "\x00/") || len(glob) > 200 {
			return
		}
		text, err := json.Marshal(map[string]any{"packageManager": manager, "workspaces": []string{glob}, "dependencies": map[string]string{"a": glob}})
		if err != nil {
			t.Fatal(err)
		}
		files := tree("package.json", string(text), "apps/web/package.json", `{"name": "web"}`, "packages/a/package.json", `{"name": "a", "dependencies": {"web": "*"}}`)
		name, _, _ := strings.Cut(manager, "@")
		for _, kind := range []Kind{PNPM, NPM, YarnClassic, Yarn, Bun} {
			if first, _, _ := strings.Cut(string(kind), " "); first == name {
				for p, file := range tree(lockFiles()[name][0], lock, ".npmrc", config, ".yarnrc", config, ".yarnrc.yml", config, "bunfig.toml", config, settingsFile, config) {
					files[p] = file
				}
			}
		}
		ws, err := Find(files, Options{})
		again, errAgain := Find(files, Options{})
		if diff := cmp.Diff(ws, again); diff != "" || (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() {
			t.Errorf("found in two ways: %v, %v\n%s", err, errAgain, diff)
		}
		if err != nil {
			sayWhere(t, err)
			return
		}
		for _, p := range ws.Packages {
			if _, err := fs.Stat(files, p.Dir); err != nil {
				t.Errorf("package %q: %v", p.Dir, err)
			}
		}
		for _, in := range ws.Inputs {
			if _, err := fs.Stat(files, in.Path); err != nil {
				t.Errorf("input %q: %v", in.Path, err)
			}
		}
	})
}

// sayWhere wants faults with a file and what cannot be done.
func sayWhere(t *testing.T, err error) {
	t.Helper()
	for _, one := range fault.All(err) {
		if one.At.File == "" || !strings.HasPrefix(one.What, "cannot ") {
			t.Errorf("%v says not where, or not what", one)
		}
	}
}
