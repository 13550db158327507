//go:build linux

package svlog

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// However a text is cut into writes and files, it comes out whole.
func FuzzStream(f *testing.F) {
	f.Add([]byte("one\ntwo\n\nthree"), uint8(3), uint16(10))
	f.Add([]byte("\n\n\n"), uint8(1), uint16(1))
	f.Add(bytes.Repeat([]byte("x"), maxLine+1), uint8(0), uint16(0))
	f.Add(append(bytes.Repeat([]byte("x"), maxLine), '\n', 'y'), uint8(0), uint16(0))
	f.Fuzz(func(t *testing.T, text []byte, step uint8, maxBytes uint16) {
		if maxBytes > 0 {
			maxBytes = max(maxBytes, 256) // each file costs an fsync
		}
		dir := t.TempDir()
		l := open(t, dir, spec.Rotation{MaxFiles: 1 << 20, MaxBytes: int64(maxBytes)})
		w, s := pipe(t, l)
		for rest := text; len(rest) > 0; {
			n := min(len(rest), max(int(step), len(text)/20+1))
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		w.Close()
		s.Flush(5 * time.Second)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if got, want := content(t, dir), pieces(string(text)); got != want {
			t.Errorf("%q becomes %q", want, got)
		}
	})
}

// pieces is text as a log without stamps holds it.
func pieces(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		for len(line) > maxLine {
			out.WriteString(line[:maxLine] + "\n")
			line = line[maxLine:]
		}
		out.WriteString(line + "\n")
	}
	return out.String()
}

func TestFlushOfWhatHasEnded(t *testing.T) {
	l := open(t, t.TempDir(), spec.Rotation{})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Pump(r)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	for range 3 {
		started := time.Now()
		s.Flush(time.Minute)
		if took := time.Since(started); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
	}
}

// Many who ask at once are all answered, by one drain or several.
func TestManyFlushes(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, spec.Rotation{})
	w, s := pipe(t, l)
	done := make(chan struct{})
	for range 20 {
		go func() {
			for range 50 {
				s.Flush(time.Minute)
			}
			done <- struct{}{}
		}()
	}
	for range 500 {
		if _, err := w.WriteString("line\n"); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		<-done
	}
	s.Flush(time.Minute)
	if got := strings.Count(read(t, dir, "current"), "line\n"); got != 500 {
		t.Errorf("%d lines, want 500", got)
	}
}
