package workspace

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// rules is the table of docs/install-inputs.md: what of a manifest is an input
// of an install, of which package manager, and why.
func rules() string {
	var b strings.Builder
	b.WriteString("| field | of | why |\n|---|---|---|\n")
	for _, f := range installFields() {
		of := "all"
		if len(f.of) > 0 {
			var names []string
			for _, k := range f.of {
				names = append(names, string(k))
			}
			of = strings.Join(names, ", ")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.name, of, f.why)
	}
	return b.String()
}

// The page lists the rules as they are, and the files.
func TestThePageListsTheRules(t *testing.T) {
	const page, start, end = "../../docs/install-inputs.md", "<!-- rules -->\n", "<!-- end -->\n"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), start)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the rules", page)
	}
	want := before + start + rules() + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(data) {
		t.Errorf("%s is out of date: run: go test ./internal/workspace -run Page -update", page)
	}
	var files []string
	for _, k := range []Kind{PNPM, NPM, YarnClassic, Yarn, Bun} {
		files = append(files, k.configFiles()...)
	}
	for _, names := range lockFiles() {
		files = append(files, names...)
	}
	slices.Sort(files)
	for _, file := range slices.Compact(files) {
		if !strings.Contains(string(data), "`"+file+"`") {
			t.Errorf("%s does not name %s", page, file)
		}
	}
}
