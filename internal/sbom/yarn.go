package sbom

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// yarnPackages reads the lock of either yarn.
func yarnPackages(data []byte) ([]Package, error) {
	if bytes.Contains(data, []byte("\n__metadata:")) {
		return berryPackages(data)
	}
	return classicPackages(string(data)), nil
}

// berryPackages reads a lock of yarn from version 2. Its checksums are of
// archives that yarn makes itself, and are left out.
func berryPackages(data []byte) (out []Package, err error) {
	var lock map[string]struct {
		Version    string `yaml:"version"`
		Resolution string `yaml:"resolution"` // such as NAME@npm:VERSION
	}
	if err := yaml.Unmarshal(data, &lock); err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(lock)) {
		name, from := cutName(lock[key].Resolution)
		if name == "" || strings.HasPrefix(from, "workspace:") || strings.HasPrefix(from, "link:") {
			continue
		}
		out = append(out, npmPackage(name, lock[key].Version, ""))
	}
	return out, nil
}

// classicPackages reads a lock of yarn 1: what is asked for on a line of its own,
// and below it, further in, what that is.
func classicPackages(text string) (out []Package) {
	var name, version, integrity string
	end := func() {
		if name != "" && version != "" {
			out = append(out, npmPackage(name, version, integrity))
		}
		name, version, integrity = "", "", ""
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch key, value, _ := strings.Cut(strings.TrimLeft(line, " "), " "); {
		case line == "" || line[0] == '#':
		case line[0] != ' ':
			end()
			first, _, _ := strings.Cut(strings.TrimSuffix(line, ":"), ", ")
			var from string
			name, from = cutName(strings.Trim(first, `"`))
			if other, ok := strings.CutPrefix(from, "npm:"); ok { // under another name
				name, _ = cutName(other)
			}
		case strings.HasPrefix(line, "   "): // of its dependencies
		case key == "version":
			version = strings.Trim(value, `"`)
		case key == "integrity":
			integrity = value
		}
	}
	end()
	return out
}

// bunPackages reads `packages` of bun's lock, which is JSON but for commas at the
// end of lists, and so is YAML: lists that begin with NAME@VERSION, and end with
// the integrity where the package is a registry's.
func bunPackages(data []byte) (out []Package, err error) {
	var lock struct {
		Packages map[string][]any `yaml:"packages"`
	}
	if err := yaml.Unmarshal(data, &lock); err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(lock.Packages)) {
		list := lock.Packages[key]
		if len(list) == 0 {
			continue
		}
		first, _ := list[0].(string)
		last, _ := list[len(list)-1].(string)
		name, version := cutName(first)
		if name == "" || strings.HasPrefix(version, "workspace:") || strings.HasPrefix(version, "link:") {
			continue
		}
		out = append(out, npmPackage(name, version, last))
	}
	return out, nil
}

// cutName splits NAME@REST; a scope's @ is of the name.
func cutName(text string) (name, rest string) {
	if text == "" {
		return "", ""
	}
	name, rest, ok := strings.Cut(text[1:], "@")
	if !ok {
		return "", ""
	}
	return text[:1] + name, rest
}
