package workspace

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/sandwright/sandwright/internal/fault"
)

// listedBy gives the patterns of packages in a manifest: a list, or an object
// that holds one.
func listedBy(m *manifest) (out []named) {
	value := m.fields["workspaces"]
	if table, ok := value.(map[string]any); ok {
		value = table["packages"]
	}
	list, _ := value.([]any)
	for _, item := range list {
		if text, ok := item.(string); ok {
			out = append(out, named{text, m.at(m.offsets["workspaces"])})
		}
	}
	return out
}

// yarnSetting takes one key of .yarnrc.yml; those that do not matter here are
// yarn's to judge.
func (f *finder) yarnSetting(s *settings, key string, v *yaml.Node) {
	const file = ".yarnrc.yml"
	switch key {
	case "nodeLinker":
		s.plugAndPlay = v.Value == "pnp"
	case "catalog", "catalogs":
		f.catalogs(s, file, key, v)
	case "yarnPath":
		s.hookFiles = append(s.hookFiles, f.texts(file, key, v)...)
	case "plugins":
		for _, item := range v.Content {
			item = resolve(item)
			if item.Kind == yaml.ScalarNode && !strings.HasPrefix(item.Value, "@") {
				s.hookFiles = append(s.hookFiles, named{item.Value, where(file, item)})
			}
			for i := 0; item.Kind == yaml.MappingNode && i+1 < len(item.Content); i += 2 {
				if item.Content[i].Value == "path" {
					s.hookFiles = append(s.hookFiles, f.texts(file, key, resolve(item.Content[i+1]))...)
				}
			}
		}
	case "injectEnvironmentFiles":
		for _, t := range f.texts(file, key, v) {
			if name, optional := strings.CutSuffix(t.text, "?"); !optional {
				s.hookFiles = append(s.hookFiles, t)
			} else if p := path.Clean(name); f.exists(p) {
				f.input(p)
			}
		}
	}
}

// yarnrc reads what yarn classic's own configuration names.
func (f *finder) yarnrc(s *settings) {
	if !f.input(".yarnrc") {
		return
	}
	if release := f.yarnPath(); release.text != "" && release.at.File == ".yarnrc" {
		s.hookFiles = append(s.hookFiles, release)
	}
	mirror := regexp.MustCompile(`(?m)^"?yarn-offline-mirror"?[ \t]+"?([^"\s]+)`).FindSubmatch(f.inputs[".yarnrc"])
	if mirror != nil && string(mirror[1]) != "false" {
		s.folders = append(s.folders, named{string(mirror[1]), fault.Position{File: ".yarnrc"}})
	}
}

// bunCatalogs reads the catalogs of a root manifest, which stand in workspaces
// or beside it.
func bunCatalogs(s *settings, root *manifest) {
	texts := func(v any) map[string]string {
		out := map[string]string{}
		table, _ := v.(map[string]any)
		for key, value := range table {
			if text, ok := value.(string); ok {
				out[key] = text
			}
		}
		return out
	}
	for _, table := range []map[string]any{root.fields, root.table("workspaces")} {
		if one, ok := table["catalog"]; ok {
			s.catalogs["default"] = texts(one)
		}
		more, _ := table["catalogs"].(map[string]any)
		for name, one := range more {
			s.catalogs[name] = texts(one)
		}
	}
}

// configFiles are the files at the root by which a package manager is configured.
func (k Kind) configFiles() []string {
	switch k {
	case PNPM:
		return []string{".npmrc", ".pnpmfile.cjs", ".pnpmfile.mjs"}
	case NPM:
		return []string{".npmrc"}
	case YarnClassic:
		return []string{".npmrc", ".yarnrc"}
	case Yarn:
		return []string{".yarnrc.yml", ".env.yarn"}
	}
	return []string{".npmrc", "bunfig.toml"}
}

// variables gives the names of the environment variables that the package
// manager takes values from: those that its configuration files name, as ${NAME}
// or in bunfig.toml as $NAME, and those that say where packages come from where
// the files do not.
func (f *finder) variables() []string {
	found := map[string]bool{}
	for _, file := range f.manages.Kind.configFiles() {
		expression := `\$\{([A-Za-z_][A-Za-z0-9_]*)(?:\?|:?-[^}]*)?\}`
		switch path.Ext(file) {
		case ".toml":
			expression = `\$\{?([A-Za-z_][A-Za-z0-9_]*)`
		case ".cjs", ".mjs", ".yarn":
			continue // programs, and values
		}
		for _, m := range regexp.MustCompile(expression).FindAllSubmatch(f.inputs[file], -1) {
			found[string(m[1])] = true
		}
	}
	names := map[Kind][]string{Yarn: {"YARN_NPM_REGISTRY_SERVER", "YARN_NPM_AUTH_TOKEN"}, Bun: {"BUN_CONFIG_REGISTRY", "BUN_CONFIG_TOKEN"}}[f.manages.Kind]
	if bytes.Contains(f.inputs[".yarnrc.yml"], []byte("npmRegistryServer")) || bytes.Contains(f.inputs["bunfig.toml"], []byte("registry")) {
		names = nil
	}
	if f.manages.Kind == Yarn {
		names = append(names, "YARN_HTTP_PROXY", "YARN_HTTPS_PROXY")
	}
	for _, name := range names {
		found[name] = true
	}
	if len(found) == 0 {
		return nil
	}
	return sortedKeys(found)
}
