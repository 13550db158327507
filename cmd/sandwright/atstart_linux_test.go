package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// atStart runs the promises of testdata/box in a box of npm without a network,
// with the base and the node that b has locked.
func atStart(t *testing.T, b *box) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/box",
		Setup: func(env *testscript.Env) error {
			m := &box{dir: env.WorkDir, home: b.home, bin: b.bin}
			env.Setenv("PATH", filepath.Dir(m.command().Path)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("SANDWRIGHT_HOME", b.home)
			env.Setenv("HOME", os.Getenv("HOME"))
			env.Setenv("TMPDIR", os.TempDir()) // that of a script stands in its project
			env.Defer(func() { m.run(t, "down") })
			m.configure(t, b, "restart", `  build:
    - run: "echo built with $(ls node_modules) > built"
`)
			return nil
		},
		RequireExplicitExec: true,
	})
}

// downWaits ends a box that a sync is at work on, once that is done.
func downWaits(t *testing.T, b *box) {
	m := managersBox(t, b, "held", `  build:
    - run: "if test -e /tmp/hold; then touch /tmp/held; fi; while test -e /tmp/hold; do sleep 0.1; done"
`)
	m.up(t)
	m.inBox(t, "touch /tmp/hold")
	m.write(t, "a.txt", "another\n")
	sync, syncSaid := m.begin(t, "build 1: a.txt changed", "sync")
	down, downSaid := m.begin(t, "waiting for another sync or up to end", "down")
	m.says(t, "rm /tmp/hold; echo held", "held\n")
	for cmd, said := range map[*exec.Cmd]*lockedBuffer{sync: syncSaid, down: downSaid} {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v: %s", cmd.Args, err, tail(said.String()))
		}
	}
	if _, _, code := m.run(t, "ps"); code == 0 {
		t.Error("the box runs on")
	}
}

// begin starts a command, and waits until it has said want.
func (b *box) begin(t *testing.T, want string, args ...string) (*exec.Cmd, *lockedBuffer) {
	t.Helper()
	var said lockedBuffer
	cmd := b.command(args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	must(t, cmd.Start())
	for end := time.Now().Add(2 * time.Minute); !strings.Contains(said.String(), want); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%v does not say %q: %s", args, want, tail(said.String()))
		}
	}
	return cmd, &said
}
