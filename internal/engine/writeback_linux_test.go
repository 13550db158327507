package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatAStoppedMachineLeavesIsDropped, and nothing that a killed process does.
func TestWhatAStoppedMachineLeavesIsDropped(t *testing.T) {
	boot, err := os.ReadFile(bootIDFile)
	must(t, err)
	for _, c := range []struct {
		name, mark string
		kept       bool
	}{
		{"a store that was closed", "", true},
		{"a killed process", strings.TrimSpace(string(boot)), true},
		{"a machine that stopped", "00000000-0000-0000-0000-000000000000", false},
		{"a mark that is not whole", "x", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for _, name := range []string{lockName, logName, "cache.db", "runc-overlayfs/snapshots/metadata.db"} {
				must(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700))
				must(t, os.WriteFile(filepath.Join(root, name), []byte(name), 0o600))
			}
			if c.mark != "" {
				must(t, os.WriteFile(filepath.Join(root, writebackMark), []byte(c.mark), 0o600))
			}
			said := ""
			w, err := openWriteback(root, func(text string) { said = text })
			must(t, err)
			if got, err := os.ReadFile(w.mark()); err != nil || string(got) != strings.TrimSpace(string(boot)) {
				t.Errorf("the mark is %q, %v", got, err)
			}
			for _, name := range []string{"cache.db", "runc-overlayfs"} {
				if _, err := os.Stat(filepath.Join(root, name)); (err == nil) != c.kept {
					t.Errorf("%s: %v", name, err)
				}
			}
			for _, name := range []string{lockName, logName} {
				if _, err := os.Stat(filepath.Join(root, name)); err != nil {
					t.Error(err)
				}
			}
			if (said == "") != c.kept {
				t.Errorf("it says %q", said)
			}
			must(t, w.close())
			if _, err := os.Stat(w.mark()); !os.IsNotExist(err) {
				t.Errorf("the mark is still there: %v", err)
			}
		})
	}
}
