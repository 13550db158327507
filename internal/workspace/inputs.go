package workspace

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/sandwright/sandwright/internal/fault"
)

// maxShebang is as far as the kernel looks for what runs a script.
const maxShebang = 256

// collect gathers what an install reads: the lock, settings, hook files,
// patches, local packages, and of each member the normalised manifest and the
// first lines of its commands. It gives the name of the lock file.
func (f *finder) collect(g *graph, s *settings) (lock string) {
	root, before := g.members[0], len(f.faults)
	if lock = f.lockFile(f.manages.Name); lock == "" {
		file, command := written(f.manages.Name)
		lock = file
		f.fault(fault.Position{File: lock}.Cannot("find it: an install needs it").
			WithHint("run: %s, and commit %s, or stage it where git ignores it by include: [%s]", command, lock, lock))
	} else if f.input(lock); len(f.faults) == before {
		f.checkLock(lock)
	}
	if f.manages.Kind == YarnClassic && len(f.faults) == before && len(f.inputs[lock]) > 0 {
		f.classicHeld(g, lock)
	}
	for _, file := range f.manages.Kind.configFiles() {
		f.input(file)
	}
	for _, h := range slices.Concat(s.hookFiles, f.npmrcHooks(), s.patches, root.patches()) {
		f.needed(h, h.text)
	}
	for _, dir := range s.folders {
		f.folder(dir, path.Clean(dir.text))
	}
	if f.manages.Kind == Yarn && f.isFolder(".yarn/patches") {
		f.folder(named{}, ".yarn/patches")
	}
	f.forced(root, s)
	g.askLock(f.inputs[lock])
	for _, m := range g.members {
		f.inputs[m.path] = m.normalise(f.manages.Kind, g.keepsVersion(m), f.early)
		f.links[m.path] = true
		if s.ownLocks {
			f.input(path.Join(m.dir, lock))
		}
		f.local(m)
		f.commands(m)
		if f.early {
			f.hookFiles(m)
		}
	}
	return lock
}

// checkLock refuses a lock file of the other yarn, or of a time before locks
// could be held to.
func (f *finder) checkLock(lock string) {
	berry := bytes.Contains(f.inputs[lock], []byte("\n__metadata:"))
	if f.manages.Name == "yarn" && len(f.inputs[lock]) > 0 && berry != (f.manages.Kind == Yarn) {
		f.fault(fault.Position{File: lock}.Cannot("install with %s: another yarn has written it", f.manages.Kind).
			WithHint("run: yarn install, and commit %s", lock))
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
	var out []named
	for field, table := range map[string]map[string]any{"pnpm": m.table("pnpm"), "patchedDependencies": m.fields} {
		files, _ := table["patchedDependencies"].(map[string]any)
		for _, key := range sortedKeys(files) {
			if text, ok := files[key].(string); ok {
				out = append(out, named{text, m.at(m.offsets[field])})
			}
		}
	}
	return out
}

// npmrcHooks gives the hook file that .npmrc names.
func (f *finder) npmrcHooks() (out []named) {
	f.npmrc(func(key string, value named) {
		if key == "pnpmfile" {
			out = append(out, value)
		}
	})
	return out
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
	if _, have := f.inputs[p]; have || !fs.ValidPath(p) || !inside(m.dir, p) || !f.exists(p) {
		return
	}
	if data, ok := f.head(p); ok {
		f.inputs[p] = data
		f.links[p] = true
	}
	// pnpm alone makes a launcher, which starts a command by its first line.
	info, err := fs.Stat(f.tree, p)
	if err == nil && info.Mode().Perm()&0o111 == 0 && f.manages.Kind != PNPM {
		f.plain = append(f.plain, p)
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
