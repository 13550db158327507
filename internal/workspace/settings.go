package workspace

import (
	"errors"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"go.yaml.in/yaml/v4"
)

// Settings are what is used of pnpm-workspace.yaml.
type settings struct {
	packages   []pattern
	catalogs   map[string]map[string]string // "default" is the one without a name
	patches    []named
	hookFiles  []named // pnpmfiles that are not at their default place
	linkRanges bool    // plain ranges may be met by members too
	ownLocks   bool    // each member has a lock of its own
}

// A named is a text of a file and where it stands.
type named struct {
	text string
	at   fault.Position
}

// settings reads pnpm-workspace.yaml; without one the root is the only package.
func (f *finder) settings() *settings {
	s := &settings{catalogs: map[string]map[string]string{}}
	if !f.input(settingsFile) {
		return s
	}
	var docs []yaml.Node
	if err := yaml.Load(f.inputs[settingsFile], &docs, yaml.WithAllDocuments()); err != nil {
		f.fault(yamlFault(err))
		return s
	}
	if len(docs) == 0 || docs[0].Content[0].ShortTag() == "!!null" {
		return s
	}
	if len(docs) > 1 {
		f.fault(where(&docs[1]).Cannot("use a second document: the file holds one").WithHint("remove the line that is ---"))
		return s
	}
	top := docs[0].Content[0]
	if top.Kind != yaml.MappingNode {
		f.fault(where(top).Cannot("use it: it is not a mapping"))
		return s
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		f.setting(s, top.Content[i].Value, resolve(top.Content[i+1]))
	}
	return s
}

// setting takes one key; those that do not matter here are pnpm's to judge.
func (f *finder) setting(s *settings, key string, v *yaml.Node) {
	switch key {
	case "packages":
		for _, t := range f.texts(key, v) {
			p, err := compile(t.text)
			if err != nil {
				f.fault(t.at.Cannot("use pattern %q: %w", t.text, err).WithHint("name folders below the root, such as packages/*"))
				continue
			}
			s.packages = append(s.packages, p)
		}
	case "catalog":
		s.catalogs["default"] = f.table(key, v)
	case "catalogs":
		for i := 0; v.Kind == yaml.MappingNode && i+1 < len(v.Content); i += 2 {
			s.catalogs[v.Content[i].Value] = f.table(key, resolve(v.Content[i+1]))
		}
	case "patchedDependencies":
		for i := 0; v.Kind == yaml.MappingNode && i+1 < len(v.Content); i += 2 {
			s.patches = append(s.patches, f.texts(key, resolve(v.Content[i+1]))...)
		}
	case "pnpmfile":
		s.hookFiles = f.texts(key, v)
	case "linkWorkspacePackages":
		s.linkRanges = v.Value == "true" || v.Value == "deep"
	case "sharedWorkspaceLockfile":
		s.ownLocks = v.Value == "false"
	}
}

// texts gives one text, or a sequence of them.
func (f *finder) texts(key string, v *yaml.Node) []named {
	items := []*yaml.Node{v}
	if v.Kind == yaml.SequenceNode {
		items = v.Content
	}
	var out []named
	for _, item := range items {
		item = resolve(item)
		switch {
		case item.ShortTag() == "!!null" && item == v:
		case item.Kind != yaml.ScalarNode || item.ShortTag() == "!!null":
			f.fault(where(item).Cannot("use this in %s: it is not a text", key))
		default:
			out = append(out, named{item.Value, where(item)})
		}
	}
	return out
}

// table gives a mapping of texts.
func (f *finder) table(key string, v *yaml.Node) map[string]string {
	out := map[string]string{}
	for i := 0; v.Kind == yaml.MappingNode && i+1 < len(v.Content); i += 2 {
		for _, t := range f.texts(key, resolve(v.Content[i+1])) {
			out[v.Content[i].Value] = t.text
		}
	}
	return out
}

// resolve gives what an alias stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func where(n *yaml.Node) fault.Position {
	return fault.Position{File: settingsFile, Line: n.Line, Column: n.Column}
}

func yamlFault(err error) *fault.Fault {
	at := fault.Position{File: settingsFile}
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		return at.Cannot("read it as YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	at.Line, at.Column = le.Mark.Line, le.Mark.Column
	return at.Cannot("read it as YAML: %s", le.Message)
}
