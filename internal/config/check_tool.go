package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// checkTools wants the keys that belong to one kind of source to stand beside
// it, and those that it needs to be there.
func checkTools(f *File) (faults fault.List) {
	for _, name := range slices.Sorted(maps.Keys(f.Tools)) {
		t := f.Tools[name]
		stray := func(key, source string, has bool) {
			if f.has("tools", name, key) && !has {
				faults = append(faults, f.At("tools", name, key).Cannot("use %s here: it belongs to %s", key, source).WithHint("remove it"))
			}
		}
		stray("closure", "npm", f.has("tools", name, "npm"))
		stray("asset", "github", f.has("tools", name, "github"))
		stray("version", "url", f.has("tools", name, "url"))
		stray("arch", "github and url", f.has("tools", name, "github") || f.has("tools", name, "url"))
		at := f.At("tools", name)
		switch {
		case t.GitHub != "" && !f.has("tools", name, "asset"):
			faults = append(faults, at.Cannot("find asset: github needs it").WithHint(`add asset: "%s_{version}_{os}_{arch}.tar.gz"`, name))
		case t.URL != "" && !f.has("tools", name, "version"):
			faults = append(faults, at.Cannot("find version: url needs it").WithHint("add version: 1.0.0"))
		case t.OCI != "" && !f.has("tools", name, "files"):
			faults = append(faults, at.Cannot("find files: oci needs them").WithHint("add files: [usr/bin/%s]", name))
		case t.Closure && strings.Contains(t.NPM, "{arch}"):
			faults = append(faults, f.At("tools", name, "closure").Cannot("use closure with {arch}: the package is one for all platforms").WithHint("remove one of the two"))
		}
	}
	return faults
}
