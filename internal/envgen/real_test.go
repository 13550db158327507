package envgen

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/env"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// run runs a real program to its end, and gives what it prints.
func run(t *testing.T, dir string, stdin []byte, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, bytes.NewReader(stdin), &out, &errs
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out.Bytes(), errs.Bytes())
	}
	return out.Bytes()
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// environments are what the parsers are asked about: a good one, and each text
// in the place of one variable's.
func environments() []map[string]string {
	good := map[string]string{
		"SITE": "https://example.com", "COUNT": "-12", "PEER": "[::1]:80", "OPS_EMAIL": "ops@example.com", "TOKEN_SHAPE": "SK-ab1.", "DATA_DIR": "/data",
		"FLAGS": `{"a": [1, null]}`, "SIGNING_KEY": "_-8AAQ==", "API_KEY": "sesame", "WEIGHTS": "1; 2;+3", "VERSION": "1.2.3-rc.1", "DEBUG": "1", "NOTE": "",
		"__proto__": "x", "toString": "y",
	}
	texts := map[string][]string{
		"MODE":          {"production", "Development", ""},
		"COUNT":         {"1.5", "x", "0x10", "9007199254740991", " 1", "1\n"},
		"RATIO":         {"1e3", ".5", "5.", "NaN", "Infinity", "1e999", "1_0", "0x1"},
		"DEBUG":         {"true", "TRUE", "yes", "0"},
		"PORT":          {"0", "65535", "65536", "080", "http"},
		"SITE":          {"", "ftp://x", "HTTP://x", "http://", "http://u:p@h:1/%41?x#y", "http://h/%zz", "http://a b"},
		"DB_HOST":       {"a_b", "300.1.1.1", "::1", "fe80::1%eth0", "a..b", strings.Repeat("a.", 127) + "a", "é", ""},
		"FALLBACK_HOST": {"other", "-a"},
		"PEER":          {"db:5432", "::1:80", "db:0", "db"},
		"OPS_EMAIL":     {"a", "a@b_c", "o'neil@a-b.example"},
		"TIMEOUT":       {"0", "500ms", "1.5h", "1d", "-1s", "999999999h", "2562047h47m16.854775807s", "2562047h47m16.854775808s", "2562047h47m16.9s"},
		"UPLOAD_LIMIT":  {"0", "64 KiB", "10mb", "1.5MB", "9007199254740991", "9007199254740992", "999999999999TiB", "7TB"},
		"TOKEN_SHAPE":   {"sk-abcde", "ſk-ab", "sK-ab", "☕☕", "☕x", "xsk-ab", "sk-ab\n"},
		"DATA_DIR":      {"data", "/", "/a b"},
		"FLAGS":         {"null", "{", "1 2", "[]"},
		"SIGNING_KEY":   {"aGk=", "aGkh", "aGkx=", "a", "+/8A"},
		"API_KEY":       {""},
		"ORIGINS":       {"a, b", "a,,b", ",", "", " a "},
		"WEIGHTS":       {"1", "1;x", ";", "1,2", ""},
		"SCHEDULE":      {"@daily", "* * * *", "60 * * * *", "*/5 0-6 1,15 jan-MAR Mon"},
		"VERSION":       {"1.2", "v1.2.3", "01.2.3", "1.0.0+b"},
	}
	out := []map[string]string{good, {}, {"MODE": "production", "SITE": "http://x"}}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		for _, text := range texts[name] {
			one := map[string]string{name: text}
			for other, value := range good {
				if other != name {
					one[other] = value
				}
			}
			out = append(out, one)
		}
	}
	return out
}

// verdict is which variables have a fault.
func verdict(t *testing.T, vars []Entry, given map[string]string) string {
	t.Helper()
	var schema env.Schema
	for _, e := range vars {
		schema.Variables = append(schema.Variables, env.Variable{Variable: spec.Variable{
			Name: e.Name, Rule: e.Rule, Required: e.Required, RequiredIf: e.RequiredIf, Default: e.Default, DefaultFrom: e.DefaultFrom, AllowEmpty: e.AllowEmpty, Secret: true,
		}})
	}
	for i := range schema.Variables {
		schema.Variables[i].Schema = "" // the parsers leave it to us
	}
	_, err := env.Resolver{}.Resolve(schema, env.Source{Values: given, Ambient: true})
	var said []string
	for _, f := range fault.All(err) {
		said = append(said, f.What)
	}
	return inWords(said, given)
}

// inWords are the variables that faults are about. One that has its value from
// another that is wrong is not counted: parsers say it of both.
func inWords(said []string, given map[string]string) string {
	return strings.Join(slices.DeleteFunc(names(said), func(name string) bool {
		return name == "DB_HOST" && given["DB_HOST"] == "" && given["FALLBACK_HOST"] != ""
	}), " ")
}

// names are the variables that sentences are about.
func names(said []string) (out []string) {
	for _, s := range said {
		s = strings.TrimPrefix(strings.TrimPrefix(s, "cannot find a value for "), "cannot use ")
		out = append(out, strings.Trim(strings.Fields(s)[0], ":"))
	}
	return out
}

// compare holds a parser to what we say ourselves of each environment.
func compare(t *testing.T, vars []Entry, answers []byte) []map[string]any {
	t.Helper()
	var got []struct {
		Faults []string       `json:"faults"`
		Values map[string]any `json:"values"`
	}
	if err := json.Unmarshal(answers, &got); err != nil {
		t.Fatalf("%v\n%s", err, answers)
	}
	envs, refused := environments(), 0
	var values []map[string]any
	for i, given := range envs {
		if want := verdict(t, vars, given); want != inWords(got[i].Faults, given) {
			t.Errorf("%q: %q, want %q", given, got[i].Faults, want)
		}
		if len(got[i].Faults) > 0 {
			refused++
		}
		if strings.Contains(fmt.Sprint(got[i].Faults), "sesame") {
			t.Errorf("a value is shown: %q", got[i].Faults)
		}
		values = append(values, got[i].Values)
	}
	if len(got) != len(envs) || refused < 30 {
		t.Errorf("%d answers to %d environments, %d refused", len(got), len(envs), refused)
	}
	return values
}

func TestTypeScriptWithTheRealCompiler(t *testing.T) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("cannot find %s: run: apt-get install nodejs npm", program)
		}
	}
	vars := SeenBy(example(t), "web")
	source, err := typescript(vars, Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"env.ts":        string(source),
		"use.ts":        use,
		"drive.mjs":     drive,
		"package.json":  `{"type": "module", "private": true}`,
		"tsconfig.json": tsconfig,
	})
	run(t, dir, nil, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--save-exact", "typescript@5.9.3", "ajv@8.17.1")
	run(t, dir, nil, "node", "node_modules/typescript/bin/tsc", "-p", ".")
	input, err := json.Marshal(environments())
	if err != nil {
		t.Fatal(err)
	}
	values := compare(t, vars, run(t, dir, input, "node", "drive.mjs"))
	want := map[string]any{
		"MODE": "development", "NAME": "a \"b\" 'c' $d # e \\ */", "COUNT": -12.0, "RATIO": 0.5, "DEBUG": true, "PORT": 3000.0, "SITE": "https://example.com",
		"DB_HOST": "localhost", "FALLBACK_HOST": "localhost", "PEER": "[::1]:80", "OPS_EMAIL": "ops@example.com", "TIMEOUT": 90000.0, "UPLOAD_LIMIT": 1e7,
		"TOKEN_SHAPE": "SK-ab1.", "DATA_DIR": "/data", "FLAGS": map[string]any{"a": []any{1.0, nil}}, "SIGNING_KEY": map[string]any{"0": 255.0, "1": 239.0, "2": 0.0, "3": 1.0},
		"API_KEY": "sesame", "ORIGINS": []any{}, "WEIGHTS": []any{1.0, 2.0, 3.0}, "SCHEDULE": "0 3 * * 1", "VERSION": "1.2.3-rc.1", "OLD_NAME": "a \"b\" 'c' $d # e \\ */", "NOTE": "",
	}
	if diff := cmp.Diff(want, values[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	validate(t, dir, vars, input)
}

// validate asks a real validator of JSON Schema: it refuses what we refuse, but
// for what vartype.Pattern says that no pattern can.
func validate(t *testing.T, dir string, vars []Entry, input []byte) {
	t.Helper()
	schema, err := jsonSchema(vars, Options{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string]string{"schema.json": string(schema), "validate.mjs": validateAll})
	var valid []bool
	if err := json.Unmarshal(run(t, dir, input, "node", "validate.mjs"), &valid); err != nil {
		t.Fatal(err)
	}
	beyond, refused := []string{"FLAGS", "UPLOAD_LIMIT", "TIMEOUT", "RATIO", "SIGNING_KEY", "DB_HOST"}, 0
	for i, given := range environments() {
		said := verdict(t, vars, given)
		if !valid[i] {
			refused++
		}
		if valid[i] != (said == "") && (!valid[i] || !slices.Contains(beyond, said)) {
			t.Errorf("%q: valid is %v, and we say %q", given, valid[i], said)
		}
	}
	if refused < 30 {
		t.Errorf("%d refused", refused)
	}
}

const validateAll = `import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
const validate = new Ajv.default({ strict: true, strictRequired: false }).compile(JSON.parse(readFileSync("schema.json", "utf8")));
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map((one) => validate(one))));
`

const tsconfig = `{"compilerOptions": {
	"strict": true, "noUncheckedIndexedAccess": true, "exactOptionalPropertyTypes": true, "noUnusedLocals": true, "noUnusedParameters": true,
	"noImplicitReturns": true, "noPropertyAccessFromIndexSignature": true, "verbatimModuleSyntax": true, "isolatedModules": true,
	"target": "es2020", "lib": ["es2020"], "module": "esnext", "moduleResolution": "bundler", "types": [], "outDir": "out"
}, "files": ["env.ts", "use.ts"]}`

// use compiles only where the types are what they are said to be.
const use = `import { parseEnv, EnvError, type Env } from "./env.js";
const env: Env = parseEnv({ SITE: "https://x" });
export const port: number = env.PORT;
export const mode: "development" | "production" = env.MODE;
export const debug: boolean = env.DEBUG;
export const count: number | undefined = env.COUNT;
export const key: Uint8Array | undefined = env.SIGNING_KEY;
export const weights: readonly number[] | undefined = env.WEIGHTS;
export const origins: readonly string[] | undefined = env.ORIGINS;
export const faults: readonly string[] = new EnvError(["x"]).faults;
// @ts-expect-error it may have no value
export const version: string = env.VERSION;
// @ts-expect-error it is read-only
env.PORT = 1;
// @ts-expect-error it is not of this service
export const queue = env.QUEUE;
`

const drive = `import { readFileSync } from "node:fs";
import { parseEnv, EnvError } from "./out/env.js";
const answers = JSON.parse(readFileSync(0, "utf8")).map((one) => {
  try {
    return { faults: [], values: parseEnv(one) };
  } catch (error) {
    if (!(error instanceof EnvError)) throw error;
    return { faults: error.faults };
  }
});
console.log(JSON.stringify(answers));
`

func TestGoWithTheRealCompiler(t *testing.T) {
	vars := SeenBy(example(t), "web")
	source, err := golang(vars, Options{Package: "settings"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, map[string]string{"go.mod": "module example.com/app\n\ngo 1.24\n", "settings/env.go": string(source), "main.go": goDriver})
	run(t, dir, nil, "go", "vet", "./...")
	input, err := json.Marshal(environments())
	if err != nil {
		t.Fatal(err)
	}
	values := compare(t, vars, run(t, dir, input, "go", "run", "."))
	want := map[string]any{
		"Mode": "development", "Name": "a \"b\" 'c' $d # e \\ */", "Count": -12.0, "Ratio": 0.5, "Debug": true, "Port": 3000.0, "Site": "https://example.com",
		"DBHost": "localhost", "FallbackHost": "localhost", "Peer": "[::1]:80", "OpsEmail": "ops@example.com", "Timeout": 90e9, "UploadLimit": 1e7,
		"TokenShape": "SK-ab1.", "DataDir": "/data", "Flags": map[string]any{"a": []any{1.0, nil}}, "SigningKey": "/+8AAQ==",
		"APIKey": "[secret]", "Origins": nil, "Weights": []any{1.0, 2.0, 3.0}, "Schedule": "0 3 * * 1", "Version": "1.2.3-rc.1", "OldName": "a \"b\" 'c' $d # e \\ */", "Note": "",
	}
	if diff := cmp.Diff(want, values[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

const goDriver = `package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"example.com/app/settings"
)

type answer struct {
	Faults []string      ` + "`json:\"faults\"`" + `
	Values *settings.Env ` + "`json:\"values\"`" + `
}

func main() {
	var all []map[string]string
	if err := json.NewDecoder(os.Stdin).Decode(&all); err != nil {
		panic(err)
	}
	answers := []answer{}
	for _, one := range all {
		e, err := settings.Parse(func(name string) (string, bool) { v, ok := one[name]; return v, ok })
		if err != nil {
			answers = append(answers, answer{Faults: strings.Split(err.Error(), "\n")})
			continue
		}
		if e.APIKey != nil && strings.Contains(fmt.Sprintf("%v %#v %q", *e.APIKey, *e.APIKey, *e.APIKey), "sesame") {
			panic("the secret is printed")
		}
		answers = append(answers, answer{Values: &e})
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		panic(err)
	}
}
`
