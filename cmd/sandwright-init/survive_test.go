//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// release builds, once, the binary as it is shipped. It stands beside the one
// with the race detector, and goes with that.
var release = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(os.Getenv(binaryEnv)), "release")
	out, err := exec.Command("../../scripts/build-init.sh", runtime.GOARCH, path).CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return path, nil
})

// asShipped runs the binary as it is shipped: for tests that would take too
// long, or show too little, with the race detector.
func asShipped(b *box) {
	b.t.Helper()
	path, err := release()
	if err != nil {
		b.t.Fatal(err)
	}
	b.replaceBinary(path)
}

// replaceBinary runs another binary in the place of the one under test.
func (b *box) replaceBinary(path string) {
	at := slices.Index(b.cmd.Args, os.Getenv(binaryEnv))
	b.cmd.Args[at] = path
	if at == 0 {
		b.cmd.Path = path
	}
}

// under runs the supervisor as the arguments of another program, which must
// become it: env, prlimit, setpriv, or a shell's exec.
func under(argv ...string) option {
	return func(b *box) {
		b.t.Helper()
		at := slices.Index(b.cmd.Args, os.Getenv(binaryEnv))
		b.cmd.Args = slices.Insert(b.cmd.Args, at, argv...)
		path, err := exec.LookPath(b.cmd.Args[0])
		if err != nil {
			b.t.Fatal(err)
		}
		b.cmd.Path = path
	}
}

// withoutCgroups hides cgroup2, so that a service has no group, and what leaves
// its session is out of reach.
func withoutCgroups(b *box) {
	under("unshare", "--mount", "sh", "-c", `umount -a -l -t cgroup2; exec "$@"`, "sh")(b)
}

// hurried lets a service come back after a millisecond.
func hurried(s *spec.Service) {
	s.Restart.MinDelay, s.Restart.MaxDelay = spec.Duration(1e6), spec.Duration(1e6)
}

// limit changes a limit of a running process, and gives what puts it back; the
// end of the test does so, too.
func limit(t *testing.T, pid, resource int, soft uint64) (restore func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Prlimit(pid, resource, nil, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: soft, Max: before.Max}, nil); err != nil {
		t.Fatal(err)
	}
	restore = sync.OnceFunc(func() {
		if err := unix.Prlimit(pid, resource, &before, nil); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(restore)
	return restore
}

// gone waits until a process is no more, zombie or not.
func (b *box) gone(pid int) {
	b.t.Helper()
	b.eventually("end of a process", func() bool { return !running(pid) || syscall.Kill(pid, 0) != nil })
}
