//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sandwright/sandwright/internal/receipt"
)

// Whatever stands in the place of the seal, only what the receipt says is run.
func TestSyncForgedSeals(t *testing.T) {
	w := newWorkbench(t)
	w.write("package.json", `{"dependencies":{"a":"1"}}`)
	if _, stderr, code := w.sync("--run"); code != 0 {
		t.Fatal(stderr)
	}
	w.ran()
	seal := filepath.Join(w.home, ".local/state/sandwright/seal.json")
	good, err := os.ReadFile(seal)
	if err != nil {
		t.Fatal(err)
	}
	place := func(make func() error) func() {
		return func() {
			if err := os.Remove(seal); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if err := make(); err != nil {
				t.Fatal(err)
			}
		}
	}
	text := func(text string) func() {
		return place(func() error { return os.WriteFile(seal, []byte(text), 0o644) })
	}
	for name, forge := range map[string]func(){
		"no JSON":        text("seal"),
		"cut":            text(string(good[:len(good)/2])),
		"a command":      text(strings.Replace(string(good), `"name":"install"`, `"name":"install","run":[{"argv":["touch","`+w.home+`/harm"]}]`, 1)),
		"no such layer":  text(strings.Replace(string(good), `"name":"install"`, `"name":"sauce"`, 1)),
		"another file":   text(strings.Replace(string(good), `"path":"package.json"`, `"path":"other.json"`, 1)),
		"without an end": place(func() error { return os.Truncate(create(t, seal), receipt.MaxSize+10) }),
		"a pipe":         place(func() error { return syscall.Mkfifo(seal, 0o644) }),
		"a device":       place(func() error { return os.Symlink("/dev/zero", seal) }),
		"nothing":        place(func() error { return nil }),
	} {
		t.Run(name, func(t *testing.T) {
			forge()
			out, stderr, code := w.sync("--run")
			if code != 0 || !strings.HasPrefix(out, "install: dependencies.a 1 added in package.json\n") || w.ran() != "install in src with for install\n" {
				t.Errorf("%d: %s%s", code, out, stderr)
			}
			if name != "nothing" && !strings.Contains(stderr, seal+" is not used: ") {
				t.Errorf("it does not say so: %s", stderr)
			}
			w.is("then", 0, "nothing to install\n", "", "--run")
			if _, err := os.Stat(w.home + "/harm"); err == nil {
				t.Fatal("it ran what the seal says")
			}
		})
	}
}

// create makes an empty file.
func create(t *testing.T, name string) string {
	t.Helper()
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// A box without a place for the seal runs nothing, and says what to set.
func TestSyncWithoutAPlace(t *testing.T) {
	for name, env := range map[string]string{
		"there is neither HOME nor XDG_STATE_HOME": "HOME=",
		"not a directory":                          "XDG_STATE_HOME=/dev/null",
	} {
		w := newWorkbench(t)
		w.env = append(w.env, env)
		w.write("package.json", `{"dependencies":{"a":"1"}}`)
		_, stderr, code := w.sync("--run")
		if code != 1 || !strings.Contains(stderr, "cannot remember what was run: ") || !strings.Contains(stderr, name) || !strings.Contains(stderr, "hint:  set HOME or XDG_STATE_HOME") || w.ran() != "" {
			t.Errorf("%s: %d: %s", env, code, stderr)
		}
	}
	w := newWorkbench(t)
	w.env = append(w.env, "XDG_STATE_HOME="+w.home)
	w.write("package.json", `{"dependencies":{"a":"1"}}`)
	if _, stderr, code := w.sync("--run"); code != 0 {
		t.Errorf("%d: %s", code, stderr)
	}
	if _, err := os.Stat(filepath.Join(w.home, "sandwright/seal.json")); err != nil {
		t.Error(err)
	}
}
