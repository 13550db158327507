package launch

import (
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// runtimeLocked calls f on a thread in which SIGTERM and SIGUSR1 are blocked.
func runtimeLocked(f func()) {
	runtime.LockOSThread() // never unlocked: the thread ends with its goroutine
	var set unix.Sigset_t
	set.Val[0] = 1<<(syscall.SIGTERM-1) | 1<<(syscall.SIGUSR1-1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil); err != nil {
		panic(err)
	}
	f()
}

// children lists our children, zombies included.
func children(t *testing.T) []string {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, task := range tasks {
		if text, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children"); err == nil {
			out = append(out, strings.Fields(string(text))...)
		}
	}
	return out
}
