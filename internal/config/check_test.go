package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
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
		"services: {a: {command: [a], live: {fd: 3}}}",
		"services: {a: {command: [a], live: {fd: 3, interval: 1s}}}",
		"services: {a: {command: [a], ready: {tcp: 80, attempt: 1s}}}",
		"services: {a: {command: [a], restart: sometimes}, b: {command: [b], after: {a: exited-ok}}}",
		"services: {a: {command: [a], task: no}, b: {command: [b], after: {a: exited-ok}}}",
		"services: {a: {command: [a], restart: {policy: sometimes, limit: 3}}}",
		"services: {a: {command: [a], ulimits: {core: {soft: 5, hard: x}}}}",
		"services: {a: {command: [a], logs: {size: 1, total: 5kB}}}",
		"logs: {size: x}\nservices: {a: {command: [a], logs: {total: 5kB}}}",
		"main: [a]\nservices: {a: {command: [a]}}",
		"main: a\nservices: {a: {command: [a], restart: {policy: x}}}",
		"services: {a: {s6: [x]}, b: {command: [b], after: {a: ready}}}",
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

// completed is the service a of text.
func completed(t *testing.T, text string) Service {
	t.Helper()
	f, err := Parse(Name, []byte(smallest+text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f.Services["a"]
}

func TestCompleteRestart(t *testing.T) {
	const s = time.Second
	restart := func(policy spec.RestartPolicy, low, high time.Duration, limit int, within time.Duration) spec.Restart {
		return spec.Restart{Policy: policy, MinDelay: spec.Duration(low), MaxDelay: spec.Duration(high), StartLimit: limit, StartInterval: spec.Duration(within)}
	}
	for text, want := range map[string]spec.Restart{
		"services: {a: {command: [a]}}":                                                              restart(spec.Always, s, 30*s, 0, 0),
		"services: {a: {command: [a], restart: on-failure}}":                                         restart(spec.OnFailure, s, 30*s, 0, 0),
		"services: {a: {command: [a], restart: {}}}":                                                 restart(spec.Always, s, 30*s, 0, 0),
		"services: {a: {command: [a], restart: {min-delay: 1m}}}":                                    restart(spec.Always, 60*s, 60*s, 0, 0),
		"services: {a: {command: [a], restart: {max-delay: 500ms}}}":                                 restart(spec.Always, s/2, s/2, 0, 0),
		"services: {a: {command: [a], restart: {policy: on-failure, limit: 5}}}":                     restart(spec.OnFailure, s, 30*s, 5, 60*s),
		"services: {a: {command: [a], restart: {limit: 5, within: 10s}}}":                            restart(spec.Always, s, 30*s, 5, 10*s),
		"services: {a: {command: [a], task: true}}":                                                  restart(spec.Never, s, 30*s, 0, 0),
		"services: {a: {command: [a], task: {deadline: 1s}, restart: on-failure}}":                   restart(spec.OnFailure, s, 30*s, 0, 0),
		"main: a\nservices: {a: {command: [a]}}":                                                     restart(spec.Never, s, 30*s, 0, 0),
		"main: a\nservices: {a: {command: [a], restart: {policy: on-failure, limit: 2}}}":            restart(spec.OnFailure, s, 30*s, 2, 60*s),
		"main: b\nservices: {a: {command: [a]}, b: {command: [b]}}":                                  restart(spec.Always, s, 30*s, 0, 0),
		"services: {a: {command: [a], restart: {policy: always, min-delay: 10ms, max-delay: 10ms}}}": restart(spec.Always, s/100, s/100, 0, 0),
	} {
		if got := completed(t, text).Restart; got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}

func TestCompleteProbes(t *testing.T) {
	probe := func(p spec.Probe, interval, attempt, deadline time.Duration) *spec.Probe {
		p.Interval, p.Timeout, p.Deadline = spec.Duration(interval), spec.Duration(attempt), spec.Duration(deadline)
		return &p
	}
	const s, ms = time.Second, time.Millisecond
	tcp := spec.Probe{TCP: "127.0.0.1:1"}
	for text, want := range map[string]*spec.Probe{
		`ready: {tcp: "127.0.0.1:1"}`:                              probe(tcp, 0, 2*s, 30*s),
		`start: {tcp: "127.0.0.1:1"}`:                              probe(tcp, 250*ms, 2*s, 30*s),
		`live: {tcp: "127.0.0.1:1"}`:                               probe(tcp, 10*s, s, 0),
		`ready: {exec: [a], interval: 1s, attempt: 9s}`:            probe(spec.Probe{Exec: []string{"a"}}, s, 9*s, 30*s),
		`ready: {fd: 3, timeout: 1m}`:                              probe(spec.Probe{FD: 3}, 0, 0, 60*s),
		`start: {log: x}`:                                          probe(spec.Probe{Log: "x"}, 0, 0, 30*s),
		`ready: {notify: true}`:                                    probe(spec.Probe{Notify: true}, 0, 0, 30*s),
		`live: {notify: true}`:                                     probe(spec.Probe{Notify: true}, 0, 0, 0),
		`live: {notify: true, interval: 3s, failures: 2}`:          probe(spec.Probe{Notify: true, Failures: 2}, 3*s, 0, 0),
		`live: {grpc: "[::1]:1/x", interval: 3s}`:                  probe(spec.Probe{GRPC: "[::1]:1/x"}, 3*s, s, 0),
		`ready: {http: "http://[::1]/", status: "200 - 299, 304"}`: probe(spec.Probe{HTTP: "http://[::1]/", Status: "200-299,304"}, 0, 2*s, 30*s),
	} {
		got := completed(t, "services: {a: {command: [a], "+text+"}}")
		use := map[byte]*spec.Probe{'r': got.Ready, 's': got.Start, 'l': got.Live}[text[0]]
		if diff := cmp.Diff(want, use); diff != "" {
			t.Errorf("%s: -want +got:\n%s", text, diff)
		}
	}
}

// What a service's logs do not say is the file's, also where it says false.
func TestLogsInherit(t *testing.T) {
	const file = "logs: {files: 3, total: 5MB, format: json, overflow: drop-oldest, mirror: true, budget: 1GB}\n"
	got := completed(t, file+"services: {a: {command: [a], logs: {mirror: false, overflow: block, size: 2MB}}}").Logs
	mirror := false
	want := Logs{Files: 3, Size: 2e6, Total: 5e6, Stamp: "iso8601", Format: "json", Overflow: "block", Mirror: &mirror}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The two ways to write a value mean the same.
func TestShortForms(t *testing.T) {
	for short, long := range map[string]string{
		"task: true":               "task: {}",
		"restart: on-failure":      "restart: {policy: on-failure}",
		"stop: 3s":                 "stop: {timeout: 3s}",
		"stop: 10s":                "env: {}",
		"ulimits: {core: 5}":       "ulimits: {core: {soft: 5, hard: 5}}",
		"ulimits: {core: -1}":      "ulimits: {core: {soft: unlimited, hard: unlimited}}",
		"umask: 027":               "umask: '0027'",
		"stop: {signal: INT}":      "stop: {signal: SIGINT, timeout: 10s}",
		"cap-drop: [CAP_SYS_TIME]": "cap-drop: [SYS_TIME]",
		"user: 1000":               "user: '1000'",
		"memory: 512MB":            "memory: 512000000",
	} {
		a := completed(t, "services: {a: {command: [a], "+short+"}}")
		b := completed(t, "services: {a: {command: [a], "+long+"}}")
		a.Env, b.Env = nil, nil
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s and %s: %s", short, long, diff)
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
