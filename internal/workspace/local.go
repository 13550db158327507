package workspace

import (
	"io/fs"
	"net/url"
	"path"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// local adds what the dependencies of m install from that lies in the tree.
func (f *finder) local(m *manifest) {
	for _, field := range dependencyFields()[:3] {
		table := m.table(field)
		for _, alias := range sortedKeys(table) {
			text, _ := table[alias].(string)
			f.localOf(m.dir, named{text, m.at(m.offsets[field])})
		}
	}
}

// forced adds what the root's overrides and resolutions install from.
func (f *finder) forced(root *manifest, s *settings) {
	for _, alias := range sortedKeys(s.overrides) {
		f.localOf(".", named{s.overrides[alias], fault.Position{File: settingsFile}})
	}
	for field, value := range map[string]any{
		"overrides": root.fields["overrides"], "resolutions": root.fields["resolutions"], "pnpm": root.table("pnpm")["overrides"],
	} {
		f.forcedBy(value, root.at(root.offsets[field]))
	}
}

// forcedBy looks into a table of overrides, which may hold tables.
func (f *finder) forcedBy(value any, at fault.Position) {
	switch v := value.(type) {
	case string:
		f.localOf(".", named{v, at})
	case map[string]any:
		for _, key := range sortedKeys(v) {
			f.forcedBy(v[key], at)
		}
	}
}

// localOf adds what one dependency of the package in dir installs from: a
// tarball, the files of a folder that is copied, the manifest of one that is
// linked and has dependencies of its own, or a patch.
func (f *finder) localOf(dir string, by named) {
	kind, rest := localSpec(by.text)
	switch kind {
	case "patch":
		f.patch(dir, by)
		return
	case "file", "portal":
	default:
		return
	}
	p := path.Join(dir, rest)
	switch {
	case path.IsAbs(rest):
		f.needed(by, rest)
	case !fs.ValidPath(p) || !f.isFolder(p):
		f.needed(by, p)
	case kind == "portal" || f.manages.Kind == NPM:
		f.linked(by, p)
	default:
		f.folder(by, p)
	}
}

// localSpec reads a dependency that lies in the tree. A path alone is meant as file:.
func localSpec(text string) (kind, rest string) {
	for _, start := range []string{"./", "../"} {
		if strings.HasPrefix(text, start) {
			return "file", text
		}
	}
	kind, rest, _ = strings.Cut(text, ":")
	if kind == "file" {
		rest = strings.TrimPrefix(rest, "//")
	}
	// Berry's locks add what the path is relative to.
	rest, _, _ = strings.Cut(rest, "::")
	return kind, rest
}

// patch adds the patch files of a dependency of yarn's, as in
// patch:NAME@npm%3A1.0.0#~/.yarn/patches/NAME.patch. A ~ is the root, and
// builtin<NAME> comes with yarn.
func (f *finder) patch(dir string, by named) {
	_, files, _ := strings.Cut(by.text, "#")
	files, _, _ = strings.Cut(files, "::")
	for file := range strings.SplitSeq(files, "&") {
		if plain, err := url.QueryUnescape(file); err == nil {
			file = plain
		}
		file = strings.TrimPrefix(file, "optional!")
		if below, ok := strings.CutPrefix(file, "~/"); ok {
			f.needed(by, below)
		} else if file != "" && !strings.HasPrefix(file, "~") && !strings.Contains(file, "<") {
			f.needed(by, path.Join(dir, file))
		}
	}
}

// linked adds a folder that is linked although it is no member: it is installed
// for as one, with what it depends on.
func (f *finder) linked(by named, dir string) {
	p := path.Join(dir, manifestFile)
	if _, have := f.inputs[p]; have {
		return
	}
	if !f.exists(p) {
		f.needed(by, p)
		return
	}
	if m := f.manifest(dir); m != nil {
		f.inputs[p] = m.normalise(f.manages.Kind, true, false)
		f.local(m)
		f.commands(m)
	}
}

func (f *finder) isFolder(p string) bool {
	info, err := fs.Stat(f.tree, p)
	return err == nil && info.IsDir()
}

// folder adds every file of a folder that is installed by copying.
func (f *finder) folder(by named, dir string) {
	err := fs.WalkDir(f.tree, dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && f.ignored(d.Name()):
			return fs.SkipDir
		case d.Type().IsRegular():
			f.needed(by, p)
		}
		return nil
	})
	if err != nil {
		f.fault(by.at.Cannot("read %s: %w", by.text, err))
	}
}
