package fetch

import (
	"archive/tar"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/sandwright/sandwright/internal/lock"
)

// maxManifest bounds a package.json that is looked at.
const maxManifest = 4 << 20

// look lists the files of a download, and finds how it is packed, and which
// directory is around everything, where that is not known yet.
func look(path, tool string, a *lock.Artifact) (map[string]bool, error) {
	if a.Packed == "" {
		packed, err := sniff(path)
		if err != nil {
			return nil, err
		}
		a.Packed = packed
	}
	p := partOf(path, tool, *a)
	if strips(a.Packed) {
		p.keep = nil // patterns count from the root, which is looked for
		entries, err := survey(p)
		if err != nil {
			return nil, err
		}
		a.Root = commonRoot(entries)
	}
	return listFiles(partOf(path, tool, *a))
}

// strips tells whether a directory around everything is left out.
func strips(p lock.Packing) bool {
	return slices.Contains([]lock.Packing{lock.PackedTar, lock.PackedTarGz, lock.PackedTarXz, lock.PackedTarZst, lock.PackedZip}, p)
}

// listFiles gives the files of a part by name.
func listFiles(p part) (map[string]bool, error) {
	entries, err := survey(p)
	files := map[string]bool{}
	for _, e := range entries {
		if e.kind != tar.TypeDir {
			files[e.name] = true
		}
	}
	return files, err
}

// lifecycle adds to scripts those of the package.json of an npm package that
// npm would run at an install.
func lifecycle(path string, scripts map[string]string) (map[string]string, error) {
	var m struct {
		Scripts map[string]any `json:"scripts"`
	}
	p := part{file: path, packed: lock.PackedNPM, keep: []string{"package.json"}}
	err := p.read(newUnpacker(defaultLimits()), func(e entry, body io.Reader) error {
		if e.name == "package.json" && e.kind == tar.TypeReg {
			_ = json.NewDecoder(io.LimitReader(body, maxManifest)).Decode(&m) // npm itself reads what it can
		}
		return nil
	})
	return joined(scripts, installScripts(m.Scripts)), err
}

func installScripts(scripts map[string]any) map[string]string {
	var out map[string]string
	for _, name := range []string{"preinstall", "install", "postinstall"} {
		text, ok := scripts[name].(string)
		if !ok || text == "" {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = printable200(text)
	}
	return out
}

// printable200 makes a text fit for the lock: printable, and 200 characters at
// most.
func printable200(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if r := []rune(text); len(r) > 200 {
		text = string(r[:199]) + "…"
	}
	return text
}

// joined has what either map has; b goes before a.
func joined(a, b map[string]string) map[string]string {
	if len(a)+len(b) == 0 {
		return nil
	}
	out := maps.Clone(a)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, b)
	return out
}
