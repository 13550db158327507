// Package semver compares versions (https://semver.org) and reads the ranges
// of them that npm knows: ^, ~, x, comparisons, hyphens and ||.
package semver

import (
	"cmp"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// A Version is one version. Build metadata does not count.
type Version struct {
	Major, Minor, Patch uint64
	Pre                 string // such as beta.1; empty for a release
}

var full = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})\.(0|[1-9][0-9]{0,15})\.(0|[1-9][0-9]{0,15})` +
	`(?:-((?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z.-]+)?$`)

// ErrVersion is returned by Parse for what is no version.
var ErrVersion = errors.New("no version such as 1.2.3")

// Parse reads a whole version, such as 1.2.3 or 1.2.3-beta.1.
func Parse(text string) (Version, error) {
	m := full.FindStringSubmatch(text)
	if m == nil || len(text) > 256 {
		return Version{}, ErrVersion
	}
	return Version{number(m[1]), number(m[2]), number(m[3]), m[4]}, nil
}

func number(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64) // the patterns bound it
	return n
}

// Compare is -1, 0 or +1 as v comes before w, is it, or comes after it.
func (v Version) Compare(w Version) int {
	switch c := cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch)); {
	case c != 0 || v.Pre == w.Pre:
		return c
	case v.Pre == "":
		return 1
	case w.Pre == "":
		return -1
	}
	return comparePre(strings.Split(v.Pre, "."), strings.Split(w.Pre, "."))
}

// comparePre compares word by word; a number comes before a word, and fewer
// words before more.
func comparePre(a, b []string) int {
	for i := range min(len(a), len(b)) {
		numA, numB := isNumber(a[i]), isNumber(b[i])
		var c int
		switch {
		case numA && numB:
			c = cmp.Or(cmp.Compare(len(a[i]), len(b[i])), strings.Compare(a[i], b[i]))
		case numA:
			c = -1
		case numB:
			c = 1
		default:
			c = strings.Compare(a[i], b[i])
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func isNumber(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// sameCore tells whether v and w differ in Pre alone.
func (v Version) sameCore(w Version) bool {
	return v.Major == w.Major && v.Minor == w.Minor && v.Patch == w.Patch
}
