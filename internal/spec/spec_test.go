package spec

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// full has a value in every field.
func full() Spec {
	mode := "m"
	return Spec{
		Version: Version,
		Name:    "iterate",
		LogDir:  LogDir,
		Env:     map[string]string{"PATH": "/usr/bin", "B": "2 < 3 & \"x\"", "A": ""},
		Variables: []Variable{{Name: "KEY", At: "sandwright.yaml:4:3", Secret: true, Required: true}, {
			Name: "MODE", Default: &mode, DefaultFrom: "TOKEN", AllowEmpty: true, RequiredIf: []When{{Name: "KEY"}, {Name: "LEVEL", Values: []string{"a", "b"}}},
			Rule: Rule{
				Type: "list", Values: []string{"v"}, Schemes: []string{"https"}, Pattern: "a+", Exists: true, Kind: "dir",
				Schema: `{"type":"object"}`, MinBytes: 32, Items: "int", Separator: ";",
			},
		}},
		Services: []Service{{
			Name:      "a",
			Command:   []string{"node", "a.js"},
			Dir:       "/srv/app",
			User:      &User{Name: "dev", UID: 1000, GID: 1000, Home: "/home/dev"},
			Env:       map[string]string{"PORT": "3000"},
			EnvFrom:   []string{"KEY"},
			Variables: []Variable{{Name: "PORT", Rule: Rule{Type: "port"}}},
			After:     map[string]Condition{"b": Ready, "c": Started},
			Ready: &Probe{
				HTTP: "http://127.0.0.1:3000/", Interval: Duration(250 * time.Millisecond),
				Timeout: Duration(2 * time.Second), Deadline: Duration(time.Minute),
			},
			Restart: Restart{Policy: OnFailure, MinDelay: Duration(time.Second), MaxDelay: Duration(30 * time.Second)},
			Stop:    Stop{Timeout: Duration(10 * time.Second)},
			Logs:    Rotation{MaxFiles: 10, MaxBytes: 1e6, Stamp: "iso8601"},
			Port:    3000,
		}, {
			Name: "b", Command: []string{"b"}, Ready: &Probe{FD: 3}, Restart: Restart{Policy: Never},
		}},
	}
}

// The file in the image is exactly this.
func TestEncode(t *testing.T) {
	got, err := Encode(full())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/full.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/full.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRoundTrip(t *testing.T) {
	for name, s := range map[string]Spec{"full": full(), "empty": {Version: Version}} {
		data, err := Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, back); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "EOF",
		"{":                                  "unexpected EOF",
		"[]":                                 "cannot unmarshal",
		`{"version":1} {}`:                   "text after the end",
		`{"version":1} x`:                    "text after the end",
		`{"version":2}`:                      "version 2, and this sandwright-init knows 1",
		`{}`:                                 "version 0",
		`{"version":1,"cmd":[]}`:             `unknown field "cmd"`,
		`{"version":1,"services":[{"x":1}]}`: `unknown field "x"`,
		`{"version":1,"services":[{"stop":{"timeout":"10"}}]}`: "missing unit",
		`{"version":1,"services":[{"stop":{"timeout":10}}]}`:   "cannot unmarshal",
	} {
		_, err := Decode([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "cannot read the spec: ") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestDuration(t *testing.T) {
	d := Duration(90 * time.Second)
	if d.String() != "1m30s" || d.Std() != 90*time.Second {
		t.Errorf("%s, %s", d, d.Std())
	}
	data, err := json.Marshal(map[string]Duration{"d": d})
	if err != nil || string(data) != `{"d":"1m30s"}` {
		t.Errorf("%s, %v", data, err)
	}
}

func TestSettled(t *testing.T) {
	for _, c := range []struct{ ready, failed, want bool }{{false, false, false}, {true, false, true}, {false, true, true}} {
		if got := (Status{Ready: c.ready, Failed: c.failed}).Settled(); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// Status is what --json prints; its keys are a promise.
func TestStatusKeys(t *testing.T) {
	s := Status{Name: "x", Services: []ServiceStatus{{Name: "a", State: StateFailed, Reason: "r", ReadyBy: "started",
		ReadyAfter: Duration(time.Second), PID: 7, Port: 3000, Since: time.Unix(0, 0).UTC(), Log: "/l"}}}
	got, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"x","ready":false,"failed":false,"services":[{"name":"a","state":"failed","reason":"r","readyBy":"started",` +
		`"readyAfter":"1s","pid":7,"restarts":0,"since":"1970-01-01T00:00:00Z","port":3000,"log":"/l"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What Decode takes, Encode writes so that Decode takes it again.
func FuzzDecode(f *testing.F) {
	data, err := Encode(full())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Decode(data)
		if err != nil {
			return
		}
		first, err := Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Encode(again)
		if err != nil || string(first) != string(second) {
			t.Errorf("%v: first %s\nthen %s", err, first, second)
		}
	})
}
