//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/receipt"
)

// In the box, an agent that pulled asks whether an install is needed.
func TestSyncInTheBox(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("package.json", `{"scripts":{}}`)
	write("pnpm-lock.yaml", "lockfileVersion: '9.0'\n")
	data, err := receipt.Encode(receipt.Receipt{Version: receipt.Version, Target: dir, Layers: []receipt.Layer{
		{Name: "base", Files: []receipt.File{{Path: "sandwright.lock", Kind: receipt.Said}}},
		{
			Name: "install", Run: []receipt.Step{{Argv: []string{"pnpm", "install"}}, {Argv: []string{"pnpm", "rebuild"}}}, Fields: []string{"dependencies"},
			Files: []receipt.File{
				{Path: "package.json", Kind: receipt.Manifest, Sum: receipt.SumOf([]byte("{}")), Seen: receipt.SumOf([]byte("{}\n")), Fields: map[string]string{}},
				{Path: "pnpm-lock.yaml", Sum: receipt.SumOf([]byte("lockfileVersion: '9.0'\n")), Fields: map[string]string{"lockfileVersion": "9.0"}},
			},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	write("receipt.json", string(data))
	ask := func(args ...string) (string, string, int) {
		return command(t, append([]string{"sync", "--receipt", filepath.Join(dir, "receipt.json")}, args...)...)
	}
	if out, stderr, code := ask(); out != "nothing to install\n" || code != 0 {
		t.Errorf("%d: %s%s", code, out, stderr)
	}
	write("package.json", `{"dependencies":{"zod":"^3.2"}}`)
	const want = "install: dependencies.zod ^3.2 added in package.json\nrun: pnpm install\nrun: pnpm rebuild\n"
	if out, stderr, code := ask(); out != want || code != 1 {
		t.Errorf("%d: %s%s", code, out, stderr)
	}
	if out, stderr, code := ask("--json"); !strings.Contains(out, `"field": "dependencies.zod"`) || code != 1 {
		t.Errorf("%d: %s%s", code, out, stderr)
	}
	write("receipt.json", `{"version":7}`)
	if out, stderr, code := ask(); code != 1 || !strings.Contains(stderr, "cannot use the receipt") || !strings.Contains(stderr, "version 7") {
		t.Errorf("%d: %s%s", code, out, stderr)
	}
	if _, stderr, code := ask("more"); code != 2 || !strings.Contains(stderr, "cannot understand") {
		t.Errorf("%d: %s", code, stderr)
	}
	if err := os.Remove(filepath.Join(dir, "pnpm-lock.yaml")); err != nil {
		t.Fatal(err)
	}
	write("receipt.json", string(data))
	if out, _, code := ask(); code != 1 || !strings.Contains(out, "install: pnpm-lock.yaml removed\n") {
		t.Errorf("%d: %s", code, out)
	}
	if _, stderr, code := command(t, "receive"); code != 1 || !strings.Contains(stderr, "cannot take the files: ") {
		t.Errorf("%d: %s", code, stderr)
	}
}
