package plan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/workspace"
)

// Names of layers. That of a tool is ToolLayer, of an install InstallLayer, of
// a build step StepLayer.
const (
	LayerBase       = "base"
	LayerUser       = "user"
	LayerSource     = "source"
	LayerHooks      = "lifecycle scripts"
	LayerRepository = "repository"
	LayerServices   = "services"
)

// ToolLayer is the name of a tool's layer.
func ToolLayer(tool string) string { return "tool " + tool }

// InstallLayer is the name of the layer of the install in a folder.
func InstallLayer(dir string) string {
	if dir == "." {
		return "install"
	}
	return "install " + dir
}

// FetchLayer is the name of the layer of what the install in a folder fetches
// apart.
func FetchLayer(dir string) string {
	if dir == "." {
		return "fetch"
	}
	return "fetch " + dir
}

// HooksLayer is the name of the layer of the lifecycle scripts of the workspace
// in a folder.
func HooksLayer(dir string) string {
	if dir == "." {
		return LayerHooks
	}
	return LayerHooks + " of " + dir
}

// StepLayer is the name of the layer of a build step, the first of which is 0.
func StepLayer(i int) string { return "build " + strconv.Itoa(i+1) }

// inputsOf is how people know all that a layer of a command with inputs is made of.
func inputsOf(layer string) string { return "inputs of " + layer }

// What people know as the files that say it.
const (
	fileConfig = config.Name
	fileLock   = lock.Name
)

// Contents are what a plan does not know of an image: bytes.
type Contents struct {
	Lock      *lock.Lock
	Workspace *workspace.Workspace
	// Raw gives the sha256 hex of a file of the tree as it stands.
	Raw        func(path string) string
	Repository map[string]string // parts of what .git is made from -> value
	Init       string            // sha256 hex of sandwright-init
}

// Seal says what each layer of p is made from.
func Seal(p Plan, c Contents) receipt.Receipt {
	s := sealer{p: p, c: c, out: receipt.Receipt{Version: receipt.Version, Name: p.Name, Platform: p.Platform, Target: p.Target, UID: p.User.UID}}
	s.add(LayerBase, nil, nil, baseFacts(c.Lock.Base, p.Platform))
	system := s.tools(UseInstall, LayerBase)
	s.add(LayerUser, system, nil, said(fileConfig, userFacts(p)))
	last := s.build(s.tools(UseBuild, s.installs(LayerUser)))
	if p.Git {
		s.add(LayerRepository, last, nil, said(".git", maps.Clone(c.Repository)))
		last = []string{LayerRepository}
	}
	s.add(LayerServices, s.tools(UseRun, last...), nil, said(fileConfig, serviceFacts(p.Spec)), said("sandwright", map[string]string{"PID 1": receipt.Value(short(c.Init))}))
	return s.out
}

// A sealer collects layers.
type sealer struct {
	p   Plan
	c   Contents
	out receipt.Receipt
}

func (s *sealer) add(name string, on []string, run []receipt.Step, files ...receipt.File) {
	files = slices.DeleteFunc(files, func(f receipt.File) bool { return f.Kind == receipt.Said && len(f.Fields) == 0 })
	slices.SortFunc(files, func(a, b receipt.File) int { return cmp.Compare(a.Path, b.Path) })
	s.out.Layers = append(s.out.Layers, receipt.Layer{Name: name, On: on, Run: run, Files: files})
}

// tools adds the layers of the tools of one use, and gives them after what is
// given.
func (s *sealer) tools(use Use, below ...string) []string {
	for _, t := range s.p.Tools {
		if t.Use != use {
			continue
		}
		a := s.c.Lock.Tools[t.Name].Platforms[s.p.Platform]
		files := []receipt.File{said(fileLock, map[string]string{"tools." + t.Name: receipt.Value(fmt.Sprintf("%s (%s)", a.Version, short(t.Tree)))})}
		if len(t.Check) > 0 {
			files = append(files, said(fileConfig, map[string]string{"tools." + t.Name + ".check": text(t.Check)}))
		}
		s.add(ToolLayer(t.Name), nil, nil, files...)
		below = append(below, ToolLayer(t.Name))
	}
	return below
}

// installs adds the layers of the installs, one on the other, and gives the
// last of them.
func (s *sealer) installs(last string) string {
	for _, in := range s.p.Installs {
		env := map[string]string{}
		for name, value := range in.Env {
			env["env."+name] = receipt.Value(value)
		}
		if len(in.Fetch) > 0 {
			fetched := func(in workspace.Input) bool { return !in.Links }
			s.add(FetchLayer(in.Dir), []string{last}, in.rerunAll(in.Fetch), append(s.inputs(in.Dir, fetched), said("the package manager", env))...)
			last = FetchLayer(in.Dir)
		}
		all := func(workspace.Input) bool { return true }
		s.add(InstallLayer(in.Dir), []string{last}, in.rerunAll(in.Steps), append(s.inputs(in.Dir, all), said("the package manager", env))...)
		last = InstallLayer(in.Dir)
		for _, ws := range s.c.Workspace.All() {
			if ws.Dir == in.Dir {
				l := &s.out.Layers[len(s.out.Layers)-1]
				l.Fields, l.Leaves = workspace.DecidingFields(ws.Manager.Kind), leaves(in, ws, l.Files)
			}
		}
	}
	return last
}

// hooks adds the layers of the workspaces' own lifecycle scripts, where there
// are any, and gives those of them that stand on the install and what they see
// alone, and what the workspace stands on then.
func (s *sealer) hooks(installed, whole []string) (apart, after []string) {
	for _, in := range s.p.Installs {
		layer := HooksLayer(in.Dir)
		switch {
		case len(in.Hooks) == 0:
			continue
		case len(in.Inputs) == 0:
			s.add(layer, whole, []receipt.Step{in.rerun(in.Hooks)})
			whole = []string{layer}
		default:
			files := []receipt.File{s.part(layer, in.Part)}
			for name, data := range in.Manifests {
				fields := map[string]string{"more than its scripts": "#" + short(receipt.SumOf(data))}
				if path.Dir(name) == path.Clean(in.Dir) {
					fields = receipt.FieldsOf(name, data)
				}
				files = append(files, said(name, fields))
			}
			s.add(layer, installed, []receipt.Step{in.rerun(in.Hooks)}, files...)
			apart, whole = append(apart, layer), append(slices.Clone(whole), layer)
		}
	}
	return apart, whole
}

// part is what a command with inputs reads.
func (s *sealer) part(layer string, p Part) receipt.File {
	return receipt.File{Path: inputsOf(layer), Kind: receipt.Tree, Sum: p.Content, Fields: p.Told}
}

// inputs are the files that the install in a folder reads, or some of them, and
// how much of each.
func (s *sealer) inputs(dir string, some func(workspace.Input) bool) (out []receipt.File) {
	for _, ws := range s.c.Workspace.All() {
		if ws.Dir != dir {
			continue
		}
		for _, in := range ws.Inputs {
			if !some(in) {
				continue
			}
			out = append(out, s.input(path.Join(dir, in.Path), in.Data))
		}
	}
	return out
}

func (s *sealer) input(name string, data []byte) receipt.File {
	f := receipt.File{Path: receipt.Name(name), Sum: s.c.Raw(name), Seen: receipt.SumOf(data), Fields: receipt.FieldsOf(name, data)}
	switch {
	case f.Sum == f.Seen:
		f.Seen = ""
	case path.Base(name) == "package.json":
		f.Kind = receipt.Manifest
	default:
		f.Kind = receipt.Head
	}
	return f
}

// build adds the layers of the source and of the build's steps over what was
// installed, and gives those that the result stands on.
func (s *sealer) build(installed []string) []string {
	whole := installed
	for _, l := range s.p.Source {
		s.add(SourceLayerName(l), whole, nil, folder(l))
		whole = []string{SourceLayerName(l)}
	}
	hooks, whole := s.hooks(installed, whole)
	for i, step := range s.p.Build {
		whole = s.step(i, step, append(slices.Clone(installed), hooks...), whole)
	}
	return whole
}

// SourceLayerName is the name of a layer of source.
func SourceLayerName(l SourceLayer) string { return LayerSource + " " + receipt.Name(l.Name) }

// folder is what is in a layer of source.
func folder(l SourceLayer) receipt.File {
	return receipt.File{Path: receipt.Name(l.Name), Kind: receipt.Tree, Sum: l.Digest}
}

// said is a file of which only fields are known.
func said(file string, fields map[string]string) receipt.File {
	return receipt.File{Path: file, Kind: receipt.Said, Fields: fields}
}

// baseFacts are the packages of the base, or its image.
func baseFacts(b lock.Base, platform string) receipt.File {
	system := b.Systems[platform]
	fields := map[string]string{"base.source": receipt.Value(b.Source)}
	if system.Image != "" {
		fields["base.image"] = "#" + short(system.Image)
	}
	for _, p := range system.Packages {
		fields["base.packages."+p.Name] = receipt.Value(fmt.Sprintf("%s (%s)", p.Version, short(p.SHA256)))
	}
	return said(fileLock, fields)
}

func userFacts(p Plan) map[string]string {
	out := map[string]string{
		"user.name": receipt.Value(p.User.Name), "user.uid": fmt.Sprint(p.User.UID),
		"user.home": receipt.Value(p.User.Home), "workspace.target": receipt.Value(p.Target),
	}
	for name, value := range p.Env {
		out["the image's "+name] = receipt.Value(value)
	}
	return out
}

// step adds the layer of a step, and gives what the sandbox stands on then. One
// with inputs stands on what was installed, them, and what it sees of earlier ones.
func (s *sealer) step(i int, step Step, installed, whole []string) []string {
	facts := []receipt.File{said(fileConfig, stepFacts(i, step))}
	if step.Git {
		facts = append(facts, said(".git", committed(s.c.Repository)))
	}
	if !s.p.Apart(step) {
		s.add(StepLayer(i), whole, []receipt.Step{step.rerun()}, facts...)
		return []string{StepLayer(i)}
	}
	on := slices.Clone(installed)
	for _, seen := range step.Sees {
		on = append(on, StepLayer(seen))
	}
	s.add(StepLayer(i), on, []receipt.Step{step.rerun()}, append(facts, s.part(StepLayer(i), step.Part))...)
	return append(slices.Clone(whole), StepLayer(i))
}

// committed are the parts of a repository but its index, which follows each edit.
func committed(repository map[string]string) map[string]string {
	out := maps.Clone(repository)
	delete(out, "index")
	return out
}

// Name tells people of s: its command, and the folder that it runs in.
func (s Step) Name() string {
	if s.Dir == "" {
		return s.Run
	}
	return strings.TrimSpace(s.Run) + " in " + s.Dir
}

// Shell is the command of s.
func (s Step) Shell() []string { return []string{"/bin/sh", "-ec", s.Run} }

// stepFacts are what the file says of a build step. Of secrets only the names
// are part of what is built.
func stepFacts(i int, s Step) map[string]string {
	prefix := fmt.Sprintf("workspace.build[%d].", i)
	out := map[string]string{prefix + "run": receipt.Value(s.Run)}
	for name, value := range map[string]string{"dir": s.Dir, "inputs": strings.Join(s.Inputs, " "), "outputs": strings.Join(s.Outputs, " ")} {
		if value != "" {
			out[prefix+name] = receipt.Value(value)
		}
	}
	if s.Network {
		out[prefix+"network"] = "true"
	}
	if s.Git {
		out[prefix+"git"] = "true"
	}
	switch s.SSH {
	case "":
	case config.DefaultAgent:
		out[prefix+"ssh"] = "true"
	default:
		out[prefix+"ssh"] = receipt.Value(s.SSH)
	}
	for name, value := range s.Env {
		out[prefix+"env."+name] = receipt.Value(value)
	}
	for _, name := range s.Secrets {
		out[prefix+"env."+name] = "secret"
	}
	return out
}

// serviceFacts are what PID 1 reads, by service and field.
func serviceFacts(s spec.Spec) map[string]string {
	out := map[string]string{}
	services := s.Services
	s.Services, s.Tools = nil, nil // the tools are layers of their own
	members(out, "", s)
	delete(out, "services")
	for _, one := range services {
		name := one.Name
		members(out, "services."+name+".", one)
	}
	return out
}

// members gives the members of what encodes as a JSON object.
func members(out map[string]string, prefix string, v any) {
	var all map[string]json.RawMessage
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		panic(err) // a spec always encodes
	}
	for key, value := range all {
		var plain string
		if json.Unmarshal(value, &plain) != nil {
			plain = string(bytes.TrimSpace(value))
		}
		out[prefix+key] = receipt.Value(plain)
	}
}

func text(words []string) string {
	data, err := json.Marshal(words)
	if err != nil {
		panic(err) // texts always encode
	}
	return receipt.Value(string(data))
}

func short(sum string) string { return sum[:min(8, len(sum))] }
