package probe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// speakEnv makes the test binary speak sd_notify to the socket it names.
const speakEnv = "SANDWRIGHT_TEST_SPEAK"

// speak sends each word as one datagram.
func speak(words []string) int {
	conn, err := net.Dial("unixgram", os.Getenv(speakEnv))
	if err != nil {
		return 1
	}
	defer conn.Close()
	for _, word := range words {
		if _, err := fmt.Fprint(conn, word); err != nil {
			return 1
		}
	}
	return 0
}

// speaker starts another process that says words, and gives its number.
func speaker(t *testing.T, path string, words ...string) int {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, words...)
	cmd.Env = append(os.Environ(), speakEnv+"="+path, "GORACE=atexit_sleep_ms=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return cmd.Process.Pid
}

func listenNotify(t *testing.T) (*Notify, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "n")
	n, err := Listen(path, os.Getuid(), os.Getgid())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n, path
}

// hear serves n and gives its messages.
func hear(t *testing.T, n *Notify, allowed func(int) bool) <-chan Message {
	t.Helper()
	heard, done := make(chan Message, 10000), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- n.Serve(ctx, allowed, func(m Message) { heard <- m }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return heard
}

func next(t *testing.T, heard <-chan Message) Message {
	t.Helper()
	select {
	case m := <-heard:
		return m
	case <-time.After(patience):
		t.Fatal("nothing is heard")
		return Message{}
	}
}

func everybody(int) bool { return true }

func TestNotifyKnowsTheSender(t *testing.T) {
	n, path := listenNotify(t)
	heard := hear(t, n, everybody)
	pid := speaker(t, path, "MAINPID=1\nREADY=1")
	if m := next(t, heard); m.PID != pid || !m.Ready {
		t.Errorf("got %+v, want one of %d", m, pid)
	}
}

// What others say is not heard, whatever number they write.
func TestNotifyDropsStrangers(t *testing.T) {
	n, path := listenNotify(t)
	heard := hear(t, n, func(pid int) bool { return pid == os.Getpid() })
	speaker(t, path, fmt.Sprintf("READY=1\nMAINPID=%d", os.Getpid()), "STOPPING=1")
	conn := dialNotify(t, path)
	fmt.Fprint(conn, strings.Repeat("x", maxMessage-8)+"\nREADY=1\n")
	fmt.Fprint(conn, "STOPPING=1\x00")
	fmt.Fprint(conn, "")
	fmt.Fprint(conn, "STATUS=end")
	for {
		m := next(t, heard)
		if m.PID != os.Getpid() || m.Ready || m.Stopping {
			t.Fatalf("got %+v", m)
		}
		if m.Status != nil {
			break
		}
	}
}

func dialNotify(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// Descriptors that are passed do not stay, and their sender sees them closed,
// as sd_notify_barrier waits for.
func TestNotifyKeepsNoDescriptors(t *testing.T) {
	n, path := listenNotify(t)
	heard := hear(t, n, everybody)
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	before := descriptors(t)
	for _, count := range []int{1, 2, 100, 253} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		passed := slices.Repeat([]int{int(w.Fd())}, count)
		if err := unix.Sendmsg(socket, []byte("FDSTORE=1\nBARRIER=1"), unix.UnixRights(passed...), &unix.SockaddrUnix{Name: path}, 0); err != nil {
			t.Fatal(err)
		}
		w.Close()
		next(t, heard)
		if err := r.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d: the barrier is not answered: %v", count, err)
		}
		r.Close()
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

// A flood is slowed down, and no message of it is lost.
func TestNotifyFlood(t *testing.T) {
	n, path := listenNotify(t)
	heard := hear(t, n, everybody)
	conn := dialNotify(t, path)
	start := time.Now()
	for i := range 5 * burst {
		fmt.Fprintf(conn, "STATUS=%d", i)
	}
	for i := range 5 * burst {
		if m := next(t, heard); m.Status == nil || *m.Status != fmt.Sprint(i) {
			t.Fatalf("message %d: %+v", i, m)
		}
	}
	if took := time.Since(start); took < 3*burstWindow {
		t.Errorf("%d messages in %s", 5*burst, took)
	}
}

// Without the kernel's word there is no sender.
func TestSender(t *testing.T) {
	for name, oob := range map[string][]byte{"nothing": nil, "cut": make([]byte, 20), "rights": unix.UnixRights(0)} {
		if pid := sender(oob); pid != 0 {
			t.Errorf("%s: %d", name, pid)
		}
	}
	if pid := sender(unix.UnixCredentials(&unix.Ucred{Pid: 7})); pid != 7 {
		t.Errorf("got %d", pid)
	}
}

func TestListen(t *testing.T) {
	n, path := listenNotify(t)
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again, err := Listen(path, os.Getuid(), os.Getgid())
	if err != nil {
		t.Fatal(err)
	}
	n.Close()
	again.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is left: %v", err)
	}
	if err := again.Serve(t.Context(), everybody, nil); err != nil {
		t.Errorf("a closed socket: %v", err)
	}
}

func TestListenGivesItToTheUser(t *testing.T) {
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 1234, 2345 // only root can give a socket away
	}
	path := filepath.Join(t.TempDir(), "n")
	n, err := Listen(path, uid, gid)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil || int(stat.Uid) != uid || int(stat.Gid) != gid {
		t.Errorf("%d:%d, %v", stat.Uid, stat.Gid, err)
	}
}

func TestListenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path, why string
		errno     error
	}{
		{"/" + strings.Repeat("x", 107), "its path is longer than 107 bytes", nil},
		{"/nowhere/n", "cannot listen for sd_notify at /nowhere/n: no such file or directory", unix.ENOENT},
		{file, "address already in use", unix.EADDRINUSE},
	} {
		_, err := Listen(tt.path, 0, 0)
		if err == nil || !strings.HasSuffix(err.Error(), tt.why) || tt.errno != nil && !errors.Is(err, tt.errno) {
			t.Errorf("%s: %v", tt.path, err)
		}
	}
}

func TestNotifyEnv(t *testing.T) {
	watchdog := spec.Probe{Notify: true, Interval: spec.Duration(1500 * time.Millisecond)}
	for _, tt := range []struct {
		live *spec.Probe
		usec string
	}{
		{nil, ""}, {&spec.Probe{TCP: "x:1"}, ""}, {&watchdog, "1500000"}, {&spec.Probe{Notify: true}, "10000000"},
	} {
		want := map[string]string{"NOTIFY_SOCKET": "/run/n"}
		if tt.usec != "" {
			want["WATCHDOG_USEC"] = tt.usec
		}
		if got := NotifyEnv("/run/n", tt.live); !maps.Equal(got, want) {
			t.Errorf("%+v: %v", tt.live, got)
		}
	}
}
