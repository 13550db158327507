package workspace

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// A field of a manifest that an install looks at, and why. What is not listed
// cannot change an install: scripts run once the source is there, from the
// manifest itself; the rest is for publishing, people and other tools. A hook in
// a .pnpmfile.cjs sees the normalised manifest.
type field struct{ name, why string }

func installFields() []field {
	return []field{
		{"bin", "commands that packages which depend on this one get"},
		{"bundleDependencies", "dependencies that are not installed from the registry"},
		{"bundledDependencies", "the other spelling of bundleDependencies"},
		{"cpu", "whether an optional package is installed on this machine"},
		{"dependencies", "what is installed"},
		{"dependenciesMeta", "which dependencies are copied in place of linked"},
		{"devDependencies", "what is installed"},
		{"devEngines", "a runtime that is installed, versions that are checked"},
		{"engines", "versions that are checked, and a runtime that is installed"},
		{"libc", "whether an optional package is installed on this machine"},
		{"name", "what others link to"},
		{"optionalDependencies", "what is installed"},
		{"os", "whether an optional package is installed on this machine"},
		{"overrides", "versions that are forced"},
		{"packageManager", "the version that installs, which checks itself"},
		{"peerDependencies", "what is installed, and which copies are shared"},
		{"peerDependenciesMeta", "which peers may be missing"},
		{"pnpm", "settings of the install at the root, such as overrides and patches"},
		{"resolutions", "versions that are forced"},
		{"workspaces", "a warning of the install where pnpm-workspace.yaml is missing"},
	}
}

// subFields are fields of which only some keys matter: where commands are, and
// which folder others link to.
func subFields() map[string][]string {
	return map[string][]string{"directories": {"bin"}, "publishConfig": {"directory", "linkDirectory"}}
}

// anyVersion stands for a version that no range in the workspace is compared with.
const anyVersion = "0.0.0"

// normalise is the manifest as an install sees it: canonical JSON with sorted
// keys, numbers as they were written, and nothing that cannot change the
// outcome. A version is kept only where it matters.
func (m *manifest) normalise(keepVersion bool) []byte {
	out := map[string]any{}
	for _, f := range installFields() {
		if v, ok := m.fields[f.name]; ok {
			out[f.name] = v
		}
	}
	for name, keys := range subFields() {
		part := map[string]any{}
		for _, key := range keys {
			if v, ok := m.table(name)[key]; ok {
				part[key] = v
			}
		}
		if len(part) > 0 {
			out[name] = part
		}
	}
	if v, ok := m.fields["version"]; ok {
		out["version"] = v
		if !keepVersion {
			out["version"] = anyVersion
		}
	}
	return canonical(out)
}

// canonical writes a decoded JSON value so that equal values give equal bytes.
func canonical(v map[string]any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	// What was decoded from JSON can always be encoded.
	_ = enc.Encode(v)
	return b.Bytes()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
