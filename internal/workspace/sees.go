package workspace

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"sync"
)

// hooksSee are manifests as lifecycle scripts need them. Most edits of one are of
// scripts that none of them runs: these would run all of them again. There are none where one may
// read any: where a command or a file that it leads to speaks of manifests or package managers,
// or goes to the root, or is of the root and by a program that is not known here.
func (f *finder) hooksSee(members []*manifest, packages []Package) map[string][]byte {
	any, root := false, members[0]
	for _, m := range members {
		commands := m.commandsOf(f.hooks(m))
		any = any || len(commands) > 0
		mayRead := func(command string) bool {
			texts := f.textsOf(m, command)
			return slices.ContainsFunc(texts, readsManifests) || m.mayReadRoot(command, len(texts) > 0) || m.runsOf(root, command)
		}
		if slices.ContainsFunc(commands, mayRead) {
			return nil
		}
	}
	if !any {
		return nil
	}
	out := map[string][]byte{".": root.withScripts(root.reached(f.hooks(root)))}
	for i, m := range members[1:] {
		named := func(p Package) bool {
			return slices.ContainsFunc(p.Reads, func(name string) bool { return name == m.dir || inside(m.dir, name) || inside(name, m.dir) })
		}
		if len(packages[i+1].Hooks) == 0 && !slices.ContainsFunc(packages, named) {
			out[m.dir] = m.withScripts(nil)
		}
	}
	return out
}

// textsOf are those of the scripts that a command of m leads to, also where it leaves out
// how their names end.
func (f *finder) textsOf(m *manifest, command string) []string {
	files := f.namedFiles(m.dir, command)
	for _, word := range words(command) {
		if to := f.resolve(path.Join(m.dir, word)); to != "" {
			files = append(files, to)
		}
	}
	_, texts := f.follow(files)
	return texts
}

// runsOf tells of a command of another member that it may run a script of the root's: every
// workspace can run those of Yarn that have a colon in their names.
func (m *manifest) runsOf(root *manifest, command string) bool {
	all := words(command)
	if m == root || !slices.ContainsFunc(all, isManager) {
		return false
	}
	theirs, own := root.table("scripts"), m.table("scripts")
	return slices.ContainsFunc(all, func(w string) bool {
		return theirs[w] != nil && own[w] == nil || w == "--workspace-root" || w == root.name
	})
}

// A text that speaks of a manifest, of the folder that an install was begun in, which is
// the root's, of a package manager, or of a package that reads manifests.
const (
	speaksOfManifest = `(?i:package[-_.]?json)|[./]package["'\x60]|INIT_CWD|PROJECT_CWD|npm_(?:package|execpath|config_local_prefix)`
	speaksOfManager  = `\b(?:npm|pnpm|yarn|bun|npx|corepack|run-s|run-p|nps|nr)\b|--run\b`
	readsPackages    = `(?i:(?:read|write|load|find)[-_]?(?:pkg|package)\w*|(?:pkg|package)-(?:up|dir|types)\b|@npmcli/)`
)

// readsManifests tells of a script's file that it may read one, or run a command
// that does.
func readsManifests(text string) bool { return textThatReads().MatchString(text) }

// Both are asked of each command: they are compiled once, where there is one.
var (
	textThatReads = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(speaksOfManifest + "|" + speaksOfManager + "|" + readsPackages)
	})
	commandThatReads = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(speaksOfManifest) })
)

// mayReadRoot tells of a command of m that it may read scripts of the root's manifest
// beside those that m's own run by name. What node runs of the root's has to be known.
func (m *manifest) mayReadRoot(command string, known bool) bool {
	all := words(command)
	if commandThatReads().MatchString(command) {
		return true
	}
	if len(all) == 0 {
		return false
	}
	if m.dir != "." {
		return slices.ContainsFunc(all, func(word string) bool { return path.Join(m.dir, word) == "." })
	}
	if slices.Contains([]string{"npx", "pnpx", "bunx"}, all[0]) {
		all = all[1:]
	}
	if len(all) > 1 && isManager(all[0]) {
		if all = all[1:]; all[0] == "run" && len(all) > 1 {
			all = all[1:]
		}
		if _, ok := m.table("scripts")[all[0]]; ok {
			return false
		}
	}
	return len(all) == 0 || !slices.Contains(readNoScripts(), all[0]) || all[0] == "node" && !known
}

func isManager(word string) bool {
	return slices.Contains([]string{"npm", "pnpm", "yarn", "bun"}, word)
}

// readNoScripts are programs that a root's scripts run, and that read no scripts: what
// node runs is looked into.
func readNoScripts() []string {
	return []string{
		"[", "cp", "echo", "exit", "false", "git", "husky", "is-ci", "lefthook", "ln", "mkdir", "mv", "node", "rm", "simple-git-hooks", "test", "touch", "true",
	}
}

// withScripts is m with these of its scripts, in the order of its fields.
func (m *manifest) withScripts(keep []string) []byte {
	names := sortedKeys(m.written)
	slices.SortFunc(names, func(a, b string) int { return m.offsets[a] - m.offsets[b] })
	scripts := map[string]any{}
	for _, name := range keep {
		scripts[name] = m.table("scripts")[name]
	}
	var out bytes.Buffer
	for _, name := range names {
		value := []byte(m.written[name])
		if name == "scripts" {
			value = bytes.TrimSpace(canonical(scripts))
		}
		if name == "scripts" && len(scripts) == 0 {
			continue
		}
		out.WriteString(map[bool]string{true: "{\n  ", false: ",\n  "}[out.Len() == 0])
		key, _ := json.Marshal(name) // a text always encodes
		out.Write(key)
		out.WriteString(": ")
		out.Write(value)
	}
	if out.Len() == 0 {
		out.WriteString("{")
	}
	out.WriteString("\n}\n")
	return out.Bytes()
}
