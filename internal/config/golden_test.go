package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with the file, or writes it.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", file, diff)
	}
}

func inputs(t *testing.T, dir string, least int) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < least {
		t.Fatalf("%d files in testdata/%s, want at least %d", len(files), dir, least)
	}
	return files
}

func readFile(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Every bad file is refused with exactly the text that a person reads.
func TestBadFiles(t *testing.T) {
	for _, file := range inputs(t, "bad", 40) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			f, err := Parse(Name, readFile(t, file))
			if err == nil || f != nil {
				t.Fatal("it was accepted")
			}
			if code := fault.Code(err); code != fault.ExitConfig {
				t.Errorf("exit code %d, want %d", code, fault.ExitConfig)
			}
			var out bytes.Buffer
			fault.Render(&out, err, false)
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", out.Bytes())
		})
	}
}

// Messages keep the house's voice.
func TestVoice(t *testing.T) {
	for _, file := range inputs(t, "bad", 40) {
		_, err := Parse(Name, readFile(t, file))
		for _, f := range fault.All(err) {
			if !strings.HasPrefix(f.What, "cannot ") || strings.HasSuffix(f.What, ".") {
				t.Errorf("%s: %q", file, f.What)
			}
			for _, alien := range []string{"config.", "yaml.", "!!", "%!", "interface", "unmarshal", "\n"} {
				if strings.Contains(f.What+f.Hint, alien) {
					t.Errorf("%s: %q or its hint %q holds %q", file, f.What, f.Hint, alien)
				}
			}
		}
	}
}

// Nothing of a secret that was written into the file is shown.
func TestNoSecretIsShown(t *testing.T) {
	_, err := Parse(Name, readFile(t, "testdata/bad/default_secret.yaml"))
	var out bytes.Buffer
	fault.Render(&out, err, true)
	if err := fault.RenderJSON(&out, err); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"hunter", "sk-"} {
		if strings.Contains(out.String(), part) {
			t.Errorf("%q is shown:\n%s", part, out.String())
		}
	}
}

// Every good file is read into exactly this, defaults filled in.
func TestGoodFiles(t *testing.T) {
	for _, file := range inputs(t, "good", 3) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			f, err := Parse(Name, readFile(t, file))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(readFile(t, file)), "platforms:") {
				f.Platforms = nil // the machine's own
			}
			out, err := json.MarshalIndent(f, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".json", append(out, '\n'))
		})
	}
}
