package source

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// maxLayers bounds the cold layers: each costs every build some 3 ms, and an
// image can have 127 in all.
const maxLayers = 16

// groups say which layer a path belongs to.
type groups struct {
	names []string       // of each group; the root's own files are the last
	byDir map[string]int // by the folder of a package
}

// groupsOf gives each package a layer of its own or, where there are too many,
// spreads them by a hash of their folders: a new package changes one layer.
func groupsOf(packages []string) groups {
	g := groups{byDir: map[string]int{}}
	dirs := slices.DeleteFunc(slices.Clone(packages), func(dir string) bool { return dir == "." })
	slices.Sort(dirs)
	members := map[int][]string{}
	for i, dir := range slices.Compact(dirs) {
		if len(dirs) >= maxLayers {
			sum := sha256.Sum256([]byte(dir))
			i = int(binary.BigEndian.Uint64(sum[:]) % (maxLayers - 1))
		}
		members[i] = append(members[i], dir)
	}
	var all [][]string
	for _, m := range members {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	for i, m := range all {
		for _, dir := range m {
			g.byDir[dir] = i
		}
		name := m[0]
		if len(m) > 1 {
			name = fmt.Sprintf("%s and %d more", m[0], len(m)-1)
		}
		g.names = append(g.names, name)
	}
	g.names = append(g.names, ".")
	return g
}

// of is the group of the innermost package that a path is in.
func (g groups) of(p string) int {
	for dir := folderOf(p); dir != "."; dir = folderOf(dir) {
		if i, ok := g.byDir[dir]; ok {
			return i
		}
	}
	return len(g.names) - 1
}

// shortName is a name as the store takes it.
func shortName(name string) string {
	name, _, _ = strings.Cut(name, " ")
	short := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(name))
	return short[:min(len(short), 40)]
}
