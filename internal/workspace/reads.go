package workspace

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// reads gives what the lifecycle scripts of m name beside m itself and the
// members that it depends on: files and folders, sorted; just the root where a
// script runs over the workspace as a whole. It is what a reader of the commands
// would take them to read: the files they name, what those import, the members
// and their folders that either speaks of.
func (f *finder) reads(m *manifest, g *graph) []string {
	commands := m.commandsOf(f.hooks(m))
	if len(commands) == 0 {
		return nil
	}
	text := strings.Join(commands, "\n")
	files, texts := f.follow(f.namedFiles(m.dir, text))
	if slices.ContainsFunc(commands, g.overAll(m)) || slices.ContainsFunc(texts, f.speaksOfAll) {
		return []string{"."}
	}
	found := map[string]bool{}
	add := func(p string) {
		for _, p := range []string{p, g.owner(p)} {
			if p != "." && fs.ValidPath(p) && p != m.dir && (m.dir == "." || !inside(m.dir, p)) {
				found[p] = true
			}
		}
	}
	for _, p := range files {
		add(p)
	}
	for _, word := range words(text) {
		if to := g.byName[word]; to != nil {
			add(to.dir)
		}
		word, _, _ = strings.Cut(word, "*")
		if p := path.Join(m.dir, word); word != "" && fs.ValidPath(p) && f.isFolder(p) && !strings.HasPrefix(word, "/") {
			add(p)
		}
	}
	for _, top := range g.tops() {
		if slices.ContainsFunc(texts, regexp.MustCompile(`["'\x60/ (]`+regexp.QuoteMeta(top)+`["'\x60/]`).MatchString) {
			add(top)
		}
	}
	return sortedKeys(found)
}

// commandsOf are the commands of scripts, and of those that they run by name.
func (m *manifest) commandsOf(names []string) (commands []string) {
	for _, name := range m.reached(names) {
		text, _ := m.table("scripts")[name].(string)
		commands = append(commands, strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";&|\n()", r) })...)
	}
	return commands
}

// reached are scripts, those that they run by name, and what runs before and after these.
func (m *manifest) reached(names []string) (all []string) {
	scripts := m.table("scripts")
	for todo := slices.Clone(names); len(todo) > 0; todo = todo[1:] {
		text, _ := scripts[todo[0]].(string)
		if text == "" || slices.Contains(all, todo[0]) {
			continue
		}
		all = append(all, todo[0])
		for _, word := range words(text) {
			if _, ok := scripts[word]; ok {
				todo = append(todo, "pre"+word, word, "post"+word)
			}
		}
	}
	return all
}

// overAll tells of a command of m that it is run for the members at large: by the
// package manager, or by a program that does nothing else.
func (g *graph) overAll(m *manifest) func(command string) bool {
	runners := []string{"turbo", "nx", "lerna", "rush", "moon", "lage", "preconstruct", "manypkg", "ultra", "wsrun", "wireit", "syncpack", "sherif"}
	managers := []string{"pnpm", "npm", "yarn", "bun", "npx", "pnpx", "bunx"}
	at := []string{"-r", "--recursive", "recursive", "multi", "-ws", "--workspaces", "workspaces"}
	some := []string{"-F", "--filter", "--workspace", "-w", "workspace"}
	return func(command string) bool {
		all := words(command)
		for i, word := range all {
			if slices.Contains(runners, path.Base(word)) {
				return true
			}
			builds := (path.Base(word) == "tsc" || path.Base(word) == "vue-tsc") && m.dir == "."
			if builds && slices.ContainsFunc(all[i:], func(w string) bool { return w == "-b" || w == "--build" }) {
				return true
			}
		}
		if !slices.ContainsFunc(all, func(w string) bool { return slices.Contains(managers, w) }) {
			return false
		}
		for i, word := range all {
			named := i+1 < len(all) && (g.byName[all[i+1]] != nil || g.byDir[path.Join(m.dir, all[i+1])] != nil)
			if slices.Contains(at, word) || slices.Contains(some, word) && !named {
				return true
			}
		}
		return false
	}
}

// speaksOfAll tells of a script's file that it looks for the members itself, or
// runs a command for all of them.
func (f *finder) speaksOfAll(text string) bool {
	const runs = `\b(?:pnpm|npm|yarn|bun)\b[^\n]*(?:\s|["'])(?:-r|--recursive|recursive|-ws|--workspaces|workspaces|--filter)\b`
	const finds = `pnpm-workspace\.yaml|\.workspaces\b|["'\x60]workspaces["'\x60]|@manypkg/|find-workspace|get-monorepo-packages|\*\*/package\.json|/\*/package\.json`
	const runners = `["'\x60 /](?:turbo|nx|lerna|rush)["'\x60 ]`
	return regexp.MustCompile(runs + "|" + finds + "|" + runners).MatchString(text)
}

// owner is the folder of the member that a path is in.
func (g *graph) owner(p string) string {
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if g.byDir[dir] != nil {
			return dir
		}
	}
	return "."
}

// tops are the top folders that have members in them, sorted.
func (g *graph) tops() (tops []string) {
	for dir := range g.byDir {
		if top, _, _ := strings.Cut(dir, "/"); top != "." {
			tops = append(tops, top)
		}
	}
	slices.Sort(tops)
	return slices.Compact(tops)
}
