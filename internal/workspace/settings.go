package workspace

import (
	"bytes"
	"cmp"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"go.yaml.in/yaml/v4"
)

// Settings are what is used of the package manager's configuration.
type settings struct {
	packages    []pattern
	catalogs    map[string]map[string]string // "default" is the one without a name
	overrides   map[string]string            // of pnpm-workspace.yaml
	patches     []named
	hookFiles   []named // files that the package manager runs, which are not at their default place
	folders     []named // whose files it reads
	inOrder     bool    // a pattern takes back what an earlier one refused
	linkRanges  bool    // plain ranges may be met by members too
	ownLocks    bool    // each member has a lock of its own
	plugAndPlay bool
	configures  bool      // there are configDependencies
	node        []Runtime // that pnpm is told to fetch by itself
}

// A named is a text of a file and where it stands.
type named struct {
	text string
	at   fault.Position
}

// settings reads how the package manager is configured, and where its packages are.
func (f *finder) settings(root *manifest) *settings {
	s := &settings{catalogs: map[string]map[string]string{}, linkRanges: f.manages.Kind != PNPM}
	if f.manages.Kind == PNPM {
		s.linkRanges = f.manages.before(9)
		if f.manages.before(11) {
			f.npmrcSettings(s)
		}
		// Without the file the root is the only package.
		f.mapping(settingsFile, func(key string, v *yaml.Node) { f.setting(s, key, v) })
		return s
	}
	s.packages, s.inOrder = f.patterns(listedBy(root)), f.manages.Kind == NPM
	switch f.manages.Kind {
	case YarnClassic:
		f.yarnrc(s)
	case Yarn:
		s.plugAndPlay = true
		f.mapping(".yarnrc.yml", func(key string, v *yaml.Node) { f.yarnSetting(s, key, v) })
	case Bun:
		bunCatalogs(s, root)
	}
	return s
}

// mapping reads a YAML file that is a mapping, where it is there, and gives
// each key to take.
func (f *finder) mapping(file string, take func(key string, v *yaml.Node)) {
	if !f.input(file) {
		return
	}
	var docs []yaml.Node
	if err := yaml.Load(f.inputs[file], &docs, yaml.WithAllDocuments()); err != nil {
		f.fault(yamlFault(file, err))
		return
	}
	if len(docs) == 0 || docs[0].Content[0].ShortTag() == "!!null" {
		return
	}
	if len(docs) > 1 {
		f.fault(where(file, &docs[1]).Cannot("use a second document: the file holds one").WithHint("remove the line that is ---"))
		return
	}
	top := docs[0].Content[0]
	if top.Kind != yaml.MappingNode {
		f.fault(where(file, top).Cannot("use it: it is not a mapping"))
		return
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		take(top.Content[i].Value, resolve(top.Content[i+1]))
	}
}

// patterns compiles those that name packages.
func (f *finder) patterns(list []named) (out []pattern) {
	for _, t := range list {
		p, err := compile(t.text)
		if err != nil {
			f.fault(t.at.Cannot("use pattern %q: %w", t.text, err).WithHint("name folders below the root, such as packages/*"))
			continue
		}
		out = append(out, p)
	}
	return out
}

// setting takes one key; those that do not matter here are pnpm's to judge.
func (f *finder) setting(s *settings, key string, v *yaml.Node) {
	switch key {
	case "packages":
		s.packages = f.patterns(f.texts(settingsFile, key, v))
	case "catalog", "catalogs":
		f.catalogs(s, settingsFile, key, v)
	case "overrides":
		s.overrides = f.table(settingsFile, key, v)
	case "patchedDependencies":
		for i := 0; v.Kind == yaml.MappingNode && i+1 < len(v.Content); i += 2 {
			s.patches = append(s.patches, f.texts(settingsFile, key, resolve(v.Content[i+1]))...)
		}
	case "configDependencies":
		s.configures = len(v.Content) > 0
	case "pnpmfile":
		s.hookFiles = f.texts(settingsFile, key, v)
	case "linkWorkspacePackages":
		s.linkRanges = v.Value == "true" || v.Value == "deep"
	case "sharedWorkspaceLockfile":
		s.ownLocks = v.Value == "false"
	}
}

// npmrcSettings takes those that pnpm has in .npmrc up to version 10.
func (f *finder) npmrcSettings(s *settings) {
	f.input(".npmrc")
	f.npmrc(func(key string, value named) {
		switch key {
		case "link-workspace-packages":
			s.linkRanges = value.text == "true" || value.text == "deep"
		case "shared-workspace-lockfile":
			s.ownLocks = value.text == "false"
		case "use-node-version":
			s.node = []Runtime{{Name: "node", Range: value.text, Must: true, At: value.at}}
		}
	})
}

// npmrc gives each key and value of .npmrc to take.
func (f *finder) npmrc(take func(key string, value named)) {
	line := 0
	for text := range bytes.Lines(f.inputs[".npmrc"]) {
		line++
		if key, value, ok := strings.Cut(string(text), "="); ok {
			take(strings.TrimSpace(key), named{strings.Trim(strings.TrimSpace(value), `"'`), fault.Position{File: ".npmrc", Line: line}})
		}
	}
}

// before tells whether the version, or what is said of it, is of a major before
// one. It is false where nothing is said.
func (m Manager) before(major int) bool {
	digits := regexp.MustCompile(`\d+`).FindString(cmp.Or(m.Version, m.Range, m.Fits))
	n, err := strconv.Atoi(digits)
	return err == nil && n < major
}

// catalogs reads one catalog, or several by name.
func (f *finder) catalogs(s *settings, file, key string, v *yaml.Node) {
	if key == "catalog" {
		s.catalogs["default"] = f.table(file, key, v)
		return
	}
	for i := 0; v.Kind == yaml.MappingNode && i+1 < len(v.Content); i += 2 {
		s.catalogs[v.Content[i].Value] = f.table(file, key, resolve(v.Content[i+1]))
	}
}

// texts gives one text, or a sequence of them.
func (f *finder) texts(file, key string, v *yaml.Node) []named {
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
			f.fault(where(file, item).Cannot("use this in %s: it is not a text", key))
		default:
			out = append(out, named{item.Value, where(file, item)})
		}
	}
	return out
}

// table gives a mapping of texts.
func (f *finder) table(file, key string, v *yaml.Node) map[string]string {
	out := map[string]string{}
	for i := 0; v.Kind == yaml.MappingNode && i+1 < len(v.Content); i += 2 {
		for _, t := range f.texts(file, key, resolve(v.Content[i+1])) {
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

func where(file string, n *yaml.Node) fault.Position {
	return fault.Position{File: file, Line: n.Line, Column: n.Column}
}

func yamlFault(file string, err error) *fault.Fault {
	at := fault.Position{File: file}
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		return at.Cannot("read it as YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	at.Line, at.Column = le.Mark.Line, le.Mark.Column
	return at.Cannot("read it as YAML: %s", le.Message)
}
