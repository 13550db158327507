package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/installed"
	"github.com/sandwright/sandwright/internal/lock"
)

// screen is what a terminal shows of what is written: it knows the two
// sequences that a board uses.
func screen(written string) []string {
	var lines []string
	for written != "" {
		if rest, ok := strings.CutPrefix(written, "\x1b["); ok {
			up := 0
			for rest[0] != 'A' {
				up, rest = up*10+int(rest[0]-'0'), rest[1:]
			}
			lines = lines[:len(lines)-up]
			written = strings.TrimPrefix(rest[1:], "\x1b[J")
			continue
		}
		line, rest, _ := strings.Cut(written, "\n")
		lines, written = append(lines, line), rest
	}
	return lines
}

func TestBoard(t *testing.T) {
	var out bytes.Buffer
	b := &board{out: &out, width: 45}
	for _, c := range []struct {
		event fetch.Event
		want  []string
	}{
		{fetch.Event{Name: "tool a", Text: "asking"}, []string{"[          ] tool a: asking"}},
		{fetch.Event{Name: "tool b", Text: "downloading", Done: 5e6, Total: 10e6}, []string{"[          ] tool a: asking", "[=====     ] tool b: downloading 5.0 MB of 1…"}},
		{fetch.Event{Name: "tool a", Text: "unpacking", Done: 3, Total: 2}, []string{"[==========] tool a: unpacking 0.0 MB of 0.0…", "[=====     ] tool b: downloading 5.0 MB of 1…"}},
		{fetch.Event{Name: "tool a", Text: "verified", Finished: true}, []string{"tool a: verified", "[=====     ] tool b: downloading 5.0 MB of 1…"}},
		{fetch.Event{Name: "tool b", Text: "verified", Finished: true}, []string{"tool a: verified", "tool b: verified"}},
	} {
		b.show(c.event)
		if diff := cmp.Diff(c.want, screen(out.String())); diff != "" {
			t.Errorf("after %v (-want +got):\n%s", c.event, diff)
		}
	}
}

func TestTickerWritesPlainLines(t *testing.T) {
	var out bytes.Buffer
	show := (&ticker{out: &out, last: map[string]shown{}}).show
	for range 3 {
		show(fetch.Event{Name: "tool a", Text: "downloading", Done: 1e6, Total: 2e6})
	}
	show(fetch.Event{Name: "tool a", Text: "verified", Finished: true})
	if got, want := out.String(), "tool a: downloading 1.0 MB of 2.0 MB\ntool a: verified\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestVerifyArgs(t *testing.T) {
	l := &lock.Lock{Tools: map[string]lock.Tool{
		"b": {Platforms: map[string]lock.Artifact{"linux/amd64": {Tree: "22"}}}, "a": {Platforms: map[string]lock.Artifact{"linux/amd64": {Tree: "11"}}},
	}}
	want := []string{"/usr/local/bin/sandwright-init", "tools", "verify", "--json", "--want", "a=11", "--want", "b=22"}
	if diff := cmp.Diff(want, verifyArgs(l, "linux/amd64")); diff != "" {
		t.Error(diff)
	}
}

func TestShowVerified(t *testing.T) {
	good := installed.ToolSummary{Report: installed.Report{Tool: "node", Files: 3, Bytes: 2e6}, Faults: []string{}}
	bad := installed.ToolSummary{Report: installed.Report{Tool: "evil\x1b[2J"}, Faults: []string{"cannot trust \x1b[31m/x"}}
	for _, asJSON := range []bool{false, true} {
		var out bytes.Buffer
		a := &app{Streams: Streams{Out: &out}, json: asJSON}
		if err := a.showVerified(installed.Summary{OK: true, Tools: []installed.ToolSummary{good}}); err != nil || !strings.Contains(out.String(), "node") {
			t.Errorf("json %t: %q, %v", asJSON, out.String(), err)
		}
		err := a.showVerified(installed.Summary{Tools: []installed.ToolSummary{good, bad}})
		if err == nil || strings.Contains(err.Error(), "\x1b") || strings.Contains(out.String(), "\x1b") {
			t.Errorf("json %t: %q, %q", asJSON, out.String(), err)
		}
	}
}
