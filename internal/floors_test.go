// Package internal_test holds the boundaries between the packages.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sandwright/sandwright/internal/"

// floors lists each package's floor. A package imports lower floors only, and
// packages that stand below it in its own folder.
var floors = map[string]int{
	"fault": 0, "spec": 0, "loop": 0, "tai64n": 0, "jsonschema": 0, "redact": 0, "semver": 0, "httpcall": 0, "envscan": 0, "buildcache": 0, "smallfile": 0, "overlayfs": 0, "program": 0, "wholefile": 0,
	"receipt": 0, "record": 1, "handover": 1,
	"vartype": 1, "workspace": 1, "lock": 1, "probe": 1, "s6": 1, "launch": 1, "svlog": 1, "control": 1, "logview": 1, "initbin": 1, "installed": 1, "cgroup": 1, "git": 1, "dockerhost": 1, "dockerlogin": 1, "dockerhost/dockertest": 0, "sbom": 2, "tokens": 1,
	"evidence": 1, "evidence/evidencetest": 1,
	"config": 2, "env": 2, "supervise": 2, "gitmeta": 2,
	"plan": 3, "envgen": 3, "fetch": 3, "stage": 3, "engine": 3, "leak": 3, "provider": 3,
	"llbgen": 4, "source": 4, "provider/conformance": 4, "provider/local": 4, "provider/daytona": 4, "provider/daytona/daytonatest": 3, "provider/local/usernet": 3,
	"cli": 5,
}

func TestPackagesImportLowerFloorsOnly(t *testing.T) {
	for dir, imports := range importsByPackage(t) {
		floor, known := floors[dir]
		if !known {
			t.Errorf("package %s has no floor: give it one in floors_test.go", dir)
			continue
		}
		for _, imported := range imports {
			if floors[imported] >= floor {
				t.Errorf("%s (floor %d) imports %s (floor %d)", dir, floor, imported, floors[imported])
			}
		}
	}
}

func TestNoPackageIsADrawer(t *testing.T) {
	for dir := range importsByPackage(t) {
		switch path.Base(dir) {
		case "util", "utils", "common", "helpers", "shared", "types":
			t.Errorf("package %s says nothing about what is in it", dir)
		}
	}
}

// importsByPackage reads the imports of this module's packages, tests apart.
func importsByPackage(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "testdata" {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(file))
		found[dir] = append(found[dir], internalOf(t, parsed.Imports)...)
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("found %d packages: %v", len(found), err)
	}
	return found
}

func internalOf(t *testing.T, specs []*ast.ImportSpec) (names []string) {
	t.Helper()
	for _, s := range specs {
		imported, err := strconv.Unquote(s.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := strings.CutPrefix(imported, module); ok {
			names = append(names, name)
		}
	}
	return names
}
