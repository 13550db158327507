package redact_test

import (
	"testing"

	"github.com/sandwright/sandwright/internal/redact"
)

func TestLive(t *testing.T) {
	var none *redact.Live
	var live redact.Live
	if none.Text("abcdefgh") != "abcdefgh" || live.Text("abcdefgh") != "abcdefgh" || live.Excerpt("abcdefgh") != "abcdefgh" {
		t.Error("nothing is to be hidden")
	}
	live.Put(redact.New(map[string]string{"A": "abcdefgh"}))
	for text, want := range map[string]string{
		"":                "",
		"no secret":       "no secret",
		"is abcdefgh":     "is [redacted A]",
		"is abcd":         "is …",
		"is abcdefg…":     "is …",
		"is abc":          "is abc",
		"is abc…":         "is abc…",
		"abcdefgh, abcde": "[redacted A], …",
	} {
		if got := live.Excerpt(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
