package workspace

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/sandwright/sandwright/internal/fault"
)

const (
	manifestFile = "package.json"
	settingsFile = "pnpm-workspace.yaml"
	lockFile     = "pnpm-lock.yaml"

	maxFile    = 16 << 20 // bytes of one file that is read
	maxMembers = 10_000
)

// Find discovers the pnpm workspace whose root is the root of tree. It gives
// every fault at once. Folders that are links are not searched.
func Find(tree fs.FS) (*Workspace, error) {
	f := &finder{tree: tree, inputs: map[string][]byte{}}
	root := f.manifest(".")
	settings := f.settings()
	if root == nil {
		return nil, f.faults.Err()
	}
	ws := &Workspace{Manager: f.manager(root), LockFile: lockFile}
	members := []*manifest{root}
	for _, dir := range f.search(settings.packages) {
		if m := f.manifest(dir); m != nil {
			members = append(members, m)
		}
	}
	g := newGraph(members, settings)
	for _, m := range members {
		ws.Packages = append(ws.Packages, Package{
			Name: m.name, Dir: m.dir, Depends: g.depends(m), Hooks: f.hooks(m),
		})
	}
	f.collect(g, settings)
	for p, data := range f.inputs {
		ws.Inputs = append(ws.Inputs, Input{Path: p, Data: data})
	}
	slices.SortFunc(ws.Inputs, func(a, b Input) int { return cmp.Compare(a.Path, b.Path) })
	if err := f.faults.Err(); err != nil {
		return nil, err
	}
	return ws, nil
}

// ManagerOf gives the package manager that the package.json in the root of tree
// names; none where there is no such file.
func ManagerOf(tree fs.FS) (Manager, error) {
	f := &finder{tree: tree, inputs: map[string][]byte{}}
	if !f.exists(manifestFile) {
		return Manager{}, nil
	}
	root := f.manifest(".")
	if root == nil {
		return Manager{}, f.faults.Err()
	}
	m := f.manager(root)
	return m, f.faults.Err()
}

// A finder reads the tree and collects what is wrong with it.
type finder struct {
	tree   fs.FS
	inputs map[string][]byte
	faults fault.List
}

func (f *finder) fault(x *fault.Fault) { f.faults = append(f.faults, x) }

// read gives a whole file; ok is false when it is not there. A file that
// cannot be read, or is too large, is a fault.
func (f *finder) read(p string) (data []byte, ok bool) {
	file, err := f.tree.Open(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		f.fault(unreadable(p, err))
		return nil, false
	}
	defer file.Close()
	data, err = io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		f.fault(unreadable(p, err))
	case len(data) > maxFile:
		f.fault(fault.Position{File: p}.Cannot("read it: it is larger than 16 MiB"))
	default:
		return data, true
	}
	return nil, false
}

// unreadable is the fault of a file, without naming it twice.
func unreadable(p string, err error) *fault.Fault {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fault.Position{File: p}.Cannot("read it: %w", err)
}

func (f *finder) exists(p string) bool {
	info, err := fs.Stat(f.tree, p)
	return err == nil && info.Mode().IsRegular()
}

// search gives the folders, but for the root, that the patterns name and that
// hold a manifest, sorted.
func (f *finder) search(patterns []pattern) []string {
	var dirs []string
	if len(patterns) == 0 {
		return nil
	}
	todo := []string{"."}
	for len(todo) > 0 {
		dir := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if dir != "." && matchAny(patterns, dir) && f.member(dir) {
			dirs = append(dirs, dir)
		}
		list, err := fs.ReadDir(f.tree, dir)
		if err != nil {
			f.fault(fault.Position{File: dir}.Cannot("search it for packages: %w", err))
		}
		for _, e := range list {
			if e.IsDir() && !ignored(e.Name()) {
				todo = append(todo, path.Join(dir, e.Name()))
			}
		}
	}
	if len(dirs) > maxMembers {
		f.fault(fault.Position{File: settingsFile}.Cannot("use %d packages: a workspace has at most %d", len(dirs), maxMembers))
		dirs = nil
	}
	slices.Sort(dirs)
	return dirs
}

// ignored names the folders that pnpm never searches, and git's.
func ignored(name string) bool {
	return name == "node_modules" || name == "bower_components" || name == ".git"
}

// member says whether a folder holds a manifest. The two formats that only
// pnpm reads are refused, not overlooked.
func (f *finder) member(dir string) bool {
	if f.exists(path.Join(dir, manifestFile)) {
		return true
	}
	for _, other := range []string{"package.json5", "package.yaml"} {
		if p := path.Join(dir, other); f.exists(p) {
			f.fault(fault.Position{File: p}.Cannot("read it: a manifest must be JSON").
				WithHint("write it as %s", path.Join(dir, manifestFile)))
		}
	}
	return false
}
