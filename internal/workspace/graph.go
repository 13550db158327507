package workspace

import (
	"path"
	"slices"
	"strings"
)

// A graph knows the members by name and by folder.
type graph struct {
	members  []*manifest
	byName   map[string]*manifest
	byDir    map[string]*manifest
	settings *settings
	kind     Kind
	asked    map[string]bool // names that some member asks for by a range of versions
}

func newGraph(kind Kind, members []*manifest, s *settings) *graph {
	g := &graph{members: members, byName: map[string]*manifest{}, byDir: map[string]*manifest{}, settings: s, kind: kind, asked: map[string]bool{}}
	for _, m := range members {
		g.byDir[m.dir] = m
		if m.name != "" {
			g.byName[m.name] = m
		}
		g.ask(m)
	}
	return g
}

// dependencyFields are the fields that list dependencies.
func dependencyFields() []string {
	return []string{"dependencies", "devDependencies", "optionalDependencies", "peerDependencies"}
}

// depends gives the names of the members that m links to, sorted. Peers are
// the choice of whoever depends on m.
func (g *graph) depends(m *manifest) []string {
	var names []string
	for _, field := range dependencyFields()[:3] {
		for alias, spec := range m.table(field) {
			if to := g.target(m, alias, spec.(string)); to != nil && to != m && to.name != "" {
				names = append(names, to.name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// target gives the member that one dependency of m links to, or nil.
func (g *graph) target(m *manifest, alias, spec string) *manifest {
	if name, ok := strings.CutPrefix(spec, "catalog:"); ok {
		if name == "" {
			name = "default"
		}
		spec = g.settings.catalogs[name][alias]
	}
	kind, rest, _ := strings.Cut(spec, ":")
	switch kind {
	case "link", "file", "portal":
		return g.byDir[path.Join(m.dir, rest)]
	case "workspace":
		if strings.HasPrefix(rest, ".") {
			return g.byDir[path.Join(m.dir, rest)]
		}
		if name, ok := cutLast(rest, "@"); ok {
			return g.byName[name]
		}
		return g.byName[alias]
	}
	if g.settings.linkRanges {
		return g.byName[alias]
	}
	return nil
}

// ask notes whom m asks for by a range that a version must meet, so that an
// install may compare the two.
func (g *graph) ask(m *manifest) {
	for _, field := range dependencyFields() {
		for alias, spec := range m.table(field) {
			text := spec.(string)
			if rest, ok := strings.CutPrefix(text, "workspace:"); ok && !g.judges(rest) || g.anyOf(text) {
				continue
			}
			g.asked[alias] = true
			if name, ok := strings.CutPrefix(text, "npm:"); ok {
				name, _ = cutLast(name, "@")
				g.asked[name] = true
			}
		}
	}
}

// judges tells whether a member is held against what follows workspace:.
func (g *graph) judges(rest string) bool {
	return (g.kind == Yarn || g.kind == Bun) && !slices.Contains([]string{"", "*", "^", "~"}, rest) && !strings.HasPrefix(rest, ".")
}

// keepsVersion tells whether the version of m can change an install: when
// somebody asks for it by a range, or it is one that few ranges hold for.
func (g *graph) keepsVersion(m *manifest) bool {
	version, _ := m.fields["version"].(string)
	return g.asked[m.name] || g.kind != PNPM && strings.Contains(version, "-")
}

// anyOf tells whether a range holds for the version that stands for any.
func (g *graph) anyOf(text string) bool {
	return g.kind != PNPM && (text == "*" || text == "")
}

// cutLast cuts at the last sep that is not at the start, as names may begin with @.
func cutLast(s, sep string) (before string, found bool) {
	if i := strings.LastIndex(s, sep); i > 0 {
		return s[:i], true
	}
	return s, false
}
