package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
)

// graph is a file whose services wait as text says: "a>b a>c b>a".
func graph(text string) *File {
	f := &File{Services: map[string]Service{}}
	for edge := range strings.FieldsSeq(text) {
		from, to, _ := strings.Cut(edge, ">")
		for _, name := range []string{from, to} {
			if _, ok := f.Services[name]; !ok {
				f.Services[name] = Service{After: map[string]string{}}
			}
		}
		f.Services[from].After[to] = "ready"
	}
	return f
}

func TestCycles(t *testing.T) {
	for text, want := range map[string][]string{
		"":                        nil,
		"a>b b>c a>c":             nil,
		"a>a":                     nil, // checkAfter says it
		"a>b b>a":                 {"a -> b -> a"},
		"c>a a>b b>c":             {"a -> b -> c -> a"},
		"x>c c>a a>b b>c":         {"a -> b -> c -> a"},
		"a>b b>a b>c c>b":         {"a -> b -> a", "b -> c -> b"},
		"a>b b>a c>d d>c":         {"a -> b -> a", "c -> d -> c"},
		"a>b a>c b>d c>d d>a":     {"a -> b -> d -> a"},
		"z>y y>z a>z":             {"y -> z -> y"},
		"a>b b>c c>d d>e e>b a>e": {"b -> c -> d -> e -> b"},
	} {
		var got []string
		for _, f := range checkCycles(graph(text)) {
			_, path, _ := strings.Cut(f.What, ": ")
			got = append(got, path)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", text, diff)
		}
	}
}

// A tangle where everything waits for everything ends, with a few cycles said.
func TestCyclesAreBounded(t *testing.T) {
	var edges []string
	for i := range 40 {
		for j := range 40 {
			edges = append(edges, fmt.Sprintf("s%d>s%d", i, j))
		}
	}
	if got := len(checkCycles(graph(strings.Join(edges, " ")))); got != maxCycles {
		t.Errorf("%d cycles", got)
	}
}

// Whether a graph has a cycle does not depend on the search: every graph of
// three services is compared with taking away what waits for nothing.
func TestEverySmallGraph(t *testing.T) {
	names := []string{"a", "b", "c"}
	for bits := range 1 << 9 {
		var edges []string
		for i, from := range names {
			for j, to := range names {
				if i != j && bits&(1<<(3*i+j)) != 0 {
					edges = append(edges, from+">"+to)
				}
			}
		}
		f := graph(strings.Join(edges, " "))
		if got, want := len(checkCycles(f)) > 0, tangled(f); got != want {
			t.Errorf("%v: cycle %v, want %v", edges, got, want)
		}
	}
}

// tangled takes away services that wait for nothing until none is left.
func tangled(f *File) bool {
	left := slices.Collect(maps.Keys(f.Services))
	for {
		waiting := slices.DeleteFunc(slices.Clone(left), func(name string) bool {
			return !slices.ContainsFunc(left, func(dep string) bool { return f.Services[name].After[dep] != "" })
		})
		if len(waiting) == len(left) {
			return len(left) > 0
		}
		left = waiting
	}
}

// A fault in one place does not cause talk about another.
func TestNoFaultFollowsFromAnother(t *testing.T) {
	for _, text := range []string{
		"services: {a: 5, b: {command: [b], after: {a: ready}}}",
		"services: {a: {command: [a], ready: []}}",
		"services: {a: {command: [[a], b]}}",
		"services: {a: {comand: [a]}}",
		"services: {a: {command: [a], ready: {htp: x}}}",
		"env: {A: {type: enum, values: x, default: y}}",
		"env: {A: {type: enmu, default: y}}",
		"env: {A: {scope: runn, services: [b]}}\nservices: {b: {command: [b]}}",
		"env: {A: {services: [[b]]}}",
		"workspace: {build: [{run: x, env: [A]}]}\nenv: {A: {scope: bild}}",
		"workspace: {build: [{run: x, env: [{}]}]}",
		"user: {name: 7-}",
		"ports: [x, y]\nlogs: {size: 1MB}",
	} {
		_, err := Parse(Name, []byte(smallest+text))
		want := 1 + strings.Count(text, "x, y")
		if got := fault.All(err); len(got) != want {
			t.Errorf("%s: %d faults, want %d:\n%v", text, len(got), want, err)
		}
	}
}

func TestComplete(t *testing.T) {
	for text, want := range map[string][3]string{
		"":                          {"sandwright", "/home/sandwright", "/home/sandwright/src/x"},
		"user: {name: dev}":         {"dev", "/home/dev", "/home/dev/src/x"},
		"user: {home: /srv/h}":      {"sandwright", "/srv/h", "/srv/h/src/x"},
		"workspace: {target: /app}": {"sandwright", "/home/sandwright", "/app"},
	} {
		f, err := Parse(Name, []byte(smallest+text))
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]string{f.User.Name, f.User.Home, f.Workspace.Target}; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// A text stays what was written, wherever a text may stand.
func TestTextStaysAsWritten(t *testing.T) {
	for _, written := range []string{"1.10", "010", "0x1F", "1e3", "1_000", "yes", "true", "2001-01-01", "12:30", ".5", "+1", "NaN", "0o7", "'~'", "\"\""} {
		f, err := Parse(Name, []byte(smallest+"services: {a: {command: [a, "+written+"], env: {V: "+written+"}}}\nenv: {A: {default: "+written+"}}"))
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		want := strings.Trim(written, `'"`)
		if got := []string{f.Services["a"].Command[1], f.Services["a"].Env["V"], *f.Env["A"].Default}; !slices.Equal(got, []string{want, want, want}) {
			t.Errorf("%s became %q", written, got)
		}
	}
}
