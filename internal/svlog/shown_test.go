//go:build linux

package svlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sandwright/sandwright/internal/spec"
)

func TestJSONLines(t *testing.T) {
	p := pool(t, Options{}, system{})
	l, dir := openIn(t, p, `we"b`, spec.Rotation{Format: "json", Stamp: "iso8601"})
	out, s1 := feed(t, l, "stdout", nil)
	errs, s2 := feed(t, l, "stderr", nil)
	fmt.Fprint(out, "a \"quoted\"\tline\\\n")
	s1.Flush(patience)
	fmt.Fprint(errs, "\xff\x00é\u2028\n")
	s2.Flush(patience)
	want := []string{"stdout:a \"quoted\"\tline\\", "stderr:\ufffd\x00é\u2028"}
	var got []string
	for line := range strings.Lines(read(t, dir, "current")) {
		var v struct {
			Time                  time.Time
			Service, Stream, Line string
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if v.Service != `we"b` || time.Since(v.Time).Abs() > time.Minute {
			t.Errorf("got %+v", v)
		}
		got = append(got, v.Stream+":"+v.Line)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whatever a line holds, its JSON is valid and says the same.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{"", "plain", "\"\\\n\r\t\x01", "é\xff\xc3", "\xed\xa0\x80", "\u2028\U0001f600"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		out := append(appendJSONText([]byte{'"'}, text), '"')
		var got string
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		var want strings.Builder
		for rest := text; len(rest) > 0; {
			r, size := utf8.DecodeRune(rest)
			want.WriteRune(r)
			rest = rest[size:]
		}
		if got != want.String() {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

func TestMirror(t *testing.T) {
	var shown bytes.Buffer
	p := pool(t, Options{Mirror: &shown}, system{})
	a, _ := openIn(t, p, "web", spec.Rotation{Mirror: true, Stamp: "iso8601"})
	b, _ := openIn(t, p, "quiet", spec.Rotation{})
	w1, s1 := feed(t, a, "stdout", nil)
	w2, s2 := feed(t, b, "stdout", nil)
	fmt.Fprint(w1, "one\ntwo\n")
	fmt.Fprint(w2, "unseen\n")
	s1.Flush(patience)
	s2.Flush(patience)
	p.Close()
	if got := shown.String(); got != "web | one\nweb | two\n" {
		t.Errorf("shown: %q", got)
	}
}

// A mirror that takes nothing holds no log up, and says later what it missed.
func TestStuckMirror(t *testing.T) {
	const lines = 100_000
	r, w := io.Pipe()
	p := pool(t, Options{Mirror: w}, system{})
	l, dir := openIn(t, p, "web", spec.Rotation{Mirror: true})
	in, s := feed(t, l, "stdout", nil)
	for i := range lines {
		fmt.Fprintf(in, "%09d\n", i)
	}
	in.Close()
	s.Flush(patience)
	if got := strings.Count(read(t, dir, "current"), "\n"); got != lines {
		t.Errorf("%d lines logged, want %d", got, lines)
	}
	shown := make(chan string)
	go func() {
		text, _ := io.ReadAll(r)
		shown <- string(text)
	}()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	<-p.mirror.done
	w.Close()
	var seen, missed int
	for line := range strings.Lines(<-shown) {
		var n int
		if _, err := fmt.Sscanf(line, "sandwright | %d lines are not shown here", &n); err == nil {
			missed += n
		} else if want := fmt.Sprintf("web | %09d\n", seen+missed); line != want {
			t.Fatalf("shown %q, want %q", line, want)
		} else {
			seen++
		}
	}
	if missed == 0 || seen == 0 || seen+missed != lines {
		t.Errorf("%d shown and %d missed, of %d", seen, missed, lines)
	}
}
