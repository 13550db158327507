package env

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/vartype"
)

// resolveFile resolves URL, and the secret TOKEN, from a .env file.
func resolveFile(t *testing.T, text string, secret bool) ([]Source, Schema, string) {
	t.Helper()
	s := Schema{Variables: []Variable{
		{Variable: spec.Variable{Name: "ADDRESS", At: line(4), Rule: spec.Rule{Type: vartype.Regex, Pattern: "x+"}, Secret: secret}, Pos: positionOf(line(4))},
		{Variable: spec.Variable{Name: "TOKEN", At: line(5), Secret: true}, Pos: positionOf(line(5))},
	}}
	sources, err := Layers{Dir: project(t, map[string]string{".env": text}), Environ: []string{"TOKEN=sesame"}}.Read(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Resolver{}.Resolve(s, sources...)
	var said []string
	for _, f := range fault.All(err) {
		said = append(said, fmt.Sprint(f, " ", f.Hint))
	}
	return sources, s, strings.Join(said, "\n")
}

// What a .env file makes of a secret is one, or is refused; it is not shown.
func TestAValueMadeOfASecret(t *testing.T) {
	const refused = "sandwright.yaml:4:3: cannot use ADDRESS from .env: TOKEN stands in it, which is a secret set secret: true for ADDRESS too"
	for text, want := range map[string]string{
		"ADDRESS=a-$TOKEN":                     refused,
		"ADDRESS=\"a-${TOKEN}\"":               refused,
		"ADDRESS=${NONE:-${TOKEN}}":            refused,
		"MADE=${TOKEN}\nADDRESS=$MADE":         refused,
		"A=$TOKEN\nB=$A\nA=x\nADDRESS=$B":      refused,
		"A=\nA=$A$A\nA=$A$TOKEN$A\nADDRESS=$A": refused,
		"ADDRESS='$TOKEN'":                     `sandwright.yaml:4:3: cannot use ADDRESS from .env: "$TOKEN" is not a text that matches x+ correct it in .env:1:1`,
		"A=x\nADDRESS=$A":                      "",
		"A=$TOKEN\nADDRESS=x":                  "",
		"TOKEN=$TOKEN\nADDRESS=xx":             "",
		"A=$TOKEN\nADDRESS=":                   "",
	} {
		sources, s, got := resolveFile(t, text+"\n", false)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, -want +got:\n%s", text, diff)
		}
		if shown := fmt.Sprint(s.Explain("", sources)); strings.Contains(shown, "sesame") {
			t.Errorf("%s: explain shows %s", text, shown)
		}
	}
	if _, _, got := resolveFile(t, "ADDRESS=a-$TOKEN\n", true); strings.Contains(got, "stands in it") || strings.Contains(got, "sesame") {
		t.Errorf("a secret made of a secret: %s", got)
	}
}

// A variable of a file that cannot be read is not said to be missing as well.
func TestAnUnreadableFileHasItsVariables(t *testing.T) {
	s := of(spec.Variable{Name: "TOKEN", Secret: true, Required: true}, spec.Variable{Name: "BAD", Required: true}, spec.Variable{Name: "NONE", Required: true})
	sources, err := Layers{Dir: project(t, map[string]string{".env": "TOKEN=x\nBAD=$sesame\n"})}.Read(t.Context(), s)
	_, more := Resolver{}.Resolve(s, sources...)
	var said []string
	for _, f := range append(fault.All(err), fault.All(more)...) {
		said = append(said, f.What)
	}
	want := []string{"cannot replace a variable in BAD: it has no value", "cannot find a value for NONE: it is required"}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The second line of a value that has no quotes is not a name to show.
func TestASecondLineIsNotShown(t *testing.T) {
	path := filepath.Join(project(t, map[string]string{"f": "OTHER=1\nTOKEN=sesame-one\nc2VzYW1lLXR3bw==\n"}), "f")
	s := Schema{Variables: []Variable{{Variable: spec.Variable{Name: "TOKEN", Secret: true}}}}
	sources, err := Layers{Files: []string{path}}.Read(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Resolver{}.Resolve(s, sources...)
	var got []string
	for _, f := range fault.All(err) {
		got = append(got, strings.ReplaceAll(fmt.Sprint(f), path, "f"))
	}
	want := []string{
		"f:1:1: cannot use OTHER from f: it is not declared",
		"f:3:1: cannot use the variable of this line from f: it is not declared",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
