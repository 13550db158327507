package workspace

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

const (
	manifestFile = "package.json"
	settingsFile = "pnpm-workspace.yaml"

	maxFile    = 16 << 20 // bytes of one file that is read
	maxMembers = 10_000
)

// Find discovers the workspace at o.Dir of tree, and those nested in it. A
// folder without a package.json is one where nothing is installed. It gives
// every fault at once. Folders that are links are not searched.
func Find(tree fs.FS, o Options) (*Workspace, error) {
	ws, faults := find(tree, o)
	for _, n := range o.Nested {
		sub, err := fs.Sub(tree, n.Dir)
		if info, statErr := fs.Stat(tree, n.Dir); err != nil || statErr != nil || !info.IsDir() {
			faults = append(faults, n.At.Cannot("find the workspace's folder %s", n.Dir).WithHint("name a folder below the root"))
			continue
		}
		one, more := find(sub, n)
		if one != nil && one.Manager.Name == "" && n.Manager != None && len(more) == 0 {
			more = fault.List{n.At.Cannot("install %s: it has no package.json, or one that asks for nothing", n.Dir)}
		}
		faults = append(faults, below(n, more)...)
		if ws != nil && one != nil {
			one.Dir = n.Dir
			ws.Nested = append(ws.Nested, one)
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return ws, nil
}

// below places faults of a nested workspace in the tree.
func below(n Options, faults fault.List) fault.List {
	for _, f := range faults {
		if f.At.File != n.At.File {
			f.At.File = path.Join(n.Dir, f.At.File)
		}
	}
	return faults
}

// find discovers one workspace, whose root is that of tree.
func find(tree fs.FS, o Options) (*Workspace, fault.List) {
	f := &finder{tree: tree, inputs: map[string][]byte{}, links: map[string]bool{}, early: o.HooksEarly}
	if o.Manager == None || !f.exists(manifestFile) && !f.exists(settingsFile) && o.Manager == "" {
		return &Workspace{Dir: "."}, nil
	}
	root := f.manifest(".")
	if root == nil {
		return nil, f.faults
	}
	ws := &Workspace{Dir: ".", Manager: f.manager(root, o)}
	if f.manages = ws.Manager; ws.Manager.Name == "" && len(f.faults) == 0 {
		return ws, nil
	}
	if ws.Manager.Name == "" { // the rest is checked as of one whose lock is there
		if f.manages = f.anyManager(); f.manages.Name == "" {
			return nil, f.faults
		}
	}
	s := f.settings(root)
	members := f.members(root, s)
	g := newGraph(ws.Manager.Kind, members, s)
	for _, m := range members {
		ws.Packages = append(ws.Packages, Package{
			Name: m.name, Dir: m.dir, Depends: g.depends(m), Hooks: f.hooks(m), Reads: f.reads(m, g),
		})
	}
	ws.HooksSee = f.hooksSee(members, ws.Packages)
	ws.LockFile = f.collect(g, s)
	ws.Commands = slices.Compact(slices.Sorted(slices.Values(f.plain)))
	ws.Runtimes = runtimes(root)
	if len(s.node) > 0 {
		ws.Runtimes, ws.FetchesNode = append(ws.Runtimes, s.node), true
	}
	if ws.Manager.Kind == NPM {
		ws.Built = built(root)
	}
	ws.PlugAndPlay, ws.Configures, ws.Variables = s.plugAndPlay, s.configures, f.variables()
	for p, data := range f.inputs {
		ws.Inputs = append(ws.Inputs, Input{Path: p, Data: data, Links: f.links[p]})
	}
	slices.SortFunc(ws.Inputs, func(a, b Input) int { return cmp.Compare(a.Path, b.Path) })
	return ws, f.faults
}

// members reads the manifests of the packages, the root's first, the others
// sorted by folder. Of yarn, a member may list members of its own.
func (f *finder) members(root *manifest, s *settings) []*manifest {
	have := map[string]bool{".": true}
	found := []*manifest{}
	patterns, from := s.packages, "."
	for todo := []*manifest{}; ; todo = todo[1:] {
		for _, dir := range f.search(from, patterns, s.inOrder) {
			if m := f.member(dir, have); m != nil {
				found, todo = append(found, m), append(todo, m)
			}
		}
		if len(todo) == 0 || f.manages.Kind != Yarn {
			break
		}
		from, patterns = todo[0].dir, f.patterns(listedBy(todo[0]))
		if len(found) > maxMembers {
			break
		}
	}
	if len(found) > maxMembers {
		f.fault(fault.Position{File: f.list()}.Cannot("use %d packages: a workspace has at most %d", len(found), maxMembers))
		found = nil
	}
	slices.SortFunc(found, func(a, b *manifest) int { return cmp.Compare(a.dir, b.dir) })
	return append([]*manifest{root}, found...)
}

func (f *finder) member(dir string, have map[string]bool) *manifest {
	if have[dir] {
		return nil
	}
	have[dir] = true
	return f.manifest(dir)
}

// list is the file that lists the packages.
func (f *finder) list() string {
	if f.manages.Kind == PNPM {
		return settingsFile
	}
	return manifestFile
}

// A finder reads the tree and collects what is wrong with it.
type finder struct {
	tree    fs.FS
	manages Manager
	early   bool // hooks are inputs
	inputs  map[string][]byte
	links   map[string]bool // inputs that only linking reads
	plain   []string        // commands that are not executable
	faults  fault.List
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

// search gives the folders below from, but for itself, that the patterns name
// and that hold a manifest, sorted.
func (f *finder) search(from string, patterns []pattern, inOrder bool) []string {
	var dirs []string
	if len(patterns) == 0 {
		return nil
	}
	todo := []string{from}
	for len(todo) > 0 {
		dir := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if dir != from && matchAny(patterns, strings.TrimPrefix(dir, from+"/"), inOrder) && f.holdsManifest(dir) {
			dirs = append(dirs, dir)
		}
		if dir != from && !reachAny(patterns, strings.TrimPrefix(dir, from+"/")) {
			continue
		}
		list, err := fs.ReadDir(f.tree, dir)
		if err != nil {
			f.fault(fault.Position{File: dir}.Cannot("search it for packages: %w", err))
		}
		for _, e := range list {
			if e.IsDir() && !f.ignored(e.Name()) {
				todo = append(todo, path.Join(dir, e.Name()))
			}
		}
	}
	slices.Sort(dirs)
	return dirs
}

// ignored names the folders that no package manager searches, and git's.
func (f *finder) ignored(name string) bool {
	return name == "node_modules" || name == ".git" || name == "bower_components" && f.manages.Kind == PNPM
}

// holdsManifest says whether a folder holds a manifest. The two formats that
// only pnpm reads are refused, not overlooked.
func (f *finder) holdsManifest(dir string) bool {
	if f.exists(path.Join(dir, manifestFile)) {
		return true
	}
	for _, other := range []string{"package.json5", "package.yaml"} {
		if p := path.Join(dir, other); f.manages.Kind == PNPM && f.exists(p) {
			f.fault(fault.Position{File: p}.Cannot("read it: a manifest must be JSON").
				WithHint("write it as %s", path.Join(dir, manifestFile)))
		}
	}
	return false
}
