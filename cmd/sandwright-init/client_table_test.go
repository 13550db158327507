//go:build linux

package main

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/spec"
)

func TestTable(t *testing.T) {
	since := time.Now().Add(-90 * time.Second)
	var out strings.Builder
	err := printTable(&out, []spec.ServiceStatus{
		{Name: "db", State: spec.StateReady, ReadyBy: "started", PID: 12, Since: since, Usage: spec.Usage{Memory: 92<<20 + 1, CPU: spec.Duration(1834 * time.Millisecond), PIDs: 11}},
		{Name: "émile", State: spec.StateUnready, Reason: "GET http://x/ 503", Restarts: 3, Since: since, Detail: "<html>\r\n\x1b[31m  sorry\x1b[0m\x07\n", Says: "warming\nup"},
		{Name: "x", State: spec.StateWaiting, Reason: "waiting for\n\x1b[2Jb", Since: since},
	})
	want := `SERVICE  STATE    SINCE  PID  RESTARTS  MEMORY  CPU    WHY
db       ready    1m30s  12   0         92MiB   1.83s  started
émile    unready  1m30s  -    3         -       -      GET http://x/ 503
    says: warming up
    <html>
      sorry` + "\uFFFD" + `
x        waiting  1m30s  -    0         -       -      waiting for ` + "\uFFFD" + `[2Jb
`
	if diff := cmp.Diff(want, out.String()); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}

// A column stands where something is measured.
func TestTableColumns(t *testing.T) {
	for want, usage := range map[string]spec.Usage{
		"RESTARTS  WHY":              {PIDs: 1},
		"RESTARTS  MEMORY  WHY":      {Memory: 1},
		"RESTARTS  CPU  WHY":         {CPU: 1},
		"RESTARTS  MEMORY  CPU  WHY": {Memory: 1, CPU: 1},
	} {
		var out strings.Builder
		err := printTable(&out, []spec.ServiceStatus{{Name: "a", Usage: usage}})
		if head, _, _ := strings.Cut(out.String(), "\n"); !strings.HasSuffix(head, " "+want) || err != nil {
			t.Errorf("%+v: %q, %v", usage, head, err)
		}
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "-", 1: "1B", 1023: "1023B", 1024: "1.0KiB", 10 << 10: "10KiB", 1500 << 10: "1.5MiB", 1 << 30: "1.0GiB", 5 << 40: "5120GiB",
	} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"a\tb é":                    "a\tb é",
		"\x1b[31mred\x1b[0m":        "red",
		"\x1b[1;38;5;208mx\x1b[m y": "x y",
		"\x1b[2J\x1b]0;t\x07":       "\uFFFD[2J\uFFFD]0;t\uFFFD",
		"\x1b[31\x1b[0mx":           "\uFFFD[31x",
		"\x1b[":                     "\uFFFD[",
		"\x1b\x1b[0m[2J":            "\uFFFD[2J",
		"a\r\nb\u009bc\u202ed\xffe": "a\uFFFD\uFFFDb\uFFFDc\uFFFDd\uFFFDe",
	} {
		if got := visible(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Whatever a service writes, nothing in it drives a terminal.
func FuzzVisible(f *testing.F) {
	for _, text := range []string{"plain", "\x1b[31mred\x1b[0m", "\x1b\x1b[0m[2J", "\x1b[\x1b[m31m", "\u009b2J", "\xc2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, got := range []string{visible(text), printable(text)} {
			if i := strings.IndexFunc(got, func(r rune) bool { return r != '\t' && !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%q: %q", text, got)
			}
		}
	})
}
