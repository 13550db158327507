package workspace

import "github.com/sandwright/sandwright/internal/fault"

// A Runtime is one that the root manifest asks for, by devEngines.runtime or
// engines.runtime.
type Runtime struct {
	Name     string // such as node
	Range    string // of versions; empty: any
	Must     bool   // another one is an error, as it is unless onFail says otherwise
	Download bool   // the package manager is asked to bring it
	At       fault.Position
}

// runtimes are the alternatives of each field, of which one has to be there.
func runtimes(root *manifest) (all [][]Runtime) {
	for _, field := range []string{"devEngines", "engines"} {
		var list []any
		switch v := root.table(field)["runtime"].(type) {
		case []any:
			list = v
		case map[string]any:
			list = []any{v}
		}
		var some []Runtime
		for _, one := range list {
			entry, _ := one.(map[string]any)
			r := Runtime{At: root.at(root.offsets[field])}
			r.Name, _ = entry["name"].(string)
			r.Range, _ = entry["version"].(string)
			fail, _ := entry["onFail"].(string)
			r.Must, r.Download = fail != "warn" && fail != "ignore", fail == "download"
			if r.Name != "" {
				some = append(some, r)
			}
		}
		if len(some) > 0 {
			all = append(all, some)
		}
	}
	return all
}
