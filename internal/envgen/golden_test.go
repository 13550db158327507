package envgen

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	composedotenv "github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/env"
)

var update = flag.Bool("update", false, "write the golden files")

// example is the schema that these tests write.
func example(t *testing.T) *config.File {
	t.Helper()
	data, err := os.ReadFile("testdata/sandwright.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := config.Parse("sandwright.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func everyScope() []string {
	return []string{config.ScopeBuild, config.ScopeRun, config.ScopePublish}
}

func TestGoldens(t *testing.T) {
	f := example(t)
	for _, g := range Generators() {
		entries := All(f, everyScope())
		if g.Code {
			entries = SeenBy(f, "web")
		}
		got, err := g.Write(entries, Options{Package: "env"})
		if err != nil {
			t.Fatalf("%s: %v", g.Name, err)
		}
		path := filepath.Join("testdata", g.Name+".golden")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s, -want +got:\n%s", g.Name, diff)
		}
	}
}

// A schema without variables gives files that are good, too.
func TestEmptySchema(t *testing.T) {
	for _, g := range Generators() {
		if out, err := g.Write(nil, Options{}); err != nil || len(out) == 0 {
			t.Errorf("%s: %q, %v", g.Name, out, err)
		}
	}
}

func TestOnce(t *testing.T) {
	f := example(t)
	err := Once(f, All(f, everyScope()))
	if err == nil || err.Error() != "sandwright.yaml:34:11: cannot generate a parser: PORT is declared more than once" {
		t.Errorf("got %v", err)
	}
	for _, service := range []string{"web", "worker"} {
		if err := Once(f, SeenBy(f, service)); err != nil {
			t.Error(err)
		}
	}
}

// What stands in the example of a .env file is what Compose and we read in it.
func TestDotenvReadsBack(t *testing.T) {
	entries := All(example(t), everyScope())
	out, err := dotenv(entries, Options{})
	if err != nil {
		t.Fatal(err)
	}
	given := regexp.MustCompile(`(?m)^#([A-Z_]+=)`).ReplaceAllString(string(out), "$1")
	ours, err := env.ParseFile(".env", []byte(given), nil)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := composedotenv.Parse(strings.NewReader(given))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(theirs, ours.Values); diff != "" {
		t.Errorf("-compose +ours:\n%s", diff)
	}
	for _, e := range entries {
		want := e.Example
		if e.Default != nil {
			want = *e.Default
		}
		if got, ok := ours.Values[e.Name]; !ok || e.Secret && got != "" || !e.Secret && e.Name != "PORT" && got != want {
			t.Errorf("%s is %q, want %q", e.Name, got, want)
		}
	}
}

// Patterns match the same in ECMAScript: real_test.go runs them. Here is how
// they are written.
func TestECMAScript(t *testing.T) {
	for pattern, want := range map[string]string{
		`a.b`:                `^(?:a[^\n]b)$`,
		`(?s).+?`:            `^(?:(?:[\s\S])+?)$`,
		`(?P<n>x|yz)*`:       `^(?:(?:(?:(?:x|yz)))*)$`,
		`(?i)k`:              `^(?:[Kk\u{212a}])$`,
		`[^a-c/-]`:           "^(?:[\\u{0}-,\\.0-`d-\\u{10ffff}])$",
		`\d{2,}\.`:           `^(?:(?:[0-9]){2,}\.)$`,
		`(?m)^a$`:            `^(?:(?<![^\n])a(?![^\n]))$`,
		`\bx\B`:              `^(?:\bx\B)$`,
		`[^\x00-\x{10FFFF}]`: `^(?:[^\s\S])$`,
		`é/`:                 `^(?:\u{e9}\/)$`,
		``:                   `^(?:(?:))$`,
	} {
		if got, err := ecmaScript(pattern); err != nil || got != want {
			t.Errorf("%s becomes %s, %v, want %s", pattern, got, err, want)
		}
	}
	if _, err := ecmaScript("("); err == nil {
		t.Error("a broken pattern is written")
	}
}

func TestGoNames(t *testing.T) {
	var entries []Entry
	for _, name := range []string{"API_KEY", "APIKEY", "api_key", "_", "__X__", "9", "DATABASE_URL", "userId"} {
		entries = append(entries, Entry{Name: name})
	}
	want := map[string]string{"API_KEY": "APIKey", "APIKEY": "Apikey", "api_key": "APIKey_2", "_": "Var", "__X__": "X", "9": "Var9", "DATABASE_URL": "DatabaseURL", "userId": "Userid"}
	if diff := cmp.Diff(want, goNames(entries)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSeenBy(t *testing.T) {
	var names []string
	for _, e := range SeenBy(example(t), "worker") {
		names = append(names, e.Name+"="+e.Service)
	}
	got := " " + strings.Join(names, " ") + " "
	for text, want := range map[string]bool{" PORT=worker ": true, " QUEUE=worker ": true, " MODE= ": true, " PORT= ": false, " SENTRY_TOKEN= ": false, " REGION= ": false} {
		if strings.Contains(got, text) != want {
			t.Errorf("%s: %v in %s", text, !want, got)
		}
	}
}
