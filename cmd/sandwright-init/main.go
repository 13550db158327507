//go:build linux

// Command sandwright-init supervises the services of a sandbox: as its PID 1,
// or as a child subreaper where that place is taken. Inside the box it is also
// the client that asks the supervisor.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/launch"
)

// argsEnv holds arguments where the command line has none, as on platforms
// that choose the command line themselves.
const argsEnv = "SANDWRIGHT_INIT_ARGS"

func main() {
	launch.Trampoline(os.Args)
	useCores(cores(os.Args[1:]))
	// A broken stderr is an error to be told, not a reason to die.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	err := run(context.Background(), arguments(os.Args[1:], os.Getenv(argsEnv)), os.Stdout, os.Stderr)
	var ended exitCode
	if errors.As(err, &ended) {
		os.Exit(int(ended))
	}
	if err != nil {
		fault.Render(os.Stderr, err, false)
	}
	os.Exit(fault.Code(err))
}

// cores is how many cores a command computes on. What Go keeps for each further
// one costs a supervisor of services, which mostly waits, more memory than a
// core is worth; who starts s6 directories or logs for others has use for two.
func cores(args []string) int {
	if len(args) > 0 && (args[0] == "svscan" || args[0] == "log") {
		return 2
	}
	return 1
}

func useCores(most int) { runtime.GOMAXPROCS(min(most, runtime.NumCPU())) }

// arguments is the command line, or the words of env where it is empty.
func arguments(args []string, env string) []string {
	if len(args) == 0 {
		return strings.Fields(env)
	}
	return args
}

// An exitCode is an end of which nothing has to be said any more.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprint("exit code ", int(c)) }

// exit is the error for an exit code; nil for 0.
func exit(code int) error {
	if code == 0 {
		return nil
	}
	return exitCode(code)
}
