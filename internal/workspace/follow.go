package workspace

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	maxFollowed     = 500     // files that the scripts of one package lead to
	maxFollowedSize = 1 << 20 // bytes of one that is searched for what it names
)

// follow gives the files of the tree that start and what they import by a relative
// path lead to, and the text of those that are scripts. It is bounded, and sees
// imports alone that are written out.
func (f *finder) follow(start []string) (found []string, texts []string) {
	seen := map[string]bool{}
	for todo := slices.Clone(start); len(todo) > 0 && len(seen) < maxFollowed; todo = todo[1:] {
		p := todo[0]
		if seen[p] {
			continue
		}
		seen[p] = true
		found = append(found, p)
		text, ok := f.script(p)
		if !ok {
			continue
		}
		texts = append(texts, text)
		for _, name := range imports(text) {
			if to := f.resolve(path.Join(path.Dir(p), name)); to != "" {
				todo = append(todo, to)
			}
		}
		if isShell(p, text) {
			todo = append(todo, f.namedFiles(path.Dir(p), text)...)
			todo = append(todo, f.namedFiles(".", text)...)
		}
	}
	slices.Sort(found)
	return found, texts
}

// script reads a file that may import others.
func (f *finder) script(p string) (text string, ok bool) {
	info, err := fs.Stat(f.tree, p)
	if err != nil || info.Size() > maxFollowedSize {
		return "", false
	}
	data, ok := f.read(p)
	text = string(data)
	return text, ok && (isShell(p, text) || strings.HasPrefix(text, "#!") || slices.Contains(scriptEndings(), path.Ext(p)))
}

func scriptEndings() []string {
	return []string{".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx"}
}

func isShell(p, text string) bool {
	first, _, _ := strings.Cut(text, "\n")
	return strings.HasSuffix(p, ".sh") || strings.HasSuffix(p, ".bash") || strings.HasPrefix(first, "#!") && strings.HasSuffix(strings.TrimSpace(first), "sh")
}

// imports are the relative paths that a script imports or requires.
func imports(text string) (names []string) {
	written := regexp.MustCompile(`(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire(?:\.resolve)?\s*\(\s*)["'](\.\.?/[^"'\n]*)["']`)
	for _, m := range written.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

// resolve gives the file that an import means, as node and TypeScript do.
func (f *finder) resolve(p string) string {
	if !fs.ValidPath(p) {
		return ""
	}
	tries := []string{p}
	if ts, ok := map[string]string{".js": ".ts", ".mjs": ".mts", ".cjs": ".cts", ".jsx": ".tsx"}[path.Ext(p)]; ok {
		tries = append(tries, strings.TrimSuffix(p, path.Ext(p))+ts)
	}
	for _, ending := range append(scriptEndings(), ".json") {
		tries = append(tries, p+ending)
	}
	for _, ending := range scriptEndings() {
		tries = append(tries, path.Join(p, "index"+ending))
	}
	if i := slices.IndexFunc(tries, f.exists); i >= 0 {
		return tries[i]
	}
	return ""
}

// words are those of shell text.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'`;&|()<>=,{}", r) })
}

// namedFiles are the files of the tree that words of a command in dir name, in
// their order.
func (f *finder) namedFiles(dir, text string) (files []string) {
	for _, word := range words(text) {
		p := path.Join(dir, word)
		if !strings.HasPrefix(word, "/") && fs.ValidPath(p) && f.exists(p) {
			files = append(files, p)
		}
	}
	return files
}
