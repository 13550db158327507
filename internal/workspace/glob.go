package workspace

import (
	"errors"
	"path"
	"slices"
	"strings"
)

// A pattern names folders of packages, as the package managers' own libraries
// read it: *, ?, [] within a name, ** for any number of names, {a,b} for either, and
// a leading ! for folders that are no packages: of npm those that stand before it
// in the list, of the others wherever it stands.
// As there, a leading dot is matched by brackets but not by * and ?.
type pattern struct {
	not  bool
	alts [][]string // each a list of names; one of them must match
}

// maxBraces bounds what the braces of one pattern may expand to.
const maxBraces = 1000

var (
	errLeaves   = errors.New("it leaves the root")
	errEmpty    = errors.New("it is empty")
	errExtended = errors.New("extended globs and backslashes are not supported")
	errBraces   = errors.New("its braces are not closed, hold no comma, or expand too far")
)

// compile reads one pattern.
func compile(text string) (pattern, error) {
	body, not := strings.CutPrefix(text, "!")
	if body == "" {
		return pattern{}, errEmpty
	}
	p := pattern{not: not}
	alts, err := braces(body)
	if err != nil {
		return pattern{}, err
	}
	for _, alt := range alts {
		names, err := names(alt)
		if err != nil {
			return pattern{}, err
		}
		p.alts = append(p.alts, names)
	}
	return p, nil
}

// names splits a pattern without braces at its slashes and checks each part.
func names(text string) ([]string, error) {
	if strings.HasPrefix(text, "/") {
		return nil, errLeaves
	}
	out := []string{}
	for name := range strings.SplitSeq(text, "/") {
		switch {
		case name == "..":
			return nil, errLeaves
		case name == "", name == ".":
			continue
		case strings.ContainsAny(name, `()|\`):
			return nil, errExtended
		}
		name = strings.ReplaceAll(name, "[!", "[^")
		if _, err := path.Match(name, ""); err != nil {
			return nil, errors.New("its brackets are not closed")
		}
		out = append(out, name)
	}
	return out, nil
}

// braces expands {a,b}, nested ones too.
func braces(text string) ([]string, error) {
	todo, done := []string{text}, []string{}
	for len(todo) > 0 {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		open := strings.IndexByte(t, '{')
		if open < 0 && !strings.Contains(t, "}") {
			done = append(done, t)
			continue
		}
		if open < 0 {
			return nil, errBraces
		}
		options, end := split(t[open:])
		if len(options) < 2 || len(todo)+len(done)+len(options) > maxBraces {
			return nil, errBraces
		}
		for _, o := range options {
			todo = append(todo, t[:open]+o+t[open+end:])
		}
	}
	return done, nil
}

// split gives the options of the brace that t starts with, and where it ends;
// none when it is not closed.
func split(t string) (options []string, end int) {
	depth, start := 0, 1
	for i := range len(t) {
		switch t[i] {
		case '{':
			depth++
		case '}':
			depth--
			if depth == 0 {
				return append(options, t[start:i]), i + 1
			}
		case ',':
			if depth == 1 {
				options, start = append(options, t[start:i]), i+1
			}
		}
	}
	return nil, 0
}

// matchAny says that some pattern takes the folder and none refuses it; in
// order, that the last one that matches takes it.
func matchAny(patterns []pattern, dir string, inOrder bool) bool {
	parts, taken := strings.Split(dir, "/"), false
	for _, p := range patterns {
		switch {
		case !p.match(parts):
		case !p.not:
			taken = true
		case inOrder:
			taken = false
		default:
			return false
		}
	}
	return taken
}

func (p pattern) match(parts []string) bool {
	return slices.ContainsFunc(p.alts, func(alt []string) bool {
		whole, _ := matchNames(alt, parts)
		return whole
	})
}

// reachAny says that some pattern may take a folder below dir.
func reachAny(patterns []pattern, dir string) bool {
	parts := strings.Split(dir, "/")
	return slices.ContainsFunc(patterns, func(p pattern) bool {
		return !p.not && slices.ContainsFunc(p.alts, func(alt []string) bool {
			_, below := matchNames(alt, parts)
			return below
		})
	})
}

// matchNames matches name by name; row[j] says that the patterns so far match
// the first j parts. Below says that something below the parts may match.
func matchNames(names, parts []string) (whole, below bool) {
	row := make([]bool, len(parts)+1)
	row[0] = true
	for _, name := range names {
		below = below || row[len(parts)]
		next := make([]bool, len(parts)+1)
		for j := range next {
			switch {
			case name == "**":
				next[j] = row[j] || j > 0 && next[j-1] && parts[j-1][0] != '.'
			case j > 0 && row[j-1]:
				next[j] = matchName(name, parts[j-1])
			}
		}
		row = next
		below = below || name == "**" && row[len(parts)]
	}
	return row[len(parts)], below
}

func matchName(name, part string) bool {
	if part[0] == '.' && (name[0] == '*' || name[0] == '?') {
		return false
	}
	ok, err := path.Match(name, part)
	return ok && err == nil
}
