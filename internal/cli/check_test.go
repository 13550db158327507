package cli

import (
	"testing"

	"github.com/sandwright/sandwright/internal/stage"
)

// Folders are no files; links are.
func TestCheckCountsFiles(t *testing.T) {
	entries := []stage.Entry{{Path: "a", Kind: stage.Dir}, {Path: "a/b", Kind: stage.File}, {Path: "a/c", Kind: stage.Link}}
	if n := files(entries); n != 2 {
		t.Errorf("%d files in %v", n, entries)
	}
}
