package fetch

import (
	"archive/tar"
	"path"
	"slices"
	"strings"
	"unicode"
)

// place remembers e and the directories above it, or says why it may not be.
func (u *unpacker) place(e *entry) string {
	if slices.ContainsFunc(strings.Split(e.name, "/"), func(s string) bool { return strings.HasPrefix(s, ".wh.") }) {
		return "its name would delete a file in an image"
	}
	for dir := path.Dir(e.name); dir != "."; dir = path.Dir(dir) {
		if kind, ok := u.kinds[dir]; ok && kind != tar.TypeDir {
			return "it stands below something that is no directory"
		}
		u.kinds[dir] = tar.TypeDir
	}
	if kind, ok := u.kinds[e.name]; ok && (kind != tar.TypeDir || e.kind != tar.TypeDir) {
		return "it is there twice"
	}
	if other := u.collides(e.name); other != "" {
		return "it differs only in case from " + other
	}
	u.kinds[e.name] = e.kind
	switch e.kind {
	case tar.TypeReg, tar.TypeDir:
		return ""
	case tar.TypeSymlink:
		return badLink(e.name, e.link)
	case tar.TypeLink:
		return u.hardLink(e)
	}
	return "it is neither file, directory nor link"
}

// collides gives the name that this one, or a directory above it, would stand
// for as well on a file system that does not tell cases apart.
func (u *unpacker) collides(name string) string {
	for at := name; at != "."; at = path.Dir(at) {
		key := foldCase(at)
		if other, ok := u.folded[key]; !ok {
			u.folded[key] = at
		} else if other != at {
			return other
		} else if at != name {
			return "" // the directories above have been looked at with it
		}
	}
	return ""
}

// foldCase gives the same text for all that differ only in case.
func foldCase(s string) string {
	return strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII {
			return unicode.ToLower(r)
		}
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return unicode.ToLower(least)
	}, s)
}

// badLink says why a symlink may leave the tool. Steps up are allowed at the
// front only: there they count from the link's own directory, which is never a
// link itself, so no chain of links can lead out either.
func badLink(name, target string) string {
	down := false
	for part := range strings.SplitSeq(target, "/") {
		if part == ".." && down {
			return "it links up again after going down"
		}
		down = down || part != ".."
	}
	landed := path.Join(path.Dir(name), target)
	switch {
	case strings.ContainsFunc(target, unicode.IsControl) || len(target) > maxName:
		return "what it links to has a control character in it or is too long"
	case target == "" || strings.HasPrefix(target, "/") || landed == ".." || strings.HasPrefix(landed, "../"):
		return "it links out of the package, to " + target
	}
	return ""
}

// hardLink names the target of e from the tool's directory; it must be a file
// already.
func (u *unpacker) hardLink(e *entry) string {
	if badName(e.link) != "" {
		return "it links out of the package, to " + e.link
	}
	name, inside := u.part.inside(path.Clean(e.link))
	e.link = path.Join(u.part.at, name)
	if e.size = 0; !inside || u.kinds[e.link] != tar.TypeReg {
		return "it links to something that is no file of the package"
	}
	return ""
}
