package env

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/vartype"
)

func ptr(text string) *string { return &text }

func line(n int) string { return fmt.Sprintf("sandwright.yaml:%d:3", n) }

// of is a schema without services.
func of(vars ...spec.Variable) Schema { return Schema{Variables: fromSpec(vars)} }

func typed(t spec.ValueType) spec.Rule { return spec.Rule{Type: t} }

func rendered(err error) string {
	var out bytes.Buffer
	fault.Render(&out, err, false)
	return out.String()
}

func TestCheckResolves(t *testing.T) {
	schema := of(
		spec.Variable{Name: "FLAG"}, spec.Variable{Name: "FILE"}, spec.Variable{Name: "HOST"}, spec.Variable{Name: "DEFAULT", Default: ptr("d")},
		spec.Variable{Name: "NONE"}, spec.Variable{Name: "EMPTY", Default: ptr("d")}, spec.Variable{Name: "EMPTY_DEFAULT", Default: ptr("")},
		spec.Variable{Name: "EMPTY_ALLOWED", AllowEmpty: true, Default: ptr("d")},
		spec.Variable{Name: "KEY", Secret: true, Required: true}, spec.Variable{Name: "COPY", DefaultFrom: "FILE"}, spec.Variable{Name: "COPY_OF_COPY", DefaultFrom: "COPY"},
		spec.Variable{Name: "OTHER", Rule: typed(vartype.Int), Required: true},
	)
	schema.Variables[len(schema.Variables)-1].Unused = true
	flags := Source{Name: "--env", Values: map[string]string{"FLAG": "1", "EMPTY": "", "EMPTY_ALLOWED": "", "OTHER": "x"}}
	file := Source{Name: ".env", Values: map[string]string{"FLAG": "2", "FILE": "2"}}
	host := FromEnviron([]string{"FLAG=3", "FILE=3", "HOST=3=3", "KEY=k", "PATH=/bin", "=C:=x", "bad", "BASH_FUNC_x%%=()"})
	got, err := Resolver{}.Resolve(schema, flags, file, host)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Value{
		"FLAG":          {"1", "--env", false, true},
		"FILE":          {"2", ".env", false, true},
		"HOST":          {"3=3", "the environment", false, true},
		"DEFAULT":       {"d", "default", false, false},
		"EMPTY":         {"d", "default", false, false},
		"KEY":           {"k", "the environment", true, true},
		"COPY":          {"2", "default-from FILE", false, false},
		"COPY_OF_COPY":  {"2", "default-from COPY", false, false},
		"EMPTY_ALLOWED": {"", "--env", false, true},
	}
	if diff := cmp.Diff(want, got.Values); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Every fault at once, in a stable order, each with its place and a hint.
func TestCheckFaults(t *testing.T) {
	schema := of(
		spec.Variable{Name: "PORT", Rule: typed(vartype.Port), At: line(40)},
		spec.Variable{Name: "LEVEL", Rule: spec.Rule{Type: vartype.Enum, Values: []string{"debug", "info"}}, At: line(41)},
		spec.Variable{Name: "SITE", Rule: typed(vartype.URL), At: line(39)},
		spec.Variable{Name: "DEBUG", Rule: typed(vartype.Bool), Default: ptr("yes"), At: line(42)},
		spec.Variable{Name: "COUNT", Rule: typed(vartype.Int), At: line(43)},
		spec.Variable{Name: "NAME", Required: true, At: line(44)},
		spec.Variable{Name: "TOKEN", Required: true, Secret: true, At: line(45)},
		spec.Variable{Name: "API_KEY", Rule: typed(vartype.Int), Secret: true, At: line(46)},
		spec.Variable{Name: "LONG", Rule: typed(vartype.Float), At: line(47)},
	)
	flags := Source{Name: "--env", Values: map[string]string{"PROT": "sesame", "ZZZ": "sesame"}}
	file, err := ParseFile(".env", []byte("COUNT=many\nAPI_KYE=sesame\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	host := FromEnviron([]string{"PORT=abc", "LEVEL=trace", "SITE=postgres//u:sesame@h", "API_KEY=sesame", "LONG=" + strings.Repeat("é", 100)})
	values, err := Resolver{}.Resolve(schema, flags, file, host)
	if values.Values != nil {
		t.Errorf("values came with faults: %v", values)
	}
	if fault.Code(err) != fault.ExitConfig {
		t.Errorf("exit code %d", fault.Code(err))
	}
	want := `error: cannot use PROT from --env: it is not declared
hint:  did you mean PORT?
error: cannot use ZZZ from --env: it is not declared
hint:  declare it in sandwright.yaml: env: {ZZZ: {}}
error: .env:2:1: cannot use API_KYE from .env: it is not declared
hint:  did you mean API_KEY?
error: sandwright.yaml:39:3: cannot use SITE from the environment: it is not a url, a url has a scheme and a host
hint:  give SITE another value, or change its type
error: sandwright.yaml:40:3: cannot use PORT from the environment: "abc" is not a port, a port is 1 to 65535
hint:  give PORT another value, or change its type
error: sandwright.yaml:41:3: cannot use LEVEL from the environment: "trace" is not one of debug, info
hint:  give LEVEL another value, or change its type
error: sandwright.yaml:42:3: cannot use DEBUG from default: "yes" is not a bool, a bool is true, false, 1 or 0
hint:  give DEBUG another value, or change its type
error: sandwright.yaml:43:3: cannot use COUNT from .env: "many" is not an int, an int is a whole number
hint:  correct it in .env:1:1
error: sandwright.yaml:44:3: cannot find a value for NAME: it is required
hint:  export NAME, or give --env NAME=VALUE
error: sandwright.yaml:45:3: cannot find a value for TOKEN: it is required
hint:  export TOKEN, or TOKEN_FILE with the path of a file that holds it, or put it in a file for --env-file
error: sandwright.yaml:46:3: cannot use API_KEY from the environment: it is not an int, an int is a whole number
hint:  give API_KEY another value, or change its type
error: sandwright.yaml:47:3: cannot use LONG from the environment: "` + strings.Repeat("é", 60) + `…" is not a float, a float is a decimal number
hint:  give LONG another value, or change its type
`
	if diff := cmp.Diff(want, rendered(err)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// No way of printing a secret shows any of it, nor how long it is.
func TestSecretsStayHidden(t *testing.T) {
	for _, vt := range vartype.All() {
		schema := of(spec.Variable{Name: "KEY", Rule: spec.Rule{Type: vt, Values: []string{"a"}, Pattern: "a", MinBytes: 1}, Secret: true, At: line(1)})
		said := map[string]bool{}
		for _, secret := range []string{"q!", "qwerty!", strings.Repeat("q", 300) + "!"} {
			result, err := Resolver{}.Resolve(schema, Source{Name: "--env", Values: map[string]string{"KEY": secret}})
			for _, text := range printed(t, result.Values, err) {
				if strings.Contains(strings.ReplaceAll(text, "required", ""), "q") {
					t.Errorf("%s: shown in %s", vt, text)
				}
			}
			said[strings.Join(printed(t, result.Values, err), "\n")] = true
		}
		if len(said) != 1 {
			t.Errorf("%s: what is said depends on the secret: %v", vt, said)
		}
	}
}

func printed(t *testing.T, values map[string]Value, err error) []string {
	t.Helper()
	data, jsonErr := json.Marshal(values)
	if jsonErr != nil {
		t.Fatal(jsonErr)
	}
	var faults bytes.Buffer
	if jsonErr := fault.RenderJSON(&faults, err); jsonErr != nil {
		t.Fatal(jsonErr)
	}
	return []string{
		string(data), faults.String(), rendered(err),
		fmt.Sprint(values), fmt.Sprintf("%v %+v %#v %s %q", values, values, values, values, values),
		fmt.Sprintf("%x %d %v", values["KEY"], values["KEY"], []Value{values["KEY"]}),
	}
}

func TestValuePrints(t *testing.T) {
	plain, secret := Value{Text: "x", From: "--env"}, Value{Text: "x", From: "--env", Secret: true}
	for want, got := range map[string]string{
		`x`:                                   fmt.Sprint(plain),
		`"x"`:                                 fmt.Sprintf("%#v", plain),
		`[secret]`:                            fmt.Sprint(secret),
		`"[secret]"`:                          fmt.Sprintf("%#v", secret),
		`{"from":"--env","value":"x"}`:        encoded(t, plain),
		`{"from":"--env","value":"[secret]"}`: encoded(t, secret),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestFromFlags(t *testing.T) {
	s, err := FromFlags([]string{"A=1", "B=x=y", "A=2", "C="})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"A": "2", "B": "x=y", "C": ""}, s.Values); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_, err = FromFlags([]string{"A=1", "sesame", "9=x", "=x", "a-b=x", "N=a\x00b"})
	if list := fault.All(err); len(list) != 5 || strings.Contains(rendered(err), "sesame") || fault.Code(err) != fault.ExitUsage {
		t.Errorf("%d faults, code %d:\n%s", len(list), fault.Code(err), rendered(err))
	}
}

func TestFromTheRealEnvironment(t *testing.T) {
	t.Setenv("SANDWRIGHT_TEST_PORT", "3000")
	result, err := Resolver{}.Resolve(of(spec.Variable{Name: "SANDWRIGHT_TEST_PORT", Rule: typed(vartype.Port)}), FromEnviron(os.Environ()))
	if err != nil || result.Values["SANDWRIGHT_TEST_PORT"].Text != "3000" {
		t.Errorf("%v, %v", result, err)
	}
}
