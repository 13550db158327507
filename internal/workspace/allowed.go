package workspace

import (
	"slices"
	"strings"
)

// built gives the dependencies whose scripts a root manifest allows npm to run,
// each as NAME or NAME@VERSION. As npm has it, a key allows all versions or exact
// ones (NAME@1.0.0 || 2.0.0) of a package of the registry, other keys none, and
// what is denied is not run, whatever else allows it.
func built(root *manifest) (out []string) {
	allowed := root.table("allowScripts")
	denied := map[string][]string{}
	for key, yes := range allowed {
		if name, versions := allowing(key); yes == false {
			denied[name] = append(denied[name], versions...)
		}
	}
	for _, key := range sortedKeys(allowed) {
		name, versions := allowing(key)
		for _, version := range versions {
			// All versions but some are none: npm can be told what to build, not what to leave.
			refused := slices.ContainsFunc(denied[name], func(no string) bool { return no == "" || version == "" || no == version })
			if allowed[key] == true && !refused {
				out = append(out, name+version)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// allowing takes a key of allowScripts apart: the name, and what stands behind it,
// "" or each @VERSION. There is nothing where it names no package of the registry,
// or versions that nobody has seen, such as those of a range or a tag.
func allowing(key string) (name string, versions []string) {
	name, say := key, ""
	if at := strings.LastIndex(key, "@"); at > 0 {
		name, say = key[:at], key[at+1:]
	}
	scope, _, scoped := strings.Cut(name, "/")
	if strings.ContainsAny(name, ": #") || scoped && !strings.HasPrefix(scope, "@") || strings.Trim(name[:min(1, len(name))], "-.") == "" {
		return "", nil
	}
	if say == "" || say == "*" {
		return name, []string{""}
	}
	for one := range strings.SplitSeq(say, "||") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "v"); !isExact(one) {
			return "", nil
		}
		versions = append(versions, "@"+one)
	}
	return name, versions
}
