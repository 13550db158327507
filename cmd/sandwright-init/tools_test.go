//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/installed"
	"github.com/sandwright/sandwright/internal/spec"
)

// installTool puts a tool of one file into this machine, below a name that is
// the test's own, and gives it as a lock pins it.
func installTool(t *testing.T) spec.Tool {
	t.Helper()
	name := fmt.Sprintf("verify-test-%d", os.Getpid())
	dir, list := filepath.Join("/", installed.ToolsDir, name), filepath.Join("/", installed.ListsDir, name)
	for _, d := range []string{dir, filepath.Dir(list)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatalf("this test writes below /opt and needs root: %v", err)
		}
	}
	t.Cleanup(func() {
		os.RemoveAll(dir)
		os.Remove(list)
		for _, d := range []string{installed.ToolsDir, installed.ListsDir, "opt/sandwright"} {
			os.Remove("/" + d) // only what is empty goes
		}
	})
	l := installed.List{
		{Kind: installed.Dir, Path: filepath.Join(installed.ToolsDir, name)},
		{Kind: installed.File, Path: filepath.Join(installed.ToolsDir, name, "f"), Size: 5, SHA256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},
	}
	for file, data := range map[string][]byte{filepath.Join(dir, "f"): []byte("hello"), list: l.Encode()} {
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return spec.Tool{Name: name, Tree: installed.Tree(l.Encode())}
}

func TestToolsVerify(t *testing.T) {
	tool := installTool(t)
	file := filepath.Join("/", installed.ToolsDir, tool.Name, "f")
	want := "--want=" + tool.Name + "=" + tool.Tree
	out, stderr, code := command(t, "tools", "verify", want)
	if code != 0 || out != tool.Name+": 2 files, 0.0 MB, as the lock says\n" {
		t.Errorf("%d: %s%s", code, out, stderr)
	}
	if err := os.WriteFile(file, []byte("jello"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, stderr, code = command(t, "tools", "verify", want)
	if code != 1 || !strings.HasPrefix(stderr, "error: cannot trust "+file+" of tool "+tool.Name+": it has sha256 ") {
		t.Errorf("%d: %s", code, stderr)
	}
	out, _, code = command(t, "tools", "verify", "--json", want)
	var sum installed.Summary
	if err := json.Unmarshal([]byte(out), &sum); err != nil || code != 1 || sum.OK || len(sum.Tools) != 1 || len(sum.Tools[0].Faults) != 1 {
		t.Errorf("%d: %s, %v", code, out, err)
	}
	for _, bad := range [][]string{{"tools"}, {"tools", "list"}, {"tools", "verify", "x"}, {"tools", "verify", "--want", "../x=1"}, {"tools", "verify", "--want", "x"}} {
		if _, stderr, code := command(t, bad...); code != 2 || !strings.Contains(stderr, "cannot understand") {
			t.Errorf("%q: %d: %s", bad, code, stderr)
		}
	}
}

// TestVerifyAtBoot: with a file that is not the lock's nothing is started.
func TestVerifyAtBoot(t *testing.T) {
	tool := installTool(t)
	dir := t.TempDir()
	marker := filepath.Join(dir, "started")
	data, err := spec.Encode(spec.Spec{
		Version: spec.Version, Name: "x", LogDir: filepath.Join(dir, "log"), Tools: []spec.Tool{tool}, Verify: spec.VerifyBoot, Main: "a",
		Services: []spec.Service{{Name: "a", Command: []string{"/bin/sh", "-c", "echo > " + marker}, Restart: spec.Restart{Policy: spec.Never},
			Logs: spec.Rotation{MaxFiles: 1, MaxBytes: 1000, Stamp: "none"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	boot := func() (string, int, bool) {
		_, stderr, code := command(t, "--spec", path, "--socket", filepath.Join(dir, "s"))
		err := os.Remove(marker)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return stderr, code, err == nil
	}
	if stderr, code, started := boot(); code != 0 || !started || !strings.Contains(stderr, "1 tools are what the lock pins") {
		t.Errorf("as locked: %d, started %t: %s", code, started, stderr)
	}
	if err := os.Chmod(filepath.Join("/", installed.ToolsDir, tool.Name, "f"), 0o4755); err != nil {
		t.Fatal(err)
	}
	stderr, code, started := boot()
	if code != 1 || started || !strings.Contains(stderr, "its mode is ") || !strings.Contains(stderr, "cannot start any service: 1 of 1 tools are not what the lock pins") {
		t.Errorf("changed: %d, started %t: %s", code, started, stderr)
	}
}
