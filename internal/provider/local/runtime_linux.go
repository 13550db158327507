package local

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
)

// Descriptors of the box's PID 1.
const (
	controlFD = 3 // listening control socket
	valuesFD  = 4 // start-time variables, a JSON object
)

// supervisorDeadline bounds the time from start to the supervisor's answer.
const supervisorDeadline = 30 * time.Second

// An initProcess is the box's PID 1 as a child of the shim.
type initProcess struct {
	pid  int           // in the shim's pid namespace
	done chan struct{} // closed when it has ended
	code int           // valid once done; 128 and the signal's number for a signal
}

// adopt waits for pid, which the kernel made a child of this process when the
// runtime that started it had ended.
func adopt(pid int) *initProcess {
	p := &initProcess{pid: pid, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		var status unix.WaitStatus
		for {
			if _, err := unix.Wait4(pid, &status, 0, nil); !errors.Is(err, unix.EINTR) {
				break
			}
		}
		p.code = status.ExitStatus()
		if status.Signaled() {
			p.code = 128 + int(status.Signal())
		}
	}()
	return p
}

func (p *initProcess) signal(s unix.Signal) {
	select {
	case <-p.done:
	default:
		_ = unix.Kill(p.pid, s)
	}
}

// run makes the container and runs PID 1. What PID 1 gets is opened out here: no
// path that the box could have changed is ever opened.
func (b *box) run(ctx context.Context) error {
	listener, err := b.req.Place.listen(controlSocket)
	if err != nil {
		return fault.Cannot("make the control socket: %w", err)
	}
	defer listener.Close() // so that the supervisor is its only holder
	control, err := listener.File()
	if err != nil {
		return fault.Cannot("pass the control socket: %w", err)
	}
	defer control.Close()
	given := map[string]string{}
	maps.Copy(given, b.req.Config.Values)
	for name := range b.req.Config.SecretFiles {
		delete(given, name)
		given[name+"_FILE"] = boxSecrets + "/" + name
	}
	values, err := memoryFile("values", given)
	if err != nil {
		return fault.Cannot("pass the variables: %w", err)
	}
	defer values.Close()
	if err := b.runc(ctx, []*os.File{control, values}, "run", "--detach", "--bundle", ".", "--pid-file", "pid", "--preserve-fds", "2", b.req.Place.ID); err != nil {
		return err
	}
	text, err := os.ReadFile("pid")
	if err != nil {
		return fault.Cannot("find the supervisor's process: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fault.Cannot("find the supervisor's process: %w", err)
	}
	b.children.add(pid)
	b.init = adopt(pid)
	b.closers = append(b.closers, b.children.reapOrphans())
	return nil
}

// memoryFile is v as JSON in a file that has no name and lies on no disk.
func memoryFile(name string, v any) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	if err := json.NewEncoder(f).Encode(v); err != nil {
		f.Close()
		return nil, err
	}
	_, err = f.Seek(0, 0)
	return f, err
}

// runc runs the runtime, whose state is in the bundle: it ends with this mount
// namespace.
func (b *box) runc(ctx context.Context, files []*os.File, args ...string) error {
	out, err := os.OpenFile("../supervisor.log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.Cannot("write the supervisor's log: %w", err)
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, b.req.Runtime, append([]string{"--root", "runc", "--log", "runc.log", "--log-format", "json"}, args...)...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = out, out, files
	if err := b.children.run(cmd); err != nil {
		return fault.Cannot("%s the sandbox with %s: %s", args[0], b.req.Runtime, runtimeReason("runc.log", err))
	}
	return nil
}

// runtimeReason is the last error that the runtime logged, or err.
func runtimeReason(log string, err error) string {
	reason := err.Error()
	f, openErr := os.Open(log)
	if openErr != nil {
		return reason
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var line struct{ Level, Msg string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Level == "error" {
			reason = line.Msg
		}
	}
	return reason
}

// await returns once the supervisor has answered on its control socket.
func (b *box) await(ctx context.Context) error {
	inTime, cancel := context.WithTimeout(ctx, supervisorDeadline)
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- b.req.Place.ping(inTime) }()
	var err error
	select {
	case <-b.init.done:
		return b.supervisorEnded()
	case err = <-answered:
	}
	if err == nil {
		return nil
	}
	select { // it closes its socket just before it has ended
	case <-ctx.Done():
		return ctx.Err()
	case <-b.init.done:
		return b.supervisorEnded()
	case <-time.After(2 * time.Second):
		return fault.Cannot("reach the supervisor of the sandbox: %w", err)
	}
}

// ping asks for the status once.
func (p place) ping(ctx context.Context) error {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dial(ctx, controlSocket) },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://supervisor/v1/status", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// supervisorEnded passes on what the supervisor said before it ended.
func (b *box) supervisorEnded() error {
	text := b.req.Place.tail("supervisor.log")
	if faults := parseFaults(text, b.init.code); len(faults) > 0 {
		return faults.Err()
	}
	f := fault.Cannot("start the sandbox: its supervisor ended with exit code %d", b.init.code).WithCode(b.init.code)
	if text = strings.TrimSpace(text); text != "" {
		f.What += ": " + text[strings.LastIndexByte(text, '\n')+1:]
	}
	return f
}

// parseFaults reads what fault.Render wrote.
func parseFaults(text string, code int) fault.List {
	var faults fault.List
	for line := range strings.Lines(text) {
		if what, ok := strings.CutPrefix(line, "error:"); ok {
			faults = append(faults, &fault.Fault{What: strings.TrimSpace(what), Code: code})
		} else if hint, ok := strings.CutPrefix(line, "hint:"); ok && len(faults) > 0 {
			faults[len(faults)-1].Hint = strings.TrimSpace(hint)
		}
	}
	return faults
}
