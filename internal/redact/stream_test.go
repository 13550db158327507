package redact_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sandwright/sandwright/internal/redact"
)

// pieces writes text in pieces of the sizes that size gives.
func pieces(t *testing.T, set *redact.Set, text string, size func() int) string {
	t.Helper()
	var out bytes.Buffer
	w := set.Writer(&out)
	for len(text) > 0 {
		n := min(size(), len(text))
		if wrote, err := w.Write([]byte(text[:n])); wrote != n || err != nil {
			t.Fatalf("wrote %d of %d: %v", wrote, n, err)
		}
		text = text[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// However a stream is cut, it becomes the same.
func TestPieces(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	values := map[string]string{
		"TOKEN": token, "KEY": pemKey, "A": "abcdefgh", "B": "efghijkl", "C": "abcdefghij", "SAME": "aaaaaaaa", "LINES": "line one\nline two\nline one",
	}
	set := redact.New(values)
	var text strings.Builder
	for _, value := range values {
		for _, written := range writings(t, value) {
			text.WriteString(written + strings.Repeat("a", random.IntN(20)) + value[:len(value)/2] + value)
		}
	}
	want := set.Text(text.String())
	for _, most := range []int{1, 2, 7, 64, 1000} {
		if got := pieces(t, set, text.String(), func() int { return 1 + random.IntN(most) }); got != want {
			t.Errorf("in pieces of up to %d bytes it is different", most)
		}
	}
}

// A line is not kept back because its end looks like a secret's beginning.
func TestNothingWaits(t *testing.T) {
	set := redact.New(map[string]string{"A": "secret-value", "KEY": pemKey, "JSON": "{\n\"key\": \"0123456789\"\n}"})
	var out bytes.Buffer
	w := set.Writer(&out)
	for _, c := range []struct{ write, want string }{
		{"a line\n", "a line\n"},
		{"secret-\n", "secret-\n"},
		{"{\n", "{\n"},
		{"-----BEGIN\n", "-----BEGIN\n"},
		{"half a line: ", "half a line: "},
		{"secret-val", ""},
		{"ue ", "[redacted A] "},
		{"-----BEGIN PRIVATE KEY-----\n", ""},
		{"MIIE\n", "-----BEGIN PRIVATE KEY-----\nMIIE\n"},
	} {
		out.Reset()
		if _, err := io.WriteString(w, c.write); err != nil || out.String() != c.want {
			t.Errorf("%q: %q, want %q (%v)", c.write, out.String(), c.want, err)
		}
	}
}

// A secret without end takes no memory.
func TestEndlessSecret(t *testing.T) {
	set := redact.New(map[string]string{"A": "aaaaaaaaaaaaaaaa"})
	stream := set.Stream()
	var out []byte
	kept := []byte(nil)
	for range 1000 {
		text := append(kept, strings.Repeat("a", 100)...)
		safe, taken := stream.Take(text, false)
		out, kept = append(out, safe...), bytes.Clone(text[taken:])
		if len(kept) > 20 {
			t.Fatalf("%d bytes are kept back", len(kept))
		}
	}
	safe, _ := stream.Take(kept, true)
	if got := string(append(out, safe...)); got != "[redacted A]" {
		t.Errorf("%q", got)
	}
}

func TestWriterFails(t *testing.T) {
	w := redact.New(map[string]string{"A": "abcdefgh"}).Writer(failing{})
	if _, err := io.WriteString(w, "some text\n"); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestScan(t *testing.T) {
	set := redact.New(map[string]string{"A": "abcdefgh", "KEY": pemKey})
	filler := strings.Repeat("0123456789abcdef\n", 50_000)
	for _, at := range []int{0, 1, 256 << 10, 256<<10 - 3, 256<<10 + 100, 300_000, len(filler)} {
		text := filler[:at] + strings.TrimSpace(pemKey) + filler[at:]
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(text), "halves": iotest.HalfReader(strings.NewReader(text))} {
			if found, ok, err := set.Scan(r); found != "KEY" || !ok || err != nil {
				t.Errorf("%s at %d: %q, %v, %v", name, at, found, ok, err)
			}
		}
	}
	if name, ok, err := set.Scan(strings.NewReader(filler)); ok || err != nil {
		t.Errorf("found %q in what has none: %v", name, err)
	}
	if _, _, err := set.Scan(iotest.ErrReader(errFull)); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
	if name, ok, err := redact.New(nil).Scan(strings.NewReader(filler)); ok || err != nil || name != "" {
		t.Error("a set without secrets finds one")
	}
}

// All lengths of values and of what is before them: no place is passed over.
func TestEveryPlace(t *testing.T) {
	for length := 8; length < 40; length++ {
		values := map[string]string{}
		for i := range 5 {
			values[fmt.Sprint("V", i)] = strings.Repeat(string(rune('k'+i)), length-1) + "!"
		}
		set := redact.New(values)
		for before := range 70 {
			text := strings.Repeat("-", before) + values["V3"]
			if got := set.Text(text); got != text[:before]+"[redacted V3]" {
				t.Fatalf("length %d at %d: %q", length, before, got)
			}
		}
	}
}
