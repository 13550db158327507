package workspace

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// classicHeld refuses members that ask for what yarn classic's lock file does not
// have. Yarn itself looks at the root's manifest alone, also with
// --frozen-lockfile, and installs for others whatever version fits on that day.
func (f *finder) classicHeld(g *graph, lock string) {
	have := classicPatterns(f.inputs[lock])
	replaced := map[string]bool{}
	for _, key := range sortedKeys(g.members[0].table("resolutions")) {
		parts := strings.Split(key, "/")
		name := parts[len(parts)-1]
		if len(parts) > 1 && strings.HasPrefix(parts[len(parts)-2], "@") {
			name = parts[len(parts)-2] + "/" + name
		}
		replaced[name] = true
	}
	for _, m := range g.members {
		if private, _ := g.members[0].fields["private"].(bool); m.dir != "." && !private {
			continue // it is no member then
		}
		var absent []string
		field := ""
		for _, of := range dependencyFields()[:3] {
			for _, name := range sortedKeys(m.table(of)) {
				if g.byName[name] == nil && !replaced[name] && !m.held(name, have) {
					absent, field = append(absent, name+"@"+m.table(of)[name].(string)), of
				}
			}
		}
		if len(absent) == 0 {
			continue
		}
		it := "it"
		if slices.Sort(absent); len(absent) > 1 {
			it = "them"
		}
		f.fault(m.cannot(field, "install %s: %s does not have %s", strings.Join(absent, ", "), lock, it).WithHint("run: yarn install, and commit %s", lock))
	}
}

// held tells whether one of the ranges by which m asks for a package is in the
// lock file, or is not one of versions.
func (m *manifest) held(name string, have map[string]bool) bool {
	for _, of := range dependencyFields()[:3] {
		text, ok := m.table(of)[name].(string)
		if !ok {
			continue
		}
		if plain := strings.TrimPrefix(text, "npm:"); text == "" || have[name+"@"+text] || strings.Contains(plain, ":") || plain == text && strings.Contains(plain, "/") {
			return true
		}
	}
	return false
}

// classicPatterns are what the entries of a lock file of yarn classic are for,
// as NAME@RANGE. Its format: an entry starts at the start of a line, with patterns
// between commas, quoted where they have to be, and ends it with a colon.
func classicPatterns(lock []byte) map[string]bool {
	have := map[string]bool{}
	for line := range bytes.Lines(lock) {
		text, entry := strings.CutSuffix(strings.TrimRight(string(line), "\r\n"), ":")
		if !entry || text == "" || strings.ContainsAny(text[:1], " #") {
			continue
		}
		for text != "" {
			one, err := strconv.QuotedPrefix(text)
			if err != nil {
				one, _, _ = strings.Cut(text, ",")
			}
			text = strings.TrimLeft(text[len(one):], ", ")
			if plain, err := strconv.Unquote(one); err == nil {
				one = plain
			}
			have[one] = true
		}
	}
	return have
}
