package workspace

import (
	"bytes"
	"iter"
	"strings"
)

// askLock notes which members packages of the registry ask for by a range, as
// the lock file has it: with all but pnpm a member stands for such a package,
// too, where its version meets the range. A lock file that cannot be read may hold
// any.
func (g *graph) askLock(lock []byte) {
	if g.kind == PNPM {
		return
	}
	if bytes.IndexByte(lock, 0) >= 0 {
		for name := range g.byName {
			g.asked[name] = true
		}
		return
	}
	for name, text := range g.kind.asks(lock) {
		if g.byName[name] != nil && !g.anyOf(text) {
			g.asked[name] = true
		}
	}
}

// asks gives what entries of a lock file depend on, each name with its range, and
// other pairs that look so. Classic writes a line for each, NAME "RANGE"; the
// others NAME: "RANGE", with or without quotes around the name, yarn with npm: in
// front of a range of the registry.
func (k Kind) asks(lock []byte) iter.Seq2[string, string] {
	between := []byte(`: "`)
	if k == YarnClassic {
		between = []byte(` "`)
	}
	return func(yield func(name, text string) bool) {
		for rest := lock; ; {
			at := bytes.Index(rest, between)
			if at < 0 {
				return
			}
			name := bytes.Trim(rest[:at], `"`)
			name = name[bytes.LastIndexAny(name, " \n\"{,")+1:]
			rest = rest[at+len(between):]
			end := bytes.IndexAny(rest, "\"\n")
			if end < 0 {
				return
			}
			text := string(rest[:end])
			if k == Yarn {
				plain, registry := strings.CutPrefix(text, "npm:")
				if text = plain; !registry {
					continue
				}
			}
			if strings.HasPrefix(text, "workspace:") {
				continue
			}
			if !yield(string(name), text) {
				return
			}
		}
	}
}
