package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/redact"
)

// FuzzRedact holds what the package promises: nothing that was redacted holds a
// secret, a text without one is untouched, and pieces are as the whole.
func FuzzRedact(f *testing.F) {
	f.Add("secret-value", "another one", "say secret-value twice: secret-value", uint8(3))
	f.Add("aaaaaaaa", "aaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaa", uint8(1))
	f.Add("abcdefgh", "efghijkl", "abcdefghijklabcdefgh", uint8(7))
	f.Add("[redacted A]", "A]*********", "[redacted A]*", uint8(2))
	f.Add("two\nlines here", "a b/c?d=e", "two\nlines here\na%20b%2Fc%3Fd=e", uint8(4))
	f.Add("0123456789abcdef", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", "MDEyMzQ1Njc4OWFiY2RlZg==", uint8(5))
	f.Add("abc\r\ndef", "a\r\nb\r\nc", "abc\r\ndef and abc\ndef", uint8(3))
	f.Fuzz(func(t *testing.T, a, b, text string, piece uint8) {
		if strings.ContainsRune(a+b, 0) || len(a)+len(b) > 1000 {
			t.Skip("no variable can hold it")
		}
		values := map[string]string{"A": a, "B": b}
		set := redact.New(values)
		text += a + base64.StdEncoding.EncodeToString([]byte(text[:min(len(text), 2)]+b)) + url.QueryEscape(a)
		got := set.Text(text)
		for name, value := range values {
			if written := holds(got, value); written != "" {
				t.Errorf("%q: it holds %s as %q", got, name, written)
			}
		}
		if name, found := set.Holds([]byte(text)); found != (got != text) {
			t.Errorf("%q became %q, and holds %q: %v", text, got, name, found)
		}
		if name, found := set.Holds([]byte(got)); found {
			t.Errorf("%q still holds %s", got, name)
		}
		if found := holds(text, a) + holds(text, b); found == "" && !folds(a) && !folds(b) && got != text {
			t.Errorf("%q was no secret and became %q", text, got)
		}
		if inPieces := pieces(t, set, text, func() int { return int(piece%50) + 1 }); inPieces != got {
			t.Errorf("in pieces %q, as a whole %q", inPieces, got)
		}
	})
}

// holds is an oracle that knows nothing of how the package searches: the form
// in which value stands in text. It decodes, where the package encodes.
func holds(text, value string) string {
	value = strings.TrimSpace(value)
	if len(value) < redact.MinLength || folds(value) {
		return ""
	}
	for _, form := range written(value) {
		if strings.Contains(text, form) {
			return form
		}
	}
	for from := range text {
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for length := len(value) * 4 / 3; length <= len(value)*4/3+4 && from+length <= len(text); length++ {
				plain, _ := alphabet.DecodeString(text[from : from+length])
				if bytes.Contains(plain, []byte(value)) {
					return text[from : from+length]
				}
			}
		}
	}
	return ""
}

// written is value plain and as net/url and encoding/json write it.
func written(value string) []string {
	inJSON, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return []string{value, url.QueryEscape(value), url.PathEscape(value), string(inJSON[1 : len(inJSON)-1])}
}

// folds tells whether parts of value are secrets, too.
func folds(value string) bool { return strings.ContainsAny(value, "\r\n") || len(value) > 48 }
