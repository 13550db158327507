package env

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/vartype"
)

// shared is a schema with variables of two services.
func shared() Schema {
	return FromSpec(spec.Spec{
		Variables: []spec.Variable{
			{Name: "MODE", At: line(4), Rule: spec.Rule{Type: vartype.Enum, Values: []string{"dev", "prod"}}, Default: ptr("dev")},
			{Name: "PORT", At: line(5), Rule: typed(vartype.Port), Default: ptr("3000")},
		},
		Services: []spec.Service{
			{Name: "api", EnvFrom: []string{"MODE"}, Variables: []spec.Variable{
				{Name: "PORT", At: "sandwright.yaml:9:7", Rule: typed(vartype.Port), Default: ptr("4000")},
				{Name: "CERT", At: "sandwright.yaml:10:7", RequiredIf: []spec.When{{Name: "MODE", Values: []string{"prod"}}}},
			}},
			{Name: "web", EnvFrom: []string{"MODE", "PORT"}, Variables: []spec.Variable{{Name: "LISTEN", DefaultFrom: "PORT"}}},
			{Name: "plain", EnvFrom: []string{"MODE"}},
		},
	})
}

// A service's own variables are over the file's, and see those it sees.
func TestVariablesOfServices(t *testing.T) {
	for name, c := range map[string]struct {
		given map[string]string
		want  map[string]map[string]string
	}{
		"defaults": {nil, map[string]map[string]string{"": {"MODE": "dev", "PORT": "3000"}, "api": {"PORT": "4000"}, "web": {"LISTEN": "3000"}}},
		"given": {map[string]string{"PORT": "5000", "MODE": "prod", "CERT": "c"}, map[string]map[string]string{
			"": {"MODE": "prod", "PORT": "5000"}, "api": {"PORT": "5000", "CERT": "c"}, "web": {"LISTEN": "5000"},
		}},
	} {
		result, err := Resolver{}.Resolve(shared(), Source{Name: "--env", Values: c.given})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := map[string]map[string]string{"": texts(result.Values)}
		for service, own := range result.Own {
			got[service] = texts(own)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s, -want +got:\n%s", name, diff)
		}
	}
}

func texts(values map[string]Value) map[string]string {
	out := map[string]string{}
	for name, value := range values {
		out[name] = value.Text
	}
	return out
}

// Nothing is said twice: a variable whose default is that of a bad one, and a
// condition on a bad one, are silent.
func TestFaultsOfServices(t *testing.T) {
	for text, given := range map[string]map[string]string{
		`error: sandwright.yaml:10:7: cannot find a value for CERT of api: it is required where MODE is prod
hint:  start the sandbox with CERT
`: {"MODE": "prod"},
		`error: sandwright.yaml:4:3: cannot use MODE from --env: "production" is not one of dev, prod
hint:  start the sandbox with another MODE
`: {"MODE": "production"},
		`error: sandwright.yaml:5:3: cannot use PORT from --env: "x" is not a port, a port is 1 to 65535
error: sandwright.yaml:9:7: cannot use PORT of api from --env: "x" is not a port, a port is 1 to 65535
hint:  start the sandbox with another PORT
`: {"PORT": "x"},
	} {
		_, err := Resolver{}.Resolve(shared(), Source{Name: "--env", Values: given})
		if diff := cmp.Diff(text, rendered(err)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestConditions(t *testing.T) {
	when := func(conditions ...spec.When) Schema {
		return of(spec.Variable{Name: "A"}, spec.Variable{Name: "B"}, spec.Variable{Name: "X", RequiredIf: conditions})
	}
	set, is := spec.When{Name: "A"}, spec.When{Name: "B", Values: []string{"1", "2"}}
	for _, c := range []struct {
		schema Schema
		given  map[string]string
		want   bool
	}{
		{when(set), map[string]string{"A": "x"}, true},
		{when(set), map[string]string{"A": ""}, false},
		{when(is), map[string]string{"B": "2"}, true},
		{when(is), map[string]string{"B": "3"}, false},
		{when(set, is), map[string]string{"A": "x"}, false},
		{when(set, is), map[string]string{"A": "x", "B": "1"}, true},
		{when(set, is), map[string]string{"A": "x", "B": "1", "X": "y"}, false},
		{when(), map[string]string{"A": "x"}, false},
	} {
		_, err := Resolver{}.Resolve(c.schema, Source{Values: c.given, Ambient: true})
		if (err != nil) != c.want {
			t.Errorf("%v: %v, want a fault: %v", c.given, err, c.want)
		}
	}
}

// A circle of defaults, which no file has, ends.
func TestCircleOfDefaults(t *testing.T) {
	s := of(spec.Variable{Name: "A", DefaultFrom: "B"}, spec.Variable{Name: "B", DefaultFrom: "A"}, spec.Variable{Name: "C", DefaultFrom: "NOWHERE"})
	if result, err := (Resolver{}).Resolve(s); err != nil || len(result.Values) != 0 {
		t.Errorf("%v, %v", result, err)
	}
}

// What is given though it is deprecated is told, whether or not there are faults.
func TestDeprecated(t *testing.T) {
	s := of(spec.Variable{Name: "OLD", At: line(4), Secret: true}, spec.Variable{Name: "OLDER", At: line(5), Default: ptr("x")}, spec.Variable{Name: "OLDEST", At: line(6)})
	for i, instead := range []string{"use NEW", "use NEW", ""} {
		s.Variables[i].Deprecated = &instead
	}
	want := []string{"sandwright.yaml:4:3: OLD from --env is deprecated: use NEW", "sandwright.yaml:6:3: OLDEST from --env is deprecated"}
	given := Source{Name: "--env", Values: map[string]string{"OLD": "sesame", "OLDEST": "x"}}
	result, err := Resolver{}.Resolve(s, given)
	if diff := cmp.Diff(want, result.Notices); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	given.Values["UNKNOWN"] = "x"
	if result, err := (Resolver{}).Resolve(s, given); err == nil || len(result.Notices) != 2 {
		t.Errorf("%v, %v", result, err)
	}
}

func TestExplain(t *testing.T) {
	s := shared()
	got := s.Explain("PORT", []Source{{Name: "--env", Values: map[string]string{"PORT": ""}}, {Name: ".env", Values: map[string]string{"PORT": "x", "MODE": "y"}}})
	layers := func(fallback string) []Layer {
		return []Layer{{"--env", true, "empty, which counts as none", false}, {".env", true, "x", true}, {"default", true, fallback, false}}
	}
	want := []Explained{
		{"PORT", "", line(5), false, layers("3000"), `cannot use PORT from .env: "x" is not a port, a port is 1 to 65535`},
		{"PORT", "api", "sandwright.yaml:9:7", false, layers("4000"), `cannot use PORT of api from .env: "x" is not a port, a port is 1 to 65535`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	secret := of(spec.Variable{Name: "KEY", Secret: true}).Explain("KEY", []Source{{Name: "a", Values: map[string]string{"KEY": "sesame"}}, {Name: "b", Values: map[string]string{"KEY": "x"}}})
	if secret[0].Layers[0].Value != redacted || secret[0].Layers[1].Value != redacted {
		t.Errorf("%+v", secret)
	}
}

func TestPositionOf(t *testing.T) {
	for text, want := range map[string]string{"a.yaml:4:3": "a.yaml 4 3", "a:b.yaml:10:1": "a:b.yaml 10 1", "a.yaml": "a.yaml 0 0", "": " 0 0", "a:0:1": "a:0:1 0 0", "a:1": "a:1 0 0", "a:x:1": "a:x:1 0 0"} {
		p := positionOf(text)
		if got := p.File + " " + string(rune('0'+p.Line%10)) + " " + string(rune('0'+p.Column%10)); p.Line != 10 && got != want || p.Line == 10 && p.String() != text {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// A URL may hold a password: explain shows what is behind it.
func TestExplainHidesUsersOfURLs(t *testing.T) {
	for text, want := range map[string]string{
		"https://example.com/x":             "https://example.com/x",
		"https://me:sesame@example.com/x":   "https://[secret]@example.com/x",
		"https://me:sesame/@s@example.com":  "https://[secret]@example.com",
		"me:sesame@example.com":             "[secret]@example.com",
		"https://a:sesame@b, https://c:d@e": "https://[secret]@e",
	} {
		for _, rule := range []spec.Rule{typed(vartype.URL), {Type: vartype.List, Items: vartype.URL}} {
			got := of(spec.Variable{Name: "SITE", Rule: rule, Default: ptr(text)}).Explain("SITE", []Source{{Name: "--env", Values: map[string]string{"SITE": text}}})
			for _, layer := range got[0].Layers {
				if layer.Value != want {
					t.Errorf("%s of %s: %q, want %q", text, layer.Name, layer.Value, want)
				}
			}
		}
	}
}
