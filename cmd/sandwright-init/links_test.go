//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/sandwright/sandwright/"

// sandwright-init links the standard library, golang.org/x/sys and a few of our
// packages: it is PID 1, and every byte in it has to be worth that.
func TestLinks(t *testing.T) {
	ours := map[string]bool{module + "cmd/sandwright-init": true}
	for _, name := range []string{
		"cgroup", "control", "env", "fault", "handover", "httpcall", "installed", "jsonschema", "launch", "logview", "loop", "probe", "program", "receipt", "redact", "s6", "smallfile", "spec", "supervise", "svlog", "tai64n", "vartype",
	} {
		ours[module+"internal/"+name] = true
	}
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		if !ours[path] && !strings.HasPrefix(path, "golang.org/x/sys/") {
			t.Errorf("sandwright-init links %s", path)
		}
	}
}

func TestSize(t *testing.T) {
	const limit = 7_000_000
	for _, arch := range []string{"amd64", "arm64"} {
		path := filepath.Join(t.TempDir(), "sandwright-init")
		cmd := exec.Command("../../scripts/build-init.sh", arch, path)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > limit {
			t.Errorf("%s: %d bytes, at most %d", arch, info.Size(), limit)
		}
	}
}

// The linker leaves out what nobody can call: net/http's own client and
// ServeMux's patterns are a twentieth of the file. See internal/httpcall.
func TestLeavesOutWhatNobodyCalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandwright-init")
	build := exec.Command("go", "build", "-buildvcs=false", "-tags", "nethttpomithttp2", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	names, err := exec.Command("go", "tool", "nm", path).Output()
	if err != nil || !strings.Contains(string(names), " net/http.(*Server).Serve\n") {
		t.Fatalf("no names: %v", err)
	}
	for _, name := range []string{"net/http.(*Client).do", "net/http.(*Transport).roundTrip", "net/http.parsePattern", "net/http.(*Server).Shutdown"} {
		if strings.Contains(string(names), " "+name+"\n") {
			t.Errorf("sandwright-init links %s", name)
		}
	}
}
