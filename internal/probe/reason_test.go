package probe

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestShort(t *testing.T) {
	tests := map[string]error{
		"no such host: db.invalid": &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "db.invalid"}},
		"timeout":                  &net.OpError{Op: "dial", Err: context.DeadlineExceeded},
		"odd":                      &net.OpError{Op: "dial", Err: errors.New("odd")},
		"plain":                    errors.New("plain"),
	}
	for want, err := range tests {
		if got := short(err); got != want {
			t.Errorf("%v becomes %q, want %q", err, got, want)
		}
	}
}

func TestPhrase(t *testing.T) {
	for in, want := range map[string]string{
		"  two\n\twords ":              "two words",
		"\x1b[31mred\x07":              "�[31mred�",
		"hidden\u202etext":             "hidden�text",
		"bad\xffbyte":                  "bad�byte",
		"":                             "",
		strings.Repeat("é", 150):       strings.Repeat("é", 100) + "…",
		"a" + strings.Repeat("é", 150): "a" + strings.Repeat("é", 99) + "…",
	} {
		if got := phrase(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestExcerpt(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"\n\n one\r\ntwo \n\n":    "one\ntwo",
		"tab\there\x00":           "tab\there�",
		strings.Repeat("l\n", 11): strings.TrimSpace(strings.Repeat("l\n", 10)) + "…",
		strings.Repeat("l\n", 10): strings.TrimSpace(strings.Repeat("l\n", 10)),
	} {
		if got := excerpt([]byte(in)); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// Whatever is shown is short and valid, also where each byte grows.
func FuzzExcerpt(f *testing.F) {
	f.Add([]byte("plain\nlines"))
	f.Add([]byte(strings.Repeat("\xff", 2000)))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, got := range []string{excerpt(data), phrase(string(data))} {
			if !utf8.ValidString(got) || len(got) > detailBytes+len("…") || strings.Count(got, "\n") >= detailLines {
				t.Errorf("%q becomes %q", data, got)
			}
			if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }) {
				t.Errorf("%q becomes %q", data, got)
			}
		}
	})
}
