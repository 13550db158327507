package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
)

// An execEnd is what the shim answers when a command has ended.
type execEnd struct {
	Code  int    `json:"code"`
	Error string `json:"error,omitempty"` // why it could not be run
}

func (e execEnd) err() error {
	if e.Error == "" {
		return nil
	}
	return errors.New(e.Error)
}

// serveExec runs commands for whoever can reach the socket, which is this user
// alone: the sandbox's directory is closed to others.
func (b *box) serveExec(context.Context) error {
	l, err := b.req.Place.listen(execSocket)
	if err != nil {
		return fault.Cannot("make the socket for commands: %w", err)
	}
	b.closers = append(b.closers, func() { l.Close() })
	go func() {
		for n := 0; ; n++ {
			conn, err := l.AcceptUnix()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				time.Sleep(50 * time.Millisecond)
				continue
			}
			go func() {
				defer conn.Close()
				_ = json.NewEncoder(conn).Encode(b.exec(conn, fmt.Sprintf("exec-%d", n)))
			}()
		}
	}()
	return nil
}

// exec runs one command. The runtime reads what to run at /proc/self/fd/3:
// neither the command nor its environment shows in a process list.
func (b *box) exec(conn *net.UnixConn, name string) execEnd {
	files, err := receiveFiles(conn, 4)
	if err != nil {
		return execEnd{Error: err.Error()}
	}
	log, pidFile := name+".log", name+".pid"
	defer os.Remove(log)
	defer os.Remove(pidFile)
	cmd := exec.Command(b.req.Runtime, "--root", "runc", "--log", log, "--log-format", "json",
		"exec", "--process", "/proc/self/fd/3", "--pid-file", pidFile, b.req.Place.ID)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = files[1], files[2], files[3], files[:1]
	err = b.children.start(cmd)
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		return execEnd{Error: err.Error()}
	}
	ended := make(chan struct{})
	go obey(conn, cmd.Process, pidFile, ended)
	err = b.children.wait(cmd)
	close(ended)
	if _, statErr := os.Stat(pidFile); statErr != nil && err != nil {
		return execEnd{Error: runtimeReason(log, err)}
	}
	if cmd.ProcessState == nil { // the end of the sandbox has reaped it
		return execEnd{Error: "the sandbox has ended"}
	}
	return execEnd{Code: exitCode(cmd.ProcessState)}
}

// exitCode is 128 and the number of the signal for one that a signal ended.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(interface {
		Signaled() bool
		Signal() unix.Signal
	}); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// obey passes on the signals that come over conn, one a byte. At its end it
// kills the command with its whole process group.
func obey(conn *net.UnixConn, runtime *os.Process, pidFile string, ended <-chan struct{}) {
	number := make([]byte, 1)
	for {
		if _, err := conn.Read(number); err != nil {
			break
		}
		_ = runtime.Signal(unix.Signal(number[0]))
	}
	select {
	case <-ended:
		return
	default:
	}
	text, _ := os.ReadFile(pidFile)
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && pid > 1 {
		_ = unix.Kill(-pid, unix.SIGKILL)
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	select {
	case <-ended:
	case <-time.After(time.Second):
		_ = runtime.Kill()
	}
}
