package workspace

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// maxShebang is as far as the kernel looks for what runs a script.
const maxShebang = 256

// collect gathers what an install reads: the lock, settings, hook files,
// patches, local packages, and of each member the normalised manifest and the
// first lines of its commands.
func (f *finder) collect(g *graph, s *settings) {
	root := g.members[0]
	if before := len(f.faults); !f.input(lockFile) && len(f.faults) == before {
		f.fault(fault.Position{File: lockFile}.Cannot("find it: an install needs it").WithHint("run: pnpm install, and commit %s", lockFile))
	}
	f.input(".npmrc")
	f.input(".pnpmfile.cjs")
	for _, h := range append(s.hookFiles, f.npmrcHooks()...) {
		f.needed(h, h.text)
	}
	for _, p := range append(s.patches, root.patches()...) {
		f.needed(p, p.text)
	}
	for _, m := range g.members {
		f.inputs[m.path] = m.normalise(g.asked[m.name])
		if s.ownLocks {
			f.input(path.Join(m.dir, lockFile))
		}
		f.local(m)
		f.commands(m)
	}
}

// input adds a file byte for byte, where it is there.
func (f *finder) input(p string) bool {
	if _, have := f.inputs[p]; have {
		return true
	}
	data, ok := f.read(p)
	if ok {
		f.inputs[p] = data
	}
	return ok
}

// needed adds a file that something names.
func (f *finder) needed(by named, p string) {
	p = path.Clean(p)
	before := len(f.faults)
	switch {
	case !fs.ValidPath(p):
		f.fault(by.at.Cannot("use %s: it leaves the root of the workspace", by.text).WithHint("move the file into the workspace"))
	case !f.input(p) && len(f.faults) == before:
		f.fault(by.at.Cannot("find %s", by.text).WithHint("commit the file, or remove what names it"))
	}
}

// patches gives the patch files that the root manifest names.
func (m *manifest) patches() []named {
	pnpm := m.table("pnpm")
	table, _ := pnpm["patchedDependencies"].(map[string]any)
	var out []named
	for _, key := range sortedKeys(table) {
		if text, ok := table[key].(string); ok {
			out = append(out, named{text, m.at(m.offsets["pnpm"])})
		}
	}
	return out
}

// npmrcHooks gives the hook file that .npmrc names.
func (f *finder) npmrcHooks() []named {
	var out []named
	line := 0
	for text := range bytes.Lines(f.inputs[".npmrc"]) {
		line++
		key, value, ok := strings.Cut(string(text), "=")
		if ok && strings.TrimSpace(key) == "pnpmfile" {
			value = strings.Trim(strings.TrimSpace(value), `"'`)
			out = append(out, named{value, fault.Position{File: ".npmrc", Line: line}})
		}
	}
	return out
}

// local adds what a file: dependency installs from: a tarball or a folder.
func (f *finder) local(m *manifest) {
	for _, field := range dependencyFields()[:3] {
		table := m.table(field)
		for _, alias := range sortedKeys(table) {
			rest, ok := strings.CutPrefix(table[alias].(string), "file:")
			if !ok {
				continue
			}
			by := named{"file:" + rest, m.at(m.offsets[field])}
			p := path.Join(m.dir, rest)
			if info, err := fs.Stat(f.tree, p); fs.ValidPath(p) && err == nil && info.IsDir() {
				f.folder(by, p)
				continue
			}
			if path.IsAbs(rest) {
				p = rest
			}
			f.needed(by, p)
		}
	}
}

// folder adds every file of a folder that is installed by copying.
func (f *finder) folder(by named, dir string) {
	err := fs.WalkDir(f.tree, dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && ignored(d.Name()):
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

// commands adds a stub for each command of a member that is in the tree. An
// install writes a launcher for it into the packages that depend on the member,
// and reads the command's first line to know with what to launch it; where the
// file is missing it writes none. The source later replaces the stub. A command
// that a build makes has no file here, and pnpm links it only when it installs
// again after the build.
func (f *finder) commands(m *manifest) {
	switch bin := m.fields["bin"].(type) {
	case nil:
		if dirs, _ := m.fields["directories"].(map[string]any); dirs != nil {
			if dir, ok := dirs["bin"].(string); ok {
				f.commandFolder(m, dir)
			}
		}
	case string:
		f.command(m, path.Join(m.dir, bin))
	case map[string]any:
		for _, name := range sortedKeys(bin) {
			if p, ok := bin[name].(string); ok {
				f.command(m, path.Join(m.dir, p))
			}
		}
	}
}

func (f *finder) commandFolder(m *manifest, dir string) {
	dir = path.Join(m.dir, dir)
	if !fs.ValidPath(dir) {
		return
	}
	// A folder that is not there has no commands, as for pnpm.
	_ = fs.WalkDir(f.tree, dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			f.command(m, p)
		}
		return err
	})
}

// command adds the first line of a script that says what runs it.
func (f *finder) command(m *manifest, p string) {
	if _, have := f.inputs[p]; have || !fs.ValidPath(p) || m.dir != "." && !strings.HasPrefix(p, m.dir+"/") || !f.exists(p) {
		return
	}
	if data, ok := f.head(p); ok {
		f.inputs[p] = data
	}
}

// head gives the #! line of a file, or nothing for one without.
func (f *finder) head(p string) ([]byte, bool) {
	buf := make([]byte, maxShebang)
	file, err := f.tree.Open(p)
	n := 0
	if err == nil {
		n, err = io.ReadFull(file, buf)
		file.Close()
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		f.fault(unreadable(p, err))
		return nil, false
	}
	line, _, _ := bytes.Cut(buf[:n], []byte("\n"))
	if !bytes.HasPrefix(line, []byte("#!")) {
		return []byte{}, true
	}
	return append(bytes.TrimRight(line, "\r"), '\n'), true
}
