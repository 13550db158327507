package internal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestPromises: each promise of the threat model names a test or a script of the
// package that it names before, and a test's cases are cases of that package.
func TestPromises(t *testing.T) {
	data, err := os.ReadFile("../docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile("`([\\w./-]+)`|\\b((?:Test|Fuzz)[A-Z]\\w+)|\"([^\"]+)\"|script ([\\w-]+)|bad/[\\w-]+\\.yaml")
	promises := 0
	for _, row := range strings.Split(string(data), "\n") {
		cells := strings.Split(row, " | ")
		if len(cells) != 3 || strings.HasPrefix(row, "| What could") {
			continue
		}
		promises++
		at, tests, held := "", "", false
		for _, word := range words.FindAllStringSubmatch(cells[2], -1) {
			var there bool
			switch {
			case word[1] != "":
				at, tests = filepath.Join("..", word[1]), testsIn(t, filepath.Join("..", word[1]))
				continue
			case word[2] != "":
				there = strings.Contains(tests, "\nfunc "+word[2]+"(")
			case word[3] != "":
				there = strings.Contains(tests, strconv.Quote(word[3]))
			case word[4] != "":
				_, err := os.Stat(filepath.Join(at, "testdata", "script", word[4]+".txtar"))
				there = err == nil
			default:
				_, err := os.Stat(filepath.Join(at, "testdata", word[0]))
				there = err == nil
			}
			if held = true; !there {
				t.Errorf("%s has no %s, which is to hold: %s", at, word[0], cells[1])
			}
		}
		if !held {
			t.Errorf("no test is said to hold: %s", cells[1])
		}
	}
	if promises < 90 {
		t.Errorf("the threat model has %d promises", promises)
	}
}

// testsIn is the text of a package's tests.
func testsIn(t *testing.T, dir string) string {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(dir, "*_test.go")) // the pattern is fixed
	text := "\n"
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text += string(data)
	}
	return text
}

// TestDocuments: each test that a document names exists, and the map of the house
// names each package.
func TestDocuments(t *testing.T) {
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(data), -1) {
			tests[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	read := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	var documents []string
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../docs/decisions/*.md"} {
		found, _ := filepath.Glob(pattern) // the patterns are fixed
		documents = append(documents, found...)
	}
	named := 0
	for _, document := range documents {
		for _, name := range regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w+`).FindAllString(read(document), -1) {
			if named++; !tests[name] {
				t.Errorf("%s names %s, and there is no such test", filepath.Base(document), name)
			}
		}
	}
	if named < 100 {
		t.Errorf("%d documents name %d tests", len(documents), named)
	}
	house := read("../CONTRIBUTING.md")
	for name := range floors {
		if !regexp.MustCompile(`[^\w/]`+name+`[^\w/]`).MatchString(house) && !strings.HasSuffix(name, "test") && name != "provider/local/usernet" {
			t.Errorf("CONTRIBUTING.md does not say what the package %s is", name)
		}
	}
}
