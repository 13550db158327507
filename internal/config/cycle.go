package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// maxCycles bounds what is said about one tangle.
const maxCycles = 20

// checkCycles finds services that wait for each other. Each cycle begins with
// the first of its names and is reported once, where its first edge stands.
func checkCycles(f *File) (faults fault.List) {
	s := search{file: f, place: map[string]int{}, said: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(f.Services)) {
		s.visit(name)
	}
	for _, cycle := range s.found {
		closed := append(slices.Clone(cycle), cycle[0])
		faults = append(faults, f.At("services", cycle[0], "after", closed[1]).
			Cannot("start services that wait for each other: %s", strings.Join(closed, " -> ")).
			WithHint("remove one of the after entries"))
	}
	return faults
}

// A search goes depth first through after. place is a service's place on the
// trail, from 1; -1 once all behind it has been seen.
type search struct {
	file  *File
	trail []string
	place map[string]int
	found [][]string
	said  map[string]bool
}

func (s *search) visit(name string) {
	if s.place[name] != 0 {
		return
	}
	s.trail = append(s.trail, name)
	s.place[name] = len(s.trail)
	for _, dep := range slices.Sorted(maps.Keys(s.file.Services[name].After)) {
		if at := s.place[dep]; at > 0 && dep != name {
			s.report(s.trail[at-1:])
		}
		s.visit(dep)
	}
	s.trail = s.trail[:len(s.trail)-1]
	s.place[name] = -1
}

// report turns the cycle so that it begins with the first of its names.
func (s *search) report(trail []string) {
	if len(s.found) == maxCycles {
		return
	}
	first := slices.Index(trail, slices.Min(trail))
	cycle := slices.Concat(trail[first:], trail[:first])
	if id := strings.Join(cycle, "\x00"); !s.said[id] {
		s.said[id] = true
		s.found = append(s.found, cycle)
	}
}
