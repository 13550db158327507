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
type field struct {
	name, why string
	of        []Kind // that look at it; none: all, or more than one would guess
}

func installFields() []field {
	return []field{
		{"allowScripts", "dependencies whose scripts npm runs", []Kind{NPM}},
		{"bin", "commands that packages which depend on this one get", nil},
		{"bundleDependencies", "dependencies that are not installed from the registry", nil},
		{"bundledDependencies", "the other spelling of bundleDependencies", nil},
		{"catalog", "versions that bun's dependencies name", []Kind{Bun}},
		{"catalogs", "versions that bun's dependencies name", []Kind{Bun}},
		{"cpu", "whether an optional package is installed on this machine", nil},
		{"dependencies", "what is installed", nil},
		{"dependenciesMeta", "which dependencies are copied in place of linked", nil},
		{"devDependencies", "what is installed", nil},
		{"devEngines", "a runtime that is installed, versions that are checked", nil},
		{"engines", "versions that are checked, and a runtime that is installed", nil},
		{"flat", "whether yarn classic takes one version of each", []Kind{YarnClassic}},
		{"installConfig", "where yarn puts what is installed", []Kind{YarnClassic, Yarn}},
		{"libc", "whether an optional package is installed on this machine", nil},
		{"name", "what others link to", nil},
		{"optionalDependencies", "what is installed", nil},
		{"os", "whether an optional package is installed on this machine", nil},
		{"overrides", "versions that are forced", nil},
		{"packageManager", "the version that installs, which checks itself", nil},
		{"patchedDependencies", "patches that bun applies", []Kind{Bun}},
		{"peerDependencies", "what is installed, and which copies are shared", nil},
		{"peerDependenciesMeta", "which peers may be missing", nil},
		{"pnpm", "settings of the install at the root, such as overrides and patches", []Kind{PNPM}},
		{"preferUnplugged", "whether yarn unpacks a package", []Kind{Yarn}},
		{"private", "without it yarn classic takes a root for no workspace", []Kind{YarnClassic}},
		{"resolutions", "versions that are forced", nil},
		{"trustedDependencies", "dependencies whose scripts bun runs", []Kind{Bun}},
		{"workspaces", "which packages there are, for all but pnpm", nil},
	}
}

// DecidingFields are the fields of a manifest that can change an install of k,
// sorted; of one in another, joined by a dot.
func DecidingFields(k Kind) []string {
	out := []string{"version"}
	for _, f := range installFields() {
		if f.of == nil || slices.Contains(f.of, k) {
			out = append(out, f.name)
		}
	}
	for name, keys := range subFields() {
		for _, key := range keys {
			out = append(out, name+"."+key)
		}
	}
	slices.Sort(out)
	return out
}

// orderedFields are those in which the order of keys counts: of two rules that
// match, package managers take the first, and pnpm before 8.7 has a hash of
// packageExtensions as they were written in its lock file.
func orderedFields() []string { return []string{"overrides", "pnpm", "resolutions"} }

// subFields are fields of which only some keys matter: where commands are, and
// which folder others link to.
func subFields() map[string][]string {
	return map[string][]string{"directories": {"bin"}, "publishConfig": {"directory", "linkDirectory"}}
}

// anyVersion stands for a version that no range in the workspace is compared with.
const anyVersion = "0.0.0"

// normalise is the manifest as an install sees it: canonical JSON with keys
// that are sorted but where their order counts, numbers as they were written, and nothing that cannot change the
// outcome. A version is kept only where it matters, and scripts only where they run
// without the source.
func (m *manifest) normalise(k Kind, keepVersion, keepHooks bool) []byte {
	out := map[string]any{}
	for _, f := range installFields() {
		if v, ok := m.fields[f.name]; ok && (f.of == nil || slices.Contains(f.of, k)) {
			out[f.name] = v
			if slices.Contains(orderedFields(), f.name) {
				out[f.name] = m.written[f.name]
			}
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
	if hooks := m.hookScripts(); keepHooks && len(hooks) > 0 {
		out["scripts"] = hooks
	}
	if v, ok := m.fields["version"]; ok {
		out["version"] = v
		if !keepVersion {
			out["version"] = anyVersion
		}
	}
	return canonical(out)
}

// hookScripts are the scripts that an install may run.
func (m *manifest) hookScripts() map[string]any {
	out := map[string]any{}
	for _, stage := range stages() {
		if v, ok := m.table("scripts")[stage]; ok {
			out[stage] = v
		}
	}
	return out
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
