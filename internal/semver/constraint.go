package semver

import (
	"errors"
	"regexp"
	"strings"
)

// A Constraint is a set of versions, as npm writes it.
type Constraint struct {
	exact bool
	any   [][]comparator // of one list, all must hold
}

// A comparator holds for the versions on one side of at.
type comparator struct {
	op string // =, <, <=, > or >=
	at Version
}

// ErrConstraint is returned by ParseConstraint for what is no range.
var ErrConstraint = errors.New("no version and no range of versions")

var (
	hyphen  = regexp.MustCompile(`^\s*(\S+)\s+-\s+(\S+)\s*$`)
	spaces  = regexp.MustCompile(`(\^|~>?|[<>]=?|=)\s+`)
	partial = regexp.MustCompile(`^(\^|~>?|[<>]=?|=|)v?([0-9]{1,16}|[xX*])(?:\.([0-9]{1,16}|[xX*]))?(?:\.([0-9]{1,16}|[xX*]))?(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$`)
)

// ParseConstraint reads a range such as ^1.2.0, ~1.2, 1.x, ">=1.2 <3",
// "1.2 - 1.4" or several of them with ||.
func ParseConstraint(text string) (Constraint, error) {
	if len(text) > 256 || strings.TrimSpace(text) == "" {
		return Constraint{}, ErrConstraint
	}
	_, err := Parse(text)
	c := Constraint{exact: err == nil}
	for part := range strings.SplitSeq(text, "||") {
		list, ok := parseList(part)
		if !ok {
			return Constraint{}, ErrConstraint
		}
		c.any = append(c.any, list)
	}
	return c, nil
}

// Exact tells whether the constraint is one version and nothing else.
func (c Constraint) Exact() bool { return c.exact }

// Allows tells whether v is in the set. As in npm, a prerelease is only where
// the constraint names one of the same major.minor.patch.
func (c Constraint) Allows(v Version) bool {
	for _, list := range c.any {
		if allowsAll(list, v) {
			return true
		}
	}
	return false
}

func allowsAll(list []comparator, v Version) bool {
	named := v.Pre == ""
	for _, c := range list {
		if !c.holds(v) {
			return false
		}
		named = named || c.at.Pre != "" && c.at.sameCore(v)
	}
	return named
}

func (c comparator) holds(v Version) bool {
	d := v.Compare(c.at)
	switch c.op {
	case "<":
		return d < 0
	case "<=":
		return d <= 0
	case ">":
		return d > 0
	case ">=":
		return d >= 0
	}
	return d == 0
}

// parseList reads comparators that must all hold.
func parseList(text string) (list []comparator, ok bool) {
	if m := hyphen.FindStringSubmatch(text); m != nil {
		low, okLow := parsePart(">=" + m[1])
		high, okHigh := parsePart("<=" + m[2])
		return append(low, high...), okLow && okHigh
	}
	words := strings.Fields(spaces.ReplaceAllString(text, "$1"))
	for _, word := range words {
		part, ok := parsePart(word)
		if !ok {
			return nil, false
		}
		list = append(list, part...)
	}
	return list, len(words) > 0
}

// parsePart turns an operator and a version that may lack parts into
// comparisons with whole versions.
func parsePart(word string) ([]comparator, bool) {
	m := partial.FindStringSubmatch(word)
	if m == nil {
		return nil, false
	}
	var nums [3]uint64
	given := 0
	for ; given < 3; given++ {
		s := m[2+given]
		if s == "" || strings.ContainsAny(s, "xX*") {
			break
		}
		if len(s) > 1 && s[0] == '0' {
			return nil, false
		}
		nums[given] = number(s)
	}
	low := Version{Major: nums[0], Minor: nums[1], Patch: nums[2]}
	if m[5] != "" {
		if given < 3 {
			return nil, false
		}
		whole, err := Parse(strings.TrimLeft(strings.TrimPrefix(word, m[1]), "v"))
		if err != nil {
			return nil, false
		}
		low = whole
	}
	return expand(m[1], low, given), true
}

// expand writes an operator on a version of which given parts were said as
// comparisons.
func expand(op string, low Version, given int) []comparator {
	from := comparator{">=", low}
	switch {
	case given == 0 && (op == "<" || op == ">"):
		return []comparator{{"<", Version{Pre: "0"}}} // nothing
	case given == 0:
		return []comparator{{">=", Version{}}}
	case op == "^":
		return []comparator{from, {"<", caret(low, given)}}
	case op == "~" || op == "~>":
		return []comparator{from, {"<", above(low, min(given, 2))}}
	case given == 3 && op == "":
		return []comparator{{"=", low}}
	case given == 3:
		return []comparator{{op, low}}
	}
	next := above(low, given)
	switch op {
	case "<":
		return []comparator{{"<", floor(low)}}
	case "<=":
		return []comparator{{"<", next}}
	case ">":
		next.Pre = ""
		return []comparator{{">=", next}}
	case ">=":
		return []comparator{from}
	}
	return []comparator{from, {"<", next}}
}

// floor is the first version of all, prereleases too, that are at v's core.
func floor(v Version) Version { v.Pre = "0"; return v }

// above is the floor of the versions that differ from v in the first n parts.
func above(v Version, n int) Version {
	switch n {
	case 1:
		return floor(Version{Major: v.Major + 1})
	case 2:
		return floor(Version{Major: v.Major, Minor: v.Minor + 1})
	}
	return floor(Version{Major: v.Major, Minor: v.Minor, Patch: v.Patch + 1})
}

// caret lets change what is right of the first part that is not zero.
func caret(v Version, given int) Version {
	switch {
	case v.Major > 0 || given == 1:
		return above(v, 1)
	case v.Minor > 0 || given == 2:
		return above(v, 2)
	}
	return above(v, 3)
}
