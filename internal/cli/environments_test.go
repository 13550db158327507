package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
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
)

var update = flag.Bool("update", false, "write the golden files")

// An environment is a bad one: what differs from a good one, in words of
// NAME=VALUE, -NAME for one that is not set, and FILE:NAME=VALUE for a line of
// a file; and what is wrong with it, by hand. A secret holds "sesame".
type environment struct {
	name, differs, wrong string
	flags                []string
}

func badEnvironments() []environment {
	return []environment{
		{"a required variable is not set", "-SITE", "SITE", nil},
		{"a required variable is empty", "SITE=", "SITE", nil},
		{"a required secret is not set", "-API_KEY", "API_KEY", nil},
		{"a required secret is empty", "API_KEY=", "API_KEY", nil},
		{"nothing is set", "-SITE -API_KEY -QUEUE", "SITE API_KEY QUEUE QUEUE", nil},
		{"a url without a scheme", "SITE=example.com", "SITE", nil},
		{"a url with another scheme", "SITE=ftp://example.com", "SITE", nil},
		{"a url without a host", "SITE=https://", "SITE", nil},
		{"a url with a port too high", "SITE=https://example.com:70000", "SITE", nil},
		{"a port in words", "PORT=http", "PORT", nil},
		{"port 0", "PORT=0", "PORT", nil},
		{"a port too high", "PORT=70000", "PORT", nil},
		{"a port with a sign", "PORT=+80", "PORT", nil},
		{"a number in words", "WORKERS=four", "WORKERS", nil},
		{"a fraction for an int", "WORKERS=1.5", "WORKERS", nil},
		{"an int of more than 64 bits", "WORKERS=99999999999999999999", "WORKERS", nil},
		{"a hexadecimal int", "WORKERS=0x10", "WORKERS", nil},
		{"a comma in a float", "RATIO=0,5", "RATIO", nil},
		{"not a number", "RATIO=NaN", "RATIO", nil},
		{"a bool in words", "DEBUG=yes", "DEBUG", nil},
		{"a bool in capitals", "DEBUG=FALSE", "DEBUG", nil},
		{"a value that is not of the enum", "MODE=prod", "MODE", nil},
		{"a condition that is met", "MODE=production", "DATABASE_URL", nil},
		{"another that is met", "MODE=staging -QUEUE", "DATABASE_URL QUEUE QUEUE", nil},
		{"a condition on a variable that is set", "REDIS=redis:6379", "CA_FILE", nil},
		{"a host with a scheme", "DB_HOST=http://db", "DB_HOST", nil},
		{"a host that is nearly an address", "DB_HOST=10.0.0.300", "DB_HOST", nil},
		{"a host and no port", "REDIS=redis", "REDIS", nil},
		{"an address without brackets", "REDIS=::1:6379", "REDIS", nil},
		{"an email without a host", "OPS_EMAIL=ops", "OPS_EMAIL", nil},
		{"a duration without a unit", "TIMEOUT=30", "TIMEOUT", nil},
		{"a duration in days", "TIMEOUT=1d", "TIMEOUT", nil},
		{"a size with a fraction", "UPLOAD_LIMIT=1.5MB", "UPLOAD_LIMIT", nil},
		{"a size without a number", "UPLOAD_LIMIT=MB", "UPLOAD_LIMIT", nil},
		{"a text that does not match", "RELEASE=1.2", "RELEASE", nil},
		{"a relative path", "CACHE_DIR=cache", "CACHE_DIR", nil},
		{"broken JSON", "FLAGS={beta:true}", "FLAGS", nil},
		{"JSON of another shape", `FLAGS={"beta":"yes"}`, "FLAGS", nil},
		{"JSON with a member too many", `FLAGS={"beat":true}`, "FLAGS", nil},
		{"base64 of too few bytes", "SIGNING_KEY=c2VzYW1l", "SIGNING_KEY", nil},
		{"what is not base64", "SIGNING_KEY=sesame!", "SIGNING_KEY", nil},
		{"an item that is no url", "ORIGINS=https://a,b", "ORIGINS", nil},
		{"an empty item", "WEIGHTS=1;;2", "WEIGHTS", nil},
		{"four fields of a cron", "SCHEDULE=0_3_*_*", "SCHEDULE", nil},
		{"a version with a v", "VERSION=v1.2.3", "VERSION", nil},
		{"a secret of another form", "API_KEY=sesame-sesame", "API_KEY", nil},
		{"a secret that is short", "API_KEY=sk-sesam", "API_KEY", nil},
		{"a secret url that is broken", "DATABASE_URL=postgres//u:sesame@db/app", "DATABASE_URL", nil},
		{"a secret number in words", "PIN=sesame", "PIN", nil},
		{"a misspelled variable", "-SITE SIET=https://example.com", "SITE", nil},
		{"a misspelled flag", "", "PROT", []string{"--env", "PROT=3000"}},
		{"a flag that nobody declares", "", "COLOUR", []string{"--env", "COLOUR=sesame"}},
		{"a misspelled line of .env", ".env:API_KYE=sk-sesame99 .env:COMPOSE_FILE=x", "API_KYE", nil},
		{"a wrong line of .env", ".env:PORT=99999", "PORT", nil},
		{"a wrong line of .env.local over a good one", ".env:WORKERS=2 .env.local:WORKERS=two", "WORKERS", nil},
		{"a wrong line of a stage", ".env.staging:MODE=stage", "MODE", []string{"--stage", "staging"}},
		{"a secret file that is not there", "API_KEY_FILE=/nowhere/sesame -API_KEY", "API_KEY", nil},
		{"a program that may not run", "", "VAULT", []string{"--secret", "TOKEN=exec:echo"}},
		{"a program that fails", "", "VAULT", []string{"--allow-exec"}},
		{"variables of other scopes", "BUILD_ID=x UPLOAD_KEY=sesame!", "BUILD_ID UPLOAD_KEY", nil},
		{"a variable of one service", "LISTEN=3000 QUEUE=slwo", "LISTEN QUEUE", nil},
		{"much at once", "SITE=x PORT=x WORKERS=x DEBUG=x MODE=x API_KEY=sesame PIN=sesame FLAGS=x -QUEUE", "SITE PORT WORKERS DEBUG MODE FLAGS API_KEY PIN QUEUE QUEUE", nil},
	}
}

// place makes the environment and its files; the rest of ours is taken away.
func (e environment) place(t *testing.T) (dir string, given map[string]string) {
	t.Helper()
	dir = t.TempDir()
	files := map[string]string{"token": "sesame\n"}
	given = map[string]string{"SITE": "https://example.com", "API_KEY": "sk-sesame12", "QUEUE": "fast", "VAULT_FILE": filepath.Join(dir, "token")}
	for word := range strings.FieldsSeq(e.differs) {
		if name, ok := strings.CutPrefix(word, "-"); ok {
			delete(given, name)
			continue
		}
		name, value, _ := strings.Cut(word, "=")
		if file, name, ok := strings.Cut(name, ":"); ok {
			files[file] += name + "=" + value + "\n"
			continue
		}
		given[name] = strings.ReplaceAll(value, "_", " ")
	}
	if strings.Contains(e.wrong, "VAULT") {
		delete(given, "VAULT_FILE")
	}
	schema, err := os.ReadFile("testdata/environments/sandwright.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files["sandwright.yaml"] = string(schema)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, given
}

// check runs env check in that environment.
func (e environment) check(t *testing.T, dir string, given map[string]string, flags ...string) (out, errs string, code int) {
	t.Helper()
	before, path := os.Environ(), os.Getenv("PATH")
	os.Clearenv()
	defer func() {
		os.Clearenv()
		for _, pair := range before {
			name, value, _ := strings.Cut(pair, "=")
			os.Setenv(name, value)
		}
	}()
	os.Setenv("PATH", path)
	for name, value := range given {
		os.Setenv(name, value)
	}
	t.Chdir(dir)
	var stdout, stderr bytes.Buffer
	code = Run(t.Context(), "test", slices.Concat([]string{"env", "check"}, e.flags, flags), Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	return stdout.String(), stderr.String(), code
}

// Each bad environment gets every fault it has, in words that show nothing of
// a secret, and exit code 78.
func TestBadEnvironments(t *testing.T) {
	var all strings.Builder
	for _, e := range badEnvironments() {
		t.Run(e.name, func(t *testing.T) {
			dir, given := e.place(t)
			out, errs, code := e.check(t, dir, given)
			if code != fault.ExitConfig || out != "" {
				t.Errorf("exit code %d, stdout %q", code, out)
			}
			if strings.Contains(errs, "sesam") {
				t.Errorf("a secret is shown: %s", errs)
			}
			fmt.Fprintf(&all, "# %s\n%s\n", e.name, strings.ReplaceAll(errs, dir, "/project"))
			if found := e.found(t, dir, given); strings.Join(found, " ") != e.wrong {
				t.Errorf("found %v, want %s", found, e.wrong)
			}
		})
	}
	golden(t, "testdata/environments/want.txt", all.String())
	if n := len(badEnvironments()); n < 60 {
		t.Errorf("%d environments", n)
	}
}

// found is the variables that the JSON answer names. It says the same as that
// for people.
func (e environment) found(t *testing.T, dir string, given map[string]string) (names []string) {
	t.Helper()
	out, errs, code := e.check(t, dir, given, "--json")
	var answer struct {
		OK     bool           `json:"ok"`
		Faults []checkedFault `json:"faults"`
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.OK || errs != "" || code != fault.ExitConfig || strings.Contains(out, "sesam") {
		t.Errorf("exit code %d, %v\n%s%s", code, err, out, errs)
	}
	for _, f := range answer.Faults {
		names = append(names, f.Variable)
		if f.Rule == "" || f.At == "" && f.Source != "--env" || f.Hint == "" {
			t.Errorf("it lacks a rule, a place or a hint: %+v", f)
		}
	}
	return names
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s, -want +got:\n%s", path, diff)
	}
}

// original asks the style of check that ends at the first fault.
func original(t *testing.T, environments []map[string]string) (said []string) {
	t.Helper()
	input, err := json.Marshal(environments)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "testdata/environments/original.mjs")
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatal("cannot find node: run: apt-get install nodejs")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatal(err)
	}
	return said
}

const comparisonHead = `# Bad environments, checked twice

The same %d bad environments are given to ` + "`sandwright env check`" + ` and to the style of check that this project began with: each access to
` + "`process.env`" + ` looks after itself, and the first that fails ends the program (` + "`internal/cli/testdata/environments/original.mjs`" + `). For the latter, files and
flags are merged into the environment first. A test writes this page; what Sandwright says of each stands in ` + "`want.txt`" + ` beside it.

| | Sandwright | first fault only |
|---|---|---|
| faults named, of %d | %d | %d |
| environments let through | %d | %d |
| messages that show a secret | 0 | %d |
| messages with the place of the schema | all | none |

| environment | faults | first fault only names |
|---|---|---|
`

// The comparison in docs is what is seen.
func TestComparisonWithTheOriginal(t *testing.T) {
	var environments []map[string]string
	all := badEnvironments()
	for _, e := range all {
		_, given := e.place(t)
		environments = append(environments, e.merged(given))
	}
	var rows strings.Builder
	faults, named, through, leaks := 0, 0, 0, 0
	for i, said := range original(t, environments) {
		wrong := strings.Fields(all[i].wrong)
		faults += len(wrong)
		first := slices.IndexFunc(wrong, func(name string) bool { return strings.Contains(said, name) })
		about := "nothing: it starts"
		switch {
		case first >= 0:
			named++
			about = wrong[first]
		case said != "":
			about = "no variable"
		default:
			through++
		}
		if strings.Contains(said, "sesam") {
			leaks++
			about += ", and shows the secret"
		}
		fmt.Fprintf(&rows, "| %s | %s | %s |\n", all[i].name, strings.Join(wrong, ", "), about)
	}
	golden(t, "../../docs/bad-environments.md", fmt.Sprintf(comparisonHead, len(all), faults, faults, named, 0, through, leaks)+rows.String())
}

// merged puts files and flags over the environment, for who reads nothing else.
func (e environment) merged(given map[string]string) map[string]string {
	out := maps.Clone(given)
	for word := range strings.FieldsSeq(e.differs) {
		name, value, _ := strings.Cut(word, "=")
		if _, name, ok := strings.Cut(name, ":"); ok {
			out[name] = value
		}
	}
	if flags, err := env.FromFlags(slices.DeleteFunc(slices.Clone(e.flags), func(f string) bool { return !strings.Contains(f, "=") })); err == nil {
		maps.Copy(out, flags.Values)
	}
	return out
}
