//go:build linux

package svlog

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/redact"
)

// childEnv makes the test binary a logger that does what its arguments say.
const childEnv = "SVLOG_TEST_LOGGER"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(logger(os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

func logger(directives []string) int {
	runtime.GOMAXPROCS(2) // as sandwright-init log does
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGTERM, unix.SIGALRM)
	s, err := ParseScript(directives)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 100
	}
	warn := func(err error) { fmt.Fprintln(os.Stderr, err) }
	g, err := s.Start(LoggerOptions{In: 0, Out: os.Stdout, Alerts: os.Stderr, Limit: 8192, Umask: 0o022, Warn: warn})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 111
	}
	if os.Getenv(childEnv) == "redact" {
		hidden := &redact.Live{}
		hidden.Put(redact.New(benchSecrets()))
		g.pool.post(func() { g.pool.secrets = hidden })
	}
	go func() {
		for sig := range signals {
			if sig == unix.SIGALRM {
				g.Rotate()
			} else {
				g.Stop()
			}
		}
	}()
	if err := g.Wait(); err != nil {
		return 111
	}
	return 0
}

// child is the test binary as a logger.
func child(t testing.TB, directives ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, directives...)
	cmd.Env = append(os.Environ(), childEnv+"=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}
