//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/spec"
)

// monorepo is a workspace of 90 manifests and a lock of 2,700 entries, and the
// receipt of its install, as a build writes it.
func monorepo(b *testing.B) (target, file string) {
	b.Helper()
	top := b.TempDir()
	target, file = filepath.Join(top, "src"), filepath.Join(top, "receipt.json")
	install := receipt.Layer{Name: "install", Run: []receipt.Step{{Argv: []string{"pnpm", "install"}}}, Fields: []string{"dependencies", "name", "version"}}
	add := func(name, text string, kind receipt.Kind) {
		path := filepath.Join(target, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
		f := receipt.File{Path: name, Kind: kind, Sum: receipt.SumOf([]byte(text)), Fields: receipt.FieldsOf(name, []byte(text))}
		if kind == receipt.Manifest {
			f.Seen = receipt.SumOf([]byte(name))
		}
		install.Files = append(install.Files, f)
	}
	for i := range 90 {
		add(fmt.Sprintf("packages/pkg-%02d/package.json", i), fmt.Sprintf(`{"name":"pkg-%02d","version":"1.0.%d","scripts":{"build":"true"},"dependencies":{"a":"^1.0.0","b":"^2.0.0"}}`, i, i), receipt.Manifest)
	}
	var lock strings.Builder
	lock.WriteString("lockfileVersion: '9.0'\npackages:\n")
	for i := range 2700 {
		fmt.Fprintf(&lock, "  pkg-%d@1.%d.0:\n    resolution: {integrity: sha512-%060d}\n    engines: {node: '>=18'}\n", i, i%7, i)
	}
	add("pnpm-lock.yaml", lock.String(), receipt.Whole)
	slices.SortFunc(install.Files, func(a, b receipt.File) int { return strings.Compare(a.Path, b.Path) })
	data, err := receipt.Encode(receipt.Receipt{Version: receipt.Version, Target: target, UID: uint32(os.Geteuid()), Layers: []receipt.Layer{install}})
	if err == nil {
		err = os.WriteFile(file, data, 0o644)
	}
	if err != nil {
		b.Fatal(err)
	}
	return target, file
}

// BenchmarkAtStart is what PID 1 does before it starts services where nothing
// differs, and where one manifest does: for 90 manifests and a lock of 2,700
// entries.
func BenchmarkAtStart(b *testing.B) {
	for _, differs := range []bool{false, true} {
		b.Run(map[bool]string{false: "same", true: "differs"}[differs], func(b *testing.B) {
			target, file := monorepo(b)
			if differs {
				if err := os.WriteFile(filepath.Join(target, "packages/pkg-45/package.json"), []byte(`{"name":"pkg-45","dependencies":{"a":"^1.1.0"}}`), 0o644); err != nil {
					b.Fatal(err)
				}
			}
			a := spec.AtStart{Receipt: file, User: spec.User{Name: "root", UID: uint32(os.Geteuid()), Home: b.TempDir()}}
			for b.Loop() {
				todo, err := compareFor(a, nil)
				if err != nil || (len(todo) > 0) != differs {
					b.Fatal(todo, err)
				}
			}
		})
	}
}
