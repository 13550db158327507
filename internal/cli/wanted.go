package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/lock"
)

// wanted is what the file asks the lock to pin.
func wanted(f *config.File) lock.Wanted {
	w := lock.Wanted{Platforms: f.Platforms, Base: wantedBase(f), Tools: map[string]lock.WantedSource{}}
	for name, t := range f.Tools {
		w.Tools[name] = lock.WantedSource{At: f.At("tools", name), Source: toolSource(t), Inputs: toolInputs(t)}
	}
	return w
}

func wantedBase(f *config.File) lock.WantedSource {
	w := lock.WantedSource{At: f.At("base")}
	switch b := f.Base; {
	case b.Image != "":
		w.Source = "oci:" + withoutHost(b.Image)
		w.Inputs = lock.Fingerprint("image", b.Image)
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
func toolInputs(t config.Tool) string {
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
	return lock.Fingerprint(pairs...)
}
