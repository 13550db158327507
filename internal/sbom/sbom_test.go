package sbom

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/workspace"
)

var update = flag.Bool("update", false, "write the goldens anew")

func demo() Inputs {
	artifact := func(pkg, version string) map[string]lock.Artifact {
		return map[string]lock.Artifact{"linux/amd64": {Package: pkg, Version: version, SHA256: strings.Repeat("a", 64), SHA512: strings.Repeat("b", 128),
			Image: strings.Repeat("c", 64), Closure: []lock.Dependency{{Path: "node_modules/dep", Name: "dep", Version: "1.0.0", SHA512: strings.Repeat("d", 128)}}}}
	}
	return Inputs{
		Name: "demo", Platform: "linux/amd64",
		Lock: &lock.Lock{
			Base: lock.Base{Source: "debian:bookworm", Systems: map[string]lock.System{"linux/amd64": {Packages: []lock.Deb{
				{Name: "base-files", Version: "12.4+deb12u5", Arch: "amd64", SHA256: strings.Repeat("0", 64)},
				{Name: "libstdc++6", Version: "1:12.2.0-14", Arch: "amd64", SHA256: strings.Repeat("1", 64)},
			}}}},
			Tools: map[string]lock.Tool{
				"claude": {Source: "npm:@anthropic-ai/claude-code@2", Version: "2.1.0", Platforms: artifact("@anthropic-ai/claude-code-linux-x64", "2.1.0")},
				"gh":     {Source: "github:CLI/cli@2", Version: "2.83.0", Platforms: artifact("gh.tar.gz", "")},
				"jq":     {Source: "deb:jq", Version: "1.6", Platforms: artifact("jq", "1.6-2.1")},
				"crane":  {Source: "oci:example/crane:v1", Version: "v1", Platforms: artifact("example/crane", "")},
				"other":  {Source: "url:https://example.com/x", Version: "3", Platforms: artifact("x", "")},
				"absent": {Source: "npm:absent@1", Version: "1", Platforms: map[string]lock.Artifact{"linux/arm64": {}}},
			},
		},
		Files: []workspace.Input{
			{Path: "package.json", Data: []byte(`{"name": "demo"}`)},
			{Path: "pnpm-lock.yaml", Data: []byte(pnpmLock)},
			{Path: "tools/package-lock.json", Data: []byte(npmLock)},
		},
	}
}

const pnpmLock = `lockfileVersion: '9.0'
packages:
  '@babel/core@7.24.0':
    resolution: {integrity: sha512-XI5MPzVNApjAyhQzphX8BkmKsKUxD4LdyK24iZeQGinBN9yTQT3bFlCBy/aVx2HrNcqQGsdot8ghrjyrvMCoEA==}
  /react-dom@18.2.0(react@18.2.0):
    resolution: {integrity: sha512-XI5MPzVNApjAyhQzphX8BkmKsKUxD4LdyK24iZeQGinBN9yTQT3bFlCBy/aVx2HrNcqQGsdot8ghrjyrvMCoEA==}
  forked@https://token:hunter2@example.com/forked.tgz:
    resolution: {tarball: https://token:hunter2@example.com/forked.tgz}
  nonsense: {}
`

// From version 11 on pnpm's lock may have two documents.
func TestALockOfTwoDocuments(t *testing.T) {
	got, err := pnpmPackages([]byte("---\nlockfileVersion: '9.0'\npackages:\n  cfg@1.0.0: {}\n---\nlockfileVersion: '9.0'\npackages:\n  cfg@1.0.0: {}\n  ms@2.1.3: {}\n"))
	var names []string
	for _, p := range got {
		names = append(names, p.Name)
	}
	if diff := cmp.Diff([]string{"cfg", "cfg", "ms"}, names); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

const npmLock = `{"lockfileVersion": 3, "packages": {
 "": {"name": "tools"}, "node_modules/left-pad": {"version": "1.3.0", "integrity": "sha1-tampered sha512-notbase64!"},
 "node_modules/a/node_modules/@scope/b": {"version": "2.0.0"}, "node_modules/linked": {"resolved": "packages/linked", "link": true}}}`

// TestDocument compares the whole document; it is the same each time.
func TestDocument(t *testing.T) {
	got, err := Document(demo())
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/demo.spdx.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil { //nolint:gosec // a golden
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
	for range 10 {
		if again, err := Document(demo()); err != nil || string(again) != string(got) {
			t.Fatalf("the same image has another document: %v", err)
		}
	}
	if strings.Contains(string(got), "hunter2") {
		t.Error("it shows the password of an address")
	}
}

// TestEveryRelationHoldsAndIDsAreUnique holds what SPDX asks of ids.
func TestEveryRelationHoldsAndIDsAreUnique(t *testing.T) {
	data, err := Document(demo())
	if err != nil {
		t.Fatal(err)
	}
	var doc document
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	known := map[string]int{documentID: 1}
	for _, p := range doc.Packages {
		known[p.ID]++
		if strings.Trim(p.ID, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") != "" {
			t.Errorf("%q is no id", p.ID)
		}
	}
	for id, n := range known {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	for _, r := range doc.Relationships {
		if known[r.Element] == 0 || known[r.Related] == 0 {
			t.Errorf("%+v is of nothing", r)
		}
	}
}

func TestAnImageForItsBase(t *testing.T) {
	in := demo()
	in.Lock.Base = lock.Base{Source: "oci:debian:bookworm", Systems: map[string]lock.System{"linux/amd64": {Image: strings.Repeat("e", 64)}}}
	data, err := Document(in)
	if err != nil || !strings.Contains(string(data), `"oci:debian:bookworm"`) || !strings.Contains(string(data), strings.Repeat("e", 64)) {
		t.Errorf("%v: %s", err, data)
	}
}

func TestLocksThatAreNone(t *testing.T) {
	for file, text := range map[string]string{"pnpm-lock.yaml": "packages: [", "package-lock.json": "{", "a/npm-shrinkwrap.json": "[]"} {
		_, err := Document(Inputs{Lock: &lock.Lock{}, Files: []workspace.Input{{Path: file, Data: []byte(text)}}})
		if err == nil || !strings.Contains(err.Error(), "cannot list the packages of "+file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// FuzzDocument: whatever a lock of packages says, the document is JSON, and
// the same again.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(pnpmLock), []byte(npmLock))
	f.Add([]byte("packages: {'@': {}, 'a@': {}, '@@': {}, \"\\0@1\": {}}"), []byte(`{"packages": {"node_modules/": {}, "node_modules/a/b/c": {"version": "\u0000"}}}`))
	f.Fuzz(func(t *testing.T, pnpm, npm []byte) {
		if len(pnpm) > 1<<12 || len(npm) > 1<<12 {
			return
		}
		sameAgain(t, "pnpm-lock.yaml", pnpm, "package-lock.json", npm)
	})
}

// sameAgain wants the document of two locks, where it can be made, to be JSON and
// the same again.
func sameAgain(t *testing.T, oneFile string, one []byte, otherFile string, other []byte) {
	t.Helper()
	in := Inputs{Name: "x", Lock: &lock.Lock{}, Files: []workspace.Input{{Path: oneFile, Data: one}, {Path: otherFile, Data: other}}}
	first, err := Document(in)
	if err != nil {
		return
	}
	again, err := Document(in)
	if err != nil || string(first) != string(again) || !json.Valid(first) {
		t.Fatalf("%v: %s", err, first)
	}
}
