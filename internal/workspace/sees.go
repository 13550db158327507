package workspace

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
)

// hooksSee is the root's manifest as lifecycle scripts need it. Most edits of it are of
// scripts that none of them runs: these would run all of them again. It is nil where one may
// read any: where a command or a file that it leads to speaks of manifests or package managers,
// or goes to the root, or is of the root and by a program that is not known here.
func (f *finder) hooksSee(members []*manifest) []byte {
	any := false
	for _, m := range members {
		commands := m.commandsOf(f.hooks(m))
		any = any || len(commands) > 0
		_, texts := f.follow(f.namedFiles(m.dir, strings.Join(commands, "\n")))
		if slices.ContainsFunc(texts, readsManifests) || slices.ContainsFunc(commands, m.mayReadRoot) {
			return nil
		}
	}
	if !any {
		return nil
	}
	root := members[0]
	return root.withScripts(root.reached(f.hooks(root)))
}

// A text that speaks of a manifest, of the folder that an install was begun in, which is
// the root's, or of a package manager.
const (
	speaksOfManifest = `package\.json|[./]package["'\x60]|INIT_CWD`
	speaksOfManager  = `\b(?:npm|pnpm|yarn|bun|npx)\b`
)

// readsManifests tells of a script's file that it may read one, or run a command
// that does.
func readsManifests(text string) bool {
	return regexp.MustCompile(speaksOfManifest + "|" + speaksOfManager).MatchString(text)
}

// mayReadRoot tells of a command of m that it may read scripts of the root's manifest
// beside those that m's own run by name.
func (m *manifest) mayReadRoot(command string) bool {
	all := words(command)
	if regexp.MustCompile(speaksOfManifest).MatchString(command) {
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
	if len(all) > 1 && slices.Contains([]string{"npm", "pnpm", "yarn", "bun"}, all[0]) {
		if all = all[1:]; all[0] == "run" && len(all) > 1 {
			all = all[1:]
		}
		if _, ok := m.table("scripts")[all[0]]; ok {
			return false
		}
	}
	return len(all) == 0 || !slices.Contains(readNoScripts(), all[0])
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
