package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/vartype"
)

// A schema is read or refused, the same way twice. One that was accepted has
// defaults and examples that fit, keeps its rules through the image's spec,
// and never waits for a variable that is not there.
func FuzzVariables(f *testing.F) {
	for _, seed := range []string{
		"A: {type: port, default: 3000, example: 80, services: [a]}",
		"A: {type: enum, values: [x, y], required-if: {B: [x], C: y}}\n  B: {type: enum, values: [x]}\n  C: {default-from: B}",
		"A: {type: json, schema: {type: object, properties: {a: {minimum: 1.5}}}, secret: true, from: {exec: [a, b], timeout: 1s}}",
		"A: {type: list, items: url, separator: \";\", allow-empty: true, default: \"\"}\n  B: {type: regex, pattern: \"(?i)a|b\", default: B}",
		"A: {type: url, schemes: [https], scope: [build, run], deprecated: true, default-from: A}\n  B: {default-from: C}\n  C: {default-from: B}",
		"A: &a {type: base64, min-bytes: 3, from: {file: x}, secret: true}\n  B: *a\n  D: {type: path, kind: dir, exists: false}",
	} {
		f.Add(seed, "{A: {type: int, default: 1}, B: fixed}")
	}
	f.Fuzz(func(t *testing.T, variables, own string) {
		text := []byte(smallest + "env:\n  " + variables + "\nservices: {a: {command: [a], env: " + own + "}}\n")
		file, err := Parse(Name, text)
		again, second := Parse(Name, text)
		if fmt.Sprint(err) != fmt.Sprint(second) || !reflect.DeepEqual(file, again) {
			t.Fatalf("first %v\nthen %v", err, second)
		}
		if err != nil {
			return
		}
		for name, v := range file.Env {
			accepted(t, file, name, v)
		}
		for _, s := range file.Services {
			for name, v := range s.Vars {
				accepted(t, file, name, v)
			}
		}
	})
}

func accepted(t *testing.T, file *File, name string, v Variable) {
	t.Helper()
	var c vartype.Checker
	for _, text := range []*string{v.Default, &v.Example} {
		if text == nil || *text == "" {
			continue
		}
		if ok, _ := c.Fits(v.Rule, *text); !ok {
			t.Errorf("%s has %q, which is not %s", name, *text, vartype.Want(v.Rule))
		}
	}
	if v.Secret && v.Default != nil || v.From.Set() && !v.Secret || len(v.Scope) == 0 {
		t.Errorf("%s: %+v", name, v)
	}
	compiled := spec.Spec{Version: spec.Version, Variables: []spec.Variable{{Name: name, Rule: v.Rule, RequiredIf: v.RequiredIf, Default: v.Default}}}
	data, err := spec.Encode(compiled)
	if err != nil {
		t.Fatal(err)
	}
	back, err := spec.Decode(data)
	if err != nil || strings.ToValidUTF8(name, "") != name || fmt.Sprint(back.Variables[0].Rule) != fmt.Sprint(compiled.Variables[0].Rule) {
		t.Errorf("%s: %v\n%+v\n%+v", name, err, compiled, back)
	}
}
