package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/redact"
)

const (
	token  = `hunter2/"pass word"+<&>é~!*'()`
	pemKey = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKB\n" +
		"wQNneCjGZ5Kxs0q1mTQyYwVnJr3vQ8aZ+0dKf1==\n-----END PRIVATE KEY-----\n"
)

// writings are what encoders make of a value.
func writings(t *testing.T, value string) map[string]string {
	t.Helper()
	html, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]string{"token": value}); err != nil {
		t.Fatal(err)
	}
	twice, err := json.Marshal(strings.TrimSpace(plain.String()))
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]string{
		"plain": value, "quoted": `token='` + value + `'`, "crlf": strings.ReplaceAll(value, "\n", "\r\n"),
		"json with html": string(html), "json": plain.String(), "json in json": strings.NewReplacer(`\\u003c`, "<", `\\u003e`, ">", `\\u0026`, "&", `\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(twice)),
		"query": url.QueryEscape(value), "path": url.PathEscape(value), "values": url.Values{"t": {value}}.Encode(),
	}
	for _, e := range []struct {
		name string
		*base64.Encoding
	}{{"std", base64.StdEncoding}, {"url", base64.URLEncoding}, {"raw", base64.RawURLEncoding}} {
		for before := range 4 {
			for after := range 3 {
				text := e.EncodeToString([]byte(strings.Repeat("u", before) + value + strings.Repeat("?", after)))
				name := fmt.Sprintf("base64 %s %d %d", e.name, before, after)
				written[name] = "Basic " + text
				written[name+" in a query"] = "t=" + url.QueryEscape(text)
			}
		}
	}
	return written
}

// Whatever the usual encoders make of a secret is found; what is around it stays.
func TestWritings(t *testing.T) {
	for _, value := range []string{token, pemKey, "only-letters-and-digits-012345", "12345678", "ÄÖÜß", "a/b+c?d=e&f", "<script>"} {
		set := redact.New(map[string]string{"API_KEY": value, "OTHER": "zzzzzzzzzzzzzz"})
		for name, text := range writings(t, value) {
			got := set.Text("before: " + text + ". after")
			if !strings.Contains(got, "[redacted API_KEY]") || !strings.HasPrefix(got, "before: ") || !strings.HasSuffix(got, ". after") {
				t.Errorf("%s of %q: %q", name, value, got)
			}
			if found, ok := set.Holds([]byte(text)); !ok || found != "API_KEY" {
				t.Errorf("%s of %q: holds %q, %v", name, value, found, ok)
			}
		}
	}
}

// Of base64 only the characters stay that hold nothing of the secret.
func TestNeighboursInBase64(t *testing.T) {
	const value = "s3cr3t-value"
	set := redact.New(map[string]string{"A": value})
	for before := range 5 {
		for after := range 5 {
			text := base64.StdEncoding.EncodeToString([]byte("-----"[:before] + value + "-----"[:after]))
			from, to := 8*before/6, (8*(before+len(value))+5)/6
			if got, want := set.Text(text), text[:from]+"[redacted A]"+text[to:]; got != want {
				t.Errorf("%d before and %d after: %q, want %q", before, after, got, want)
			}
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		name   string
		values map[string]string
		text   string
		want   string
	}{
		{"none", nil, "as it is", "as it is"},
		{"too short", map[string]string{"A": "1234567"}, "1234567 1234567", "1234567 1234567"},
		{"too short but for its space", map[string]string{"A": " 1234567\n"}, " 1234567\n", " 1234567\n"},
		{"space around is no part", map[string]string{"A": "\tabcdefgh\n"}, "x abcdefgh y", "x [redacted A] y"},
		{"nothing to find", map[string]string{"A": "abcdefgh"}, "abcdefg hijklmnop", "abcdefg hijklmnop"},
		{"several", map[string]string{"A": "abcdefgh", "B": "ijklmnop"}, "abcdefghijklmnop", "[redacted A][redacted B]"},
		{"the longer one", map[string]string{"A": "abcdefgh", "B": "abcdefghij"}, "abcdefghij abcdefgh", "[redacted B] [redacted A]"},
		{"one within another", map[string]string{"A": "cdefghij", "B": "abcdefghijkl"}, "abcdefghijkl", "[redacted B]"},
		{"overlapping", map[string]string{"A": "abcdefgh", "B": "efghijkl"}, "-abcdefghijkl-", "-[redacted A]-"},
		{"itself", map[string]string{"A": "aaaaaaaa"}, "b" + strings.Repeat("a", 30) + "b", "b[redacted A]b"},
		{"two of one value", map[string]string{"B": "abcdefgh", "A": "abcdefgh"}, "abcdefgh", "[redacted A]"},
		{"a value in the mark", map[string]string{"A": "redacted"}, "redacted", "***"},
		{"a name in a value", map[string]string{"PASSWORD": "PASSWORD"}, "PASSWORD=PASSWORD", "[redacted]=[redacted]"},
		{"a mark that completes a value", map[string]string{"A": "abcdefgh", "B": "12345678["}, "12345678abcdefgh", "12345678***"},
		{"every mark in values", map[string]string{"A": "*bcdefg[", "B": "12345678"}, "12345678", "\x00"},
		{"a line of a key", map[string]string{"KEY": pemKey}, "  wQNneCjGZ5Kxs0q1mTQyYwVnJr3vQ8aZ+0dKf1==\r\n", "  [redacted KEY]\r\n"},
		{"armour of another key", map[string]string{"KEY": pemKey}, "-----BEGIN PRIVATE KEY-----\nAAAA\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n"},
		{"what JSON begins with", map[string]string{"KEY": "{\n  \"private\": 1\n}"}, "{\n  \"private\": 1\n}\n{\n", "{\n[redacted KEY]\n{\n"},
		{"folded base64", map[string]string{"KEY": pemKey}, folded(pemKey, 76), "[redacted KEY]\n[redacted KEY]\n[redacted KEY]Cg==\n"},
	} {
		if got := redact.New(c.values).Text(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func folded(value string, columns int) string {
	text := base64.StdEncoding.EncodeToString([]byte(value))
	for at := columns; at < len(text); at += columns + 1 {
		text = text[:at] + "\n" + text[at:]
	}
	return text + "\n"
}

// With other line ends a value may be too short to be known.
func TestShortWithOtherLineEnds(t *testing.T) {
	set := redact.New(map[string]string{"A": "abc\r\ndef", "B": "a\r\nb\r\nc\r\n"})
	const want = "[redacted A], abc\ndef, [redacted A]"
	if got := set.Text("abc\r\ndef, abc\ndef, " + `abc\r\ndef`); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
