package cli

import (
	"testing"

	"github.com/sandwright/sandwright/internal/fault"
)

// TestPlacesInScripts finds variables in scripts of every YAML style.
func TestPlacesInScripts(t *testing.T) {
	text := "run: |\n  echo $A ${B:-$A}\n  echo $AB $A\nother: $A\n"
	at := fault.Position{File: "f", Line: 1, Column: 1}
	rest := from(text, at)
	for _, want := range []struct {
		name         string
		line, column int
	}{{"A", 2, 9}, {"B", 2, 13}, {"A", 2, 17}, {"AB", 3, 9}, {"A", 3, 13}, {"GONE", 3, 13}} {
		at, rest = inText(rest, want.name, at)
		if at.Line != want.line || at.Column != want.column {
			t.Errorf("%s is at %s, want %d:%d", want.name, at, want.line, want.column)
		}
	}
	if got := from("a\nbc", fault.Position{Line: 9, Column: 9}); got != "" {
		t.Errorf("behind the end there is %q", got)
	}
}
