package buildcache

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// A Scope is what one cache belongs to.
type Scope struct {
	Project  string
	Target   string // folder of the workspace in its repository; empty at its top
	Platform string // such as linux/amd64
	Branch   string // empty where none is known
	Default  string // the branch that others start from
}

// maxTag is how long a tag of a registry may be.
const maxTag = 128

// tagRune is what a tag can hold in the place of r.
func tagRune(r rune) rune {
	if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.-", r)) {
		return r
	}
	return '-'
}

// name is the scope as a registry's tag, for one branch. Where the parts do not
// fit into a tag as they are, a hash of them is part of it: no two scopes have
// one name.
func (s Scope) name(branch string) string {
	parts := []string{s.Project, s.Target, s.Platform, branch}
	whole := strings.Join(parts, "\x00")
	parts[2] = strings.Replace(s.Platform, "/", "-", 1)
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
	tag := strings.TrimLeft(strings.Map(tagRune, strings.Join(parts, "-")), ".-")
	sum := sha256.Sum256([]byte(whole))
	return tag[:min(len(tag), maxTag-13)] + "-" + hex.EncodeToString(sum[:6])
}

// of gives e as the cache of one branch. What e says itself stays: a reference
// with a tag, a name.
func (s Scope) of(e Entry, branch string) Entry {
	name := s.name(branch)
	switch e.Type {
	case Registry:
		ref := e.Attrs["ref"]
		if last := ref[strings.LastIndexByte(ref, '/')+1:]; strings.ContainsAny(last, ":@") {
			return e.with("", "")
		}
		out := e.with("", "")
		out.Attrs["ref"] = ref + ":" + name
		return out
	case Local:
		return e.with("tag", name)
	case S3:
		return e.with("name", name)
	case GHA:
		return e.with("scope", name)
	}
	return e.with("", "")
}

// Export is where the layers of s are written to in e: all of them, not only
// those of the result.
func (s Scope) Export(e Entry) Entry {
	out := s.of(e, s.Branch)
	if e.Type == Local {
		out = out.with("dest", e.folder())
	}
	if e.Type == Inline {
		return out
	}
	return out.with("mode", "max")
}

// Imports are where layers of s are looked for in e: those of its branch, then
// those of the branch that it came from. What is cached inline stands in an
// image, which its own entry names.
func (s Scope) Imports(e Entry) (list []Entry) {
	if e.Type == Inline {
		return nil
	}
	for _, branch := range []string{s.Branch, s.Default} {
		one := s.of(e, branch)
		if e.Type == Local {
			one = one.with("src", e.folder())
		}
		delete(one.Attrs, "mode")
		if !slices.ContainsFunc(list, func(other Entry) bool { return other.String() == one.String() }) {
			list = append(list, one)
		}
	}
	return list
}
