package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// binDir holds the sandwright that these tests run: built once, with the race
// detector, as its users' is but for that.
var binDir string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sandwright-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binDir = dir
	// The race detector's runtime would wait for a second at the end of each command.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-race", "-buildvcs=false", "-o", filepath.Join(dir, "sandwright"), ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "cannot build sandwright:", err)
		return 1
	}
	return m.Run()
}

// TestScripts runs the command line's promises: one txtar file each.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", binDir+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("SANDWRIGHT_HOME", filepath.Join(env.WorkDir, ".home"))
			env.Setenv("HOME", filepath.Join(env.WorkDir, ".user"))
			env.Setenv("npm_config_registry", "http://127.0.0.1:1/")
			return nil
		},
		RequireExplicitExec: true,
	})
}
