package plan

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/sandwright/sandwright/internal/workspace"
)

// steps are those of the file, each with what it sees.
func steps(in Inputs) []Step {
	var out []Step
	for _, b := range in.File.Workspace.Build {
		s := Step{Run: b.Run, Network: b.Network, Git: b.Git, SSH: b.SSH, Env: map[string]string{}, Part: Part{Inputs: b.Inputs}}
		if dir := path.Clean(b.Dir); dir != "." {
			s.Dir = dir
		}
		if len(s.Inputs) == 0 && s.Dir != "" {
			s.Inputs = packageInputs(in.Workspace, s.Dir, in.Own)
		}
		for _, o := range b.Outputs {
			s.Outputs = append(s.Outputs, path.Clean(o))
		}
		if len(s.Inputs) > 0 {
			s.Sees = seen(out, s.Inputs)
		}
		s.Secrets = reads(in.File, b.Env, in.BuildEnv, s.Env)
		out = append(out, s)
	}
	return out
}

// packageInputs are the folder of a package, those of the packages of its
// workspace that it depends on, and what is outside the top folders that have
// packages in them, where what all share is configured, but for own; none where
// dir is no package, or the root, which is everything.
func packageInputs(ws *workspace.Workspace, dir string, own []string) []string {
	for _, one := range ws.All() {
		for _, p := range one.Packages {
			if path.Join(one.Dir, p.Dir) == dir && dir != "." {
				return besideOwn(append(outside(ws), withDependencies(one, p)...), own)
			}
		}
	}
	return nil
}

// besideOwn are patterns without own files.
func besideOwn(patterns, own []string) []string {
	for _, name := range own {
		patterns = append(patterns, "!"+literal(name))
	}
	return patterns
}

// withDependencies are the folders of packages and of those that they depend
// on, as patterns, sorted.
func withDependencies(ws *workspace.Workspace, of ...workspace.Package) (patterns []string) {
	byName := map[string]workspace.Package{}
	for _, p := range ws.Packages {
		byName[p.Name] = p
	}
	dirs := map[string]bool{}
	for todo := of; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if dirs[p.Dir] {
			continue
		}
		dirs[p.Dir] = true
		for _, name := range p.Depends {
			todo = append(todo, byName[name])
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if at := path.Join(ws.Dir, dir); at != "." { // else all would be an input
			patterns = append(patterns, literal(at))
		}
	}
	return patterns
}

// outside are patterns of what is in no top folder with packages in it.
func outside(ws *workspace.Workspace) []string {
	var tops []string
	for _, one := range ws.All() {
		for _, p := range one.Packages {
			top, _, _ := strings.Cut(path.Join(one.Dir, p.Dir), "/")
			if top != "." {
				tops = append(tops, "!"+literal(top))
			}
		}
	}
	slices.Sort(tops)
	return append([]string{"*"}, slices.Compact(tops)...)
}

// seen are the earlier steps that leave something that inputs match, or that do
// not say what they leave.
func seen(earlier []Step, inputs []string) []int {
	var out []int
	for i, s := range earlier {
		if len(s.Outputs) == 0 || slices.ContainsFunc(s.Outputs, func(o string) bool { return meets(o, inputs) }) {
			out = append(out, i)
		}
	}
	return out
}

// meets says that inputs match a path, or may match something below it.
func meets(output string, inputs []string) bool {
	m, err := patternmatcher.New(inputs)
	if err != nil {
		return true // the file's check has said so
	}
	if yes, err := m.MatchesOrParentMatches(output); yes || err != nil {
		return true
	}
	return slices.ContainsFunc(inputs, func(text string) bool { return !strings.HasPrefix(text, "!") && deeper(text, output) })
}

// deeper says that a pattern may match something below a path, which it does not
// match itself.
func deeper(pattern, p string) bool {
	names := strings.Split(p, "/")
	for i, part := range strings.Split(path.Clean("/" + pattern)[1:], "/") {
		if part == "**" || i == len(names) {
			return true
		}
		if ok, err := path.Match(part, names[i]); !ok && err == nil {
			return false
		}
	}
	return false
}

// literal is the pattern of a path alone.
func literal(p string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "!", `\!`).Replace(p)
}

// Apart says that a step runs beside the workspace, with its inputs alone. Where
// lifecycle scripts of the workspace's own run over all of its source, which may leave
// anything anywhere, every step runs there.
func (p Plan) Apart(s Step) bool {
	return len(s.Inputs) > 0 && !slices.ContainsFunc(p.Installs, func(in Install) bool { return len(in.Hooks) > 0 && len(in.Inputs) == 0 })
}

// Lift puts what the first steps leave beneath the hot layer, so that another
// edit leaves it alone: as long as a step runs apart and says what it leaves, and neither
// the hot layer, which has or deletes these paths, nor a command that is made
// executable is there. Lifecycle scripts may leave anything anywhere, and come before.
func (p *Plan) Lift(hot []string) {
	for p.Beneath = 0; p.Beneath < len(p.Build); p.Beneath++ {
		s := p.Build[p.Beneath]
		if !p.Apart(s) || len(s.Outputs) == 0 || touchAny(hot, s.Outputs) || touchAny(p.Executable, s.Outputs) ||
			slices.ContainsFunc(p.Installs, func(in Install) bool { return len(in.Hooks) > 0 }) {
			return
		}
	}
}

// TouchesOutputs tells whether one of paths is what a step says that it leaves, in
// it, or above it.
func (p Plan) TouchesOutputs(paths []string) bool {
	return slices.ContainsFunc(p.Build, func(s Step) bool { return touchAny(paths, s.Outputs) })
}

// touchAny says that a path is an output, is in one, or holds one.
func touchAny(paths, outputs []string) bool {
	var folders []string
	for _, o := range outputs {
		folders = append(folders, path.Clean(o)+"/")
	}
	return slices.ContainsFunc(paths, func(p string) bool {
		p += "/"
		return slices.ContainsFunc(folders, func(o string) bool { return o == "./" || strings.HasPrefix(p, o) || strings.HasPrefix(o, p) })
	})
}

// Parts are what the workspaces' own lifecycle scripts see, by their installs, and
// then what the build's steps do.
func (p *Plan) Parts() []*Part {
	var out []*Part
	for i := range p.Installs {
		out = append(out, &p.Installs[i].Part)
	}
	for i := range p.Build {
		out = append(out, &p.Build[i].Part)
	}
	return out
}

// ExecutableIn are the files of p.Executable that a part has.
func (p Plan) ExecutableIn(part Part) []string {
	m, err := patternmatcher.New(part.Inputs)
	return slices.DeleteFunc(slices.Clone(p.Executable), func(file string) bool {
		if len(part.Inputs) == 0 || err != nil {
			return err != nil // the file's check has said so
		}
		yes, err := m.MatchesOrParentMatches(file)
		return !yes || err != nil
	})
}
