package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// Bounds of sd_notify.
const (
	maxMessage  = 4 << 10 // bytes of a datagram, as in systemd
	burst       = 200     // datagrams that are taken without a pause
	burstWindow = 100 * time.Millisecond
)

// A Notify is the socket on which one run of a service hears sd_notify.
type Notify struct {
	conn *net.UnixConn
	path string
}

// Listen makes the socket at path, which only the user uid may write to. A
// socket that is there already is replaced; anything else is an error. Errors
// keep the errno: some pass.
func Listen(path string, uid, gid int) (*Notify, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("cannot listen for sd_notify at %s: its path is longer than %d bytes", path, maxSocketPath)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSocket {
		os.Remove(path)
	}
	// The kernel tells of the sender from the first datagram on.
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		failed := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
		return errors.Join(failed, err)
	}}
	conn, err := config.ListenPacket(context.Background(), "unixgram", path)
	if err != nil {
		var call *os.SyscallError
		if errors.As(err, &call) {
			err = call.Err // what net says around it helps nobody
		}
		return nil, fmt.Errorf("cannot listen for sd_notify at %s: %w", path, err)
	}
	n := &Notify{conn: conn.(*net.UnixConn), path: path}
	// The order matters: until it is the user's own, nobody else may write.
	if err := errors.Join(os.Chmod(path, 0o600), os.Lchown(path, uid, gid)); err != nil {
		n.Close()
		return nil, fmt.Errorf("cannot listen for sd_notify: %w", err)
	}
	return n, nil
}

// Close removes the socket and ends Serve.
func (n *Notify) Close() {
	os.Remove(n.path)
	n.conn.Close()
}

// Serve tells on of each message until ctx has ended or the socket is closed.
// allowed says of a process whether it belongs to the run; what others send is
// dropped, as is what is too long or no message. Both are called from this
// goroutine alone. A sender that has ended already is judged by its number: it
// may wait with BARRIER=1, which is answered once all that came before it has
// been told. A flood of messages is slowed down. The error is nil, or why the
// socket gives nothing any more.
//
// Descriptors that come with a message never reach this process: there is no
// room for them, so the kernel closes them, which also is the answer that
// BARRIER=1 waits for. A process with CAP_SYS_ADMIN can claim to be another.
func (n *Notify) Serve(ctx context.Context, allowed func(pid int) bool, on func(Message)) error {
	stop := context.AfterFunc(ctx, func() { _ = n.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	data := make([]byte, maxMessage)
	oob := make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	pace := pace{window: time.Now()}
	for {
		got, oobGot, flags, _, err := n.conn.ReadMsgUnix(data, oob)
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("cannot hear sd_notify: %s", short(err))
		}
		pace.hold(ctx)
		pid := sender(oob[:oobGot])
		if flags&unix.MSG_TRUNC != 0 || pid <= 0 || !allowed(pid) {
			continue
		}
		if m, ok := parseMessage(data[:got]); ok {
			m.PID = pid
			on(m)
		}
	}
}

// sender is the process that the kernel names, or 0.
func sender(oob []byte) int {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) == 0 {
		return 0
	}
	cred, err := unix.ParseUnixCredentials(&messages[0])
	if err != nil {
		return 0
	}
	return int(cred.Pid)
}

// A pace keeps a flood from taking a processor.
type pace struct {
	window time.Time
	taken  int
}

// hold waits for the end of the window once it has had its burst.
func (p *pace) hold(ctx context.Context) {
	now := time.Now()
	if now.Sub(p.window) >= burstWindow {
		p.window, p.taken = now, 0
	}
	if p.taken++; p.taken < burst {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(burstWindow - now.Sub(p.window)):
	}
}

// NotifyEnv is what a service has to be given to speak to the socket at path.
// live is its Live probe, or nil: if that is a watchdog, its interval is said
// in WATCHDOG_USEC, in microseconds. The service should speak twice as often.
// WATCHDOG_PID is left out, which means whoever reads it.
func NotifyEnv(path string, live *spec.Probe) map[string]string {
	env := map[string]string{"NOTIFY_SOCKET": path}
	if live != nil && live.Notify {
		env["WATCHDOG_USEC"] = strconv.FormatInt(watchdogInterval(*live).Microseconds(), 10)
	}
	return env
}
