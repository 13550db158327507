package cli

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/workspace"
)

// wanted is what the file asks the lock to pin, and the package managers that
// the workspaces name, the root's first: where no tool has the name of one, it
// is one by itself.
func wanted(p project, managers []workspace.Manager) lock.Wanted {
	w := lock.Wanted{Platforms: p.file.Platforms, Base: p.wantedBase(), Tools: map[string]lock.WantedSource{}}
	if len(managers) > 0 && managers[0].Version != "" {
		w.Manager, w.ManagerAt = managers[0].Name+"@"+managers[0].Version, managers[0].At
	}
	for name, t := range toolsOf(p.file, managers) {
		want := lock.WantedSource{At: p.file.At("tools", name), Source: toolSource(t), Inputs: p.toolInputs(t)}
		if _, own := p.file.Tools[name]; !own {
			want.At = managerAt(managers, name)
		}
		for _, m := range managers {
			if m.Name == name && m.Hash != "" {
				want.Manager, want.Hash = m.Name+"@"+m.Version, m.Hash
			}
		}
		spec := p.toolSpec(t, fetch.Vouching{})
		want.Exact, want.Range = spec.Asked()
		want.Expect = spec.Expected
		w.Tools[name] = want
	}
	return w
}

// managerAt is where a workspace names that package manager, if one does.
func managerAt(managers []workspace.Manager, name string) (at fault.Position) {
	if i := slices.IndexFunc(managers, func(m workspace.Manager) bool { return m.Name == name }); i >= 0 {
		at = managers[i].At
	}
	return at
}

// toolsOf are the tools of the file, and the package managers.
func toolsOf(f *config.File, managers []workspace.Manager) map[string]config.Tool {
	tools := maps.Clone(f.Tools)
	if tools == nil {
		tools = map[string]config.Tool{}
	}
	for _, m := range managers {
		if _, own := tools[m.Name]; own || m.Version+m.Range == "" {
			continue
		}
		name, arch := plan.Package(m)
		t := config.Tool{NPM: name + "@" + m.Version + m.Range, Arch: arch}
		if arch != nil {
			t.Bin = []string{"bin/" + m.Name}
		}
		tools[m.Name] = t
	}
	return tools
}

// settings are what the project and the environment say of sources, and who
// has to vouch for what comes from them.
func settings(p project, who vouchers) fetch.Settings {
	s := fetch.Settings{
		Tools: map[string]fetch.ToolSpec{}, OCI: p.file.Registries.OCI, Debian: p.file.Registries.Debian, DebianSecurity: p.file.Registries.DebianSecurity,
		GitHubAPI: os.Getenv("GITHUB_API_URL"), GitHubToken: cmp.Or(os.Getenv("GITHUB_TOKEN"), os.Getenv("GH_TOKEN")),
		Vouching: who.tools[""], Base: who.base, Trust: lock.Fingerprint(p.contents(p.file.Trust.NPMKeys), p.contents(p.file.Trust.Sigstore)),
	}
	for name, t := range p.file.Tools {
		s.Tools[name] = p.toolSpec(t, who.tools[name])
	}
	return s
}

func (p project) toolSpec(t config.Tool, who fetch.Vouching) fetch.ToolSpec {
	age := p.file.MinimumAge
	if t.MinimumAge != nil {
		age = *t.MinimumAge
	}
	return fetch.ToolSpec{
		NPM: t.NPM, Closure: t.Closure, GitHub: t.GitHub, Asset: t.Asset, URL: t.URL, Version: t.Version, OCI: t.OCI, Deb: t.Deb,
		Arch: t.Arch, Files: t.Files, Bin: t.Bin, MinimumAge: time.Duration(age), Suite: p.file.Base.Debian.Suite,
		Vouching: who, Inputs: p.toolInputs(t),
	}
}

// imageSpec is a base that is an image. Its layout stands beside the file.
func imageSpec(p project) fetch.ImageSpec {
	spec := fetch.ImageSpec{Image: p.file.Base.Image, Layout: p.file.Base.Layout}
	if spec.Layout != "" {
		spec.Layout = filepath.Join(p.dir, spec.Layout)
	}
	return spec
}

func (p project) wantedBase() lock.WantedSource {
	w := lock.WantedSource{At: p.file.At("base")}
	switch b := p.file.Base; {
	case b.Image != "":
		w.Source = "oci:" + withoutHost(b.Image)
		pairs := append([]string{"image", b.Image}, p.identityInputs("cosign", b.Cosign)...)
		if b.Require != "" {
			pairs = append(pairs, "require", b.Require)
		}
		w.Inputs = lock.Fingerprint(pairs...)
	case b.Layout != "":
		w.Source = "layout:" + b.Layout
		w.Inputs = lock.Fingerprint("layout", b.Layout)
	default:
		w.Source = "debian:" + b.Debian.Suite
		pairs := []string{"suite", b.Debian.Suite, "security", fmt.Sprint(b.Debian.Security)}
		for _, name := range b.Debian.Packages {
			pairs = append(pairs, "package", name)
		}
		w.Inputs = lock.Fingerprint(pairs...)
	}
	return w
}

// toolSource names where a tool comes from, as the lock does: without the
// address of a registry.
func toolSource(t config.Tool) string {
	switch {
	case t.GitHub != "":
		return "github:" + noSpaces(t.GitHub)
	case t.URL != "":
		return "url:" + t.URL
	case t.OCI != "":
		return "oci:" + withoutHost(t.OCI)
	case t.Deb != "":
		return "deb:" + t.Deb
	}
	return "npm:" + noSpaces(t.NPM)
}

// noSpaces writes a range of versions as one word.
func noSpaces(s string) string { return strings.Join(strings.Fields(s), ",") }

// withoutHost leaves out the registry of an image's reference.
func withoutHost(ref string) string {
	host, rest, ok := strings.Cut(ref, "/")
	if ok && strings.ContainsAny(host, ".:") || host == "localhost" {
		return rest
	}
	return ref
}

// toolInputs is the fingerprint of all that decides what is locked of a tool.
func (p project) toolInputs(t config.Tool) string {
	pairs := []string{"source", toolSource(t)}
	for _, one := range [][2]string{{"oci", t.OCI}, {"asset", t.Asset}, {"version", t.Version}} {
		if one[1] != "" {
			pairs = append(pairs, one[0], one[1])
		}
	}
	if t.Closure {
		pairs = append(pairs, "closure", "true")
	}
	for _, arch := range slices.Sorted(maps.Keys(t.Arch)) {
		pairs = append(pairs, "arch "+arch, t.Arch[arch])
	}
	for _, file := range t.Files {
		pairs = append(pairs, "file", file)
	}
	for _, file := range t.Bin {
		pairs = append(pairs, "bin", file)
	}
	return lock.Fingerprint(append(pairs, p.vouchingInputs(t)...)...)
}
