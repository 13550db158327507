package internal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

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
