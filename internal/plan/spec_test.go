package plan

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/spec"
)

// shop is the file with everything that the reference shows.
func shop(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../config/testdata/good/service.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// lowered is the spec of a file that needs no tools.
func lowered(t testing.TB, data []byte) spec.Spec {
	t.Helper()
	f, err := config.Parse(config.Name, data)
	if err != nil {
		t.Fatal(err)
	}
	return specOf(f, Plan{User: spec.User{Name: f.User.Name, UID: f.User.UID, GID: f.User.UID, Home: f.User.Home}, Env: environment(f)})
}

// one is the service a of a small file, whose services are given in text.
func one(t testing.TB, text string) spec.Service {
	t.Helper()
	const head = "name: x\nbase: {debian: {suite: bookworm}}\nuser: {name: dev, uid: 1001, home: /home/dev}\nworkspace: {target: /app}\n"
	return lowered(t, []byte(head+text)).Services[0]
}

// What PID 1 reads of a file that says everything is exactly this.
func TestSpecOfEverything(t *testing.T) {
	got, err := spec.Encode(lowered(t, shop(t)))
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "service.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Each service knows the line of its declaration, in whatever folder the file is.
func TestServicesKnowTheirPlace(t *testing.T) {
	lines := strings.Split(string(shop(t)), "\n")
	for _, s := range lowered(t, shop(t)).Services {
		var line, column int
		if n, err := fmt.Sscanf(s.At, config.Name+":%d:%d", &line, &column); err != nil || n != 2 {
			t.Fatalf("%s is at %q: %v", s.Name, s.At, err)
		}
		if !strings.HasPrefix(lines[line-1][column-1:], s.Name+":") {
			t.Errorf("%s is not at %s: %s", s.Name, s.At, lines[line-1])
		}
	}
}

func TestUserOf(t *testing.T) {
	own := spec.User{Name: "dev", UID: 1001, GID: 1001, Home: "/home/dev"}
	root := spec.User{Name: "root", Home: "/root"}
	in := func(u spec.User, gid uint32) spec.User { u.GID = gid; return u }
	lookup := func(name string) spec.User { return spec.User{Name: name, Lookup: true} }
	for text, want := range map[string]spec.User{
		"":           own,
		"dev":        own,
		"1001":       own,
		"dev:dev":    own,
		"1001:1001":  own,
		"dev:1001":   own,
		"root":       root,
		"0":          root,
		"root:root":  root,
		"0:0":        root,
		"dev:root":   in(own, 0),
		"root:dev":   in(root, 1001),
		"postgres":   lookup("postgres"),
		"1000:1000":  lookup("1000:1000"),
		"1000":       lookup("1000"),
		"dev:docker": lookup("dev:docker"),
		"dev:999":    lookup("dev:999"),
		"nobody:dev": lookup("nobody:dev"),
	} {
		if diff := cmp.Diff(&want, userOf(text, own)); diff != "" {
			t.Errorf("%q: -want +got:\n%s", text, diff)
		}
	}
}

// Each probe has its own time: that of ready begins with the success of start.
func TestDeadlines(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"ready: {fd: 3}":              30 * time.Second,
		"ready: {fd: 3, timeout: 5s}": 5 * time.Second,
		"start: {log: up, timeout: 60s}, ready: {fd: 3, timeout: 5s}":          5 * time.Second,
		"start: {log: up}, ready: {fd: 3}":                                     30 * time.Second,
		`start: {log: up, timeout: 1s}, ready: {exec: ["true"], timeout: 24h}`: 24 * time.Hour,
	} {
		s := one(t, "services: {a: {command: [a], "+text+"}}")
		if got := s.Ready.Deadline.Std(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	s := one(t, "services: {a: {command: [a], start: {log: up}}}")
	if s.Ready != nil || s.Start.Deadline.Std() != 30*time.Second {
		t.Errorf("%+v, %+v", s.Start, s.Ready)
	}
}

// An s6 service directory says how it runs: of the rest it has what is its own.
func TestS6Service(t *testing.T) {
	for text, want := range map[string]string{"sandbox/s6/a": "/app/sandbox/s6/a", "/etc/s6/a": "/etc/s6/a"} {
		s := one(t, "env: {V: {default: w}}\nservices: {a: {s6: "+text+", env: {K: v}, port: 80, logs: {files: 3}}}")
		if s.S6 != want || s.Command != nil || s.User != nil || s.Dir != "" || s.Ready != nil || s.Task != nil {
			t.Errorf("%s: %+v", text, s)
		}
		if s.Env["K"] != "v" || !slices.Equal(s.EnvFrom, []string{"V"}) || s.Port != 80 || s.Logs.MaxFiles != 3 {
			t.Errorf("%s: %+v", text, s)
		}
	}
}

func TestRotation(t *testing.T) {
	for text, want := range map[string]spec.Rotation{
		"{}":                                  {MaxFiles: 10, MaxBytes: 1e6, Stamp: "iso8601"},
		"{format: text, overflow: block}":     {MaxFiles: 10, MaxBytes: 1e6, Stamp: "iso8601"},
		"{format: json}":                      {MaxFiles: 10, MaxBytes: 1e6, Stamp: "none", Format: "json"},
		"{overflow: drop-oldest, total: 5MB}": {MaxFiles: 10, MaxBytes: 1e6, TotalBytes: 5e6, Stamp: "iso8601", Overflow: spec.DropOldest},
		"{mirror: true, stamp: none}":         {MaxFiles: 10, MaxBytes: 1e6, Stamp: "none", Mirror: true},
		"{mirror: false}":                     {MaxFiles: 10, MaxBytes: 1e6, Stamp: "iso8601"},
	} {
		if got := one(t, "services: {a: {command: [a], logs: "+text+"}}").Logs; got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
	s := lowered(t, []byte("name: x\nbase: {debian: {suite: bookworm}}\nlogs: {budget: 5MB}\n"))
	if s.LogTotal != 5e6 || s.Main != "" {
		t.Errorf("%+v", s)
	}
}

// What a file does not say is not in the spec.
func TestUnsaidIsAbsent(t *testing.T) {
	got, err := json.Marshal(one(t, "services: {a: {command: [a]}}"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"a","at":"sandwright.yaml:5:12","command":["a"],"dir":"/app","user":{"name":"dev","uid":1001,"gid":1001,"home":"/home/dev"},` +
		`"restart":{"policy":"always","minDelay":"1s","maxDelay":"30s"},"stop":{"timeout":"10s"},"logs":{"files":10,"maxBytes":1000000,"stamp":"iso8601"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Whatever file is accepted, PID 1 reads the spec that was meant.
func FuzzSpec(f *testing.F) {
	f.Add(shop(f))
	f.Add([]byte(file))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := config.Parse(config.Name, data)
		if err != nil {
			return
		}
		made := specOf(file, Plan{User: spec.User{Name: file.User.Name}, Env: environment(file)})
		text, err := spec.Encode(made)
		if err != nil {
			t.Fatal(err)
		}
		read, err := spec.Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := spec.Encode(read)
		if err != nil || string(again) != string(text) {
			t.Errorf("%v: made\n%s\nread\n%s", err, text, again)
		}
	})
}
