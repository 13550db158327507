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

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/workspace"
)

// Names of layers. That of a tool is ToolLayer, of a build step StepLayer.
const (
	LayerBase       = "base"
	LayerUser       = "user"
	LayerInstall    = "install"
	LayerSource     = "source"
	LayerHooks      = "lifecycle scripts"
	LayerRepository = "repository"
	LayerServices   = "services"
)

// ToolLayer is the name of a tool's layer.
func ToolLayer(tool string) string { return "tool " + tool }

// StepLayer is the name of the layer of a build step, the first of which is 0.
func StepLayer(i int) string { return "build " + strconv.Itoa(i+1) }

// What people know as the files that say it.
const (
	fileConfig = config.Name
	fileLock   = lock.Name
)

// Contents are what a plan does not know of an image: bytes.
type Contents struct {
	Lock      *lock.Lock
	Workspace *workspace.Workspace
	// Raw gives the sha256 hex of a file of the workspace as it stands.
	Raw        func(path string) string
	Folders    map[string]string // folder of a package -> sha256 hex of all below it that is no other package's
	Repository map[string]string // parts of what .git is made from -> value
	Init       string            // sha256 hex of sandwright-init
}

// Seal says what each layer of p is made from.
func Seal(p Plan, c Contents) receipt.Receipt {
	s := sealer{p: p, c: c, out: receipt.Receipt{Version: receipt.Version, Name: p.Name, Platform: p.Platform, Target: p.Target}}
	s.add(LayerBase, nil, nil, baseFacts(c.Lock.Base, p.Platform))
	system := s.tools(UseInstall, LayerBase)
	s.add(LayerUser, system, nil, said(fileConfig, userFacts(p)))
	s.add(LayerInstall, []string{LayerUser}, p.Install, s.inputs()...)
	top := append([]string{LayerInstall}, s.tools(UseBuild)...)
	s.add(LayerSource, top, nil, s.folders()...)
	last := LayerSource
	if p.Hooks {
		s.add(LayerHooks, []string{last}, append(slices.Clone(p.Install), "--offline"))
		last = LayerHooks
	}
	for i, step := range p.Build {
		s.add(StepLayer(i), []string{last}, shell(step), said(fileConfig, stepFacts(i, step)))
		last = StepLayer(i)
	}
	if p.Git {
		s.add(LayerRepository, []string{last}, nil, said(".git", c.Repository))
		last = LayerRepository
	}
	s.add(LayerServices, s.tools(UseRun, last), nil, said(fileConfig, serviceFacts(p.Spec)), said("sandwright", map[string]string{"PID 1": receipt.Value(short(c.Init))}))
	return s.out
}

// A sealer collects layers.
type sealer struct {
	p   Plan
	c   Contents
	out receipt.Receipt
}

func (s *sealer) add(name string, on, run []string, files ...receipt.File) {
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

// inputs are the files that an install reads, and how much of each.
func (s *sealer) inputs() (out []receipt.File) {
	for _, in := range s.c.Workspace.Inputs {
		f := receipt.File{Path: receipt.Name(in.Path), Sum: s.c.Raw(in.Path), Seen: receipt.SumOf(in.Data), Fields: receipt.FieldsOf(in.Path, in.Data)}
		switch {
		case f.Sum == f.Seen:
			f.Seen = ""
		case path.Base(in.Path) == "package.json":
			f.Kind = receipt.Manifest
		default:
			f.Kind = receipt.Head
		}
		out = append(out, f)
	}
	return out
}

// folders are the packages of the workspace.
func (s *sealer) folders() (out []receipt.File) {
	for _, dir := range slices.Sorted(maps.Keys(s.c.Folders)) {
		out = append(out, receipt.File{Path: receipt.Name(dir), Kind: receipt.Tree, Sum: s.c.Folders[dir]})
	}
	return out
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

// shell is what runs a build step.
func shell(s Step) []string { return []string{"/bin/sh", "-ec", s.Run} }

// stepFacts are what the file says of a build step. Of secrets only the names
// are part of what is built.
func stepFacts(i int, s Step) map[string]string {
	prefix := fmt.Sprintf("workspace.build[%d].", i)
	out := map[string]string{prefix + "run": receipt.Value(s.Run)}
	if s.Network {
		out[prefix+"network"] = "true"
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
