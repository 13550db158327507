//go:build linux

package local

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

func TestNameservers(t *testing.T) {
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	for _, c := range []struct {
		name, host, conf string
		redirect         map[netip.AddrPort]netip.AddrPort
	}{
		{"none", "# nothing\n", "", map[netip.AddrPort]netip.AddrPort{}},
		{
			"a resolver on the host's loopback", "nameserver 127.0.0.53\noptions  edns0 trust-ad\nsearch a.example b.example\n",
			"nameserver 192.0.0.1\noptions edns0 trust-ad\nsearch a.example b.example\n",
			map[netip.AddrPort]netip.AddrPort{at("192.0.0.1:53"): at("127.0.0.53:53")},
		},
		{
			"no more than libc reads", "nameserver 10.0.0.1\nnameserver junk\nnameserver fe80::1%eth0\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n",
			"nameserver 192.0.0.1\nnameserver 192.0.0.3\nnameserver 192.0.0.4\n",
			map[netip.AddrPort]netip.AddrPort{
				at("192.0.0.1:53"): at("10.0.0.1:53"), at("192.0.0.3:53"): at("[fe80::1%eth0]:53"), at("192.0.0.4:53"): at("10.0.0.3:53"),
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf, redirect := nameservers(c.host)
			if diff := cmp.Diff(c.conf, conf); diff != "" {
				t.Errorf("resolv.conf: -want +got\n%s", diff)
			}
			if diff := cmp.Diff(c.redirect, redirect, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Errorf("redirect: -want +got\n%s", diff)
			}
		})
	}
}

func FuzzNameservers(f *testing.F) {
	f.Add("nameserver 10.0.0.1\nsearch example\n")
	f.Fuzz(func(t *testing.T, host string) {
		conf, redirect := nameservers(host)
		if n := strings.Count(conf, "nameserver 192.0.0."); n < len(redirect) || len(redirect) > 3 {
			t.Errorf("%d name servers, %d ways out: %q", n, len(redirect), conf)
		}
	})
}

func TestParseStat(t *testing.T) {
	tail := " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20"
	for _, c := range []struct {
		stat string
		want process
		ok   bool
	}{
		{"42 (sh)" + tail, process{42, 777}, true},
		{"42 (a) b) (c)" + tail, process{42, 777}, true},
		{"42 (sh) S 1", process{}, false},
		{"", process{}, false},
		{"x (sh)" + tail, process{}, false},
	} {
		if got, err := parseStat(c.stat); got != c.want || (err == nil) != c.ok {
			t.Errorf("%q: %v, %v", c.stat, got, err)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("42 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20")
	f.Fuzz(func(_ *testing.T, stat string) { _, _ = parseStat(stat) })
}

// A pid that was given to another process is not the one that was meant.
func TestProcessOpen(t *testing.T) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	own, err := parseStat(string(stat))
	if err != nil {
		t.Fatal(err)
	}
	f, err := own.open()
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for _, p := range []process{{own.PID, own.Start + 1}, {1 << 30, 1}} {
		if _, err := p.open(); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("%v: %v", p, err)
		}
	}
}

// Only what nobody waits for is reaped.
func TestReap(t *testing.T) {
	c := &children{known: make(map[int]bool)}
	waited, orphan := exec.Command("true"), exec.Command("true")
	if err := errors.Join(c.start(waited), orphan.Start()); err != nil {
		t.Fatal(err)
	}
	if err := eventually(func() bool { return len(zombies(os.Getpid())) == 2 }); err != nil {
		t.Fatal(err)
	}
	for _, pid := range zombies(os.Getpid()) {
		c.reap(pid)
	}
	if got := zombies(os.Getpid()); !slices.Equal(got, []int{waited.Process.Pid}) {
		t.Errorf("zombies %v", got)
	}
	if err := c.wait(waited); err != nil {
		t.Error(err)
	}
	if err := orphan.Wait(); err == nil {
		t.Error("the orphan was not reaped")
	}
}

func TestParseFaults(t *testing.T) {
	var text bytes.Buffer
	list := fault.List{
		fault.Cannot("do this").WithHint("run: that"),
		fault.Position{File: "a.yaml", Line: 1, Column: 2}.Cannot("do another"),
	}
	fault.Render(&text, list, false)
	got := parseFaults("noise\n"+text.String(), 78)
	if len(got) != 2 || got[0].Error() != "cannot do this" || got[0].Hint != "run: that" || got[1].Error() != "a.yaml:1:2: cannot do another" || fault.Code(got) != 78 {
		t.Errorf("got %+v", got)
	}
	if got := parseFaults("panic: x\nhint: y\n", 2); got != nil {
		t.Errorf("got %+v", got)
	}
}

// A fault is the same after its way from shim to parent.
func TestFaultsTravel(t *testing.T) {
	err := alreadyRuns(provider.Config{Name: "n", Project: "/p"})
	got := answer{Faults: flatten(err)}.err()
	if !errors.Is(got, provider.ErrRunning) || got.Error() != err.Error() || fault.All(got)[0].Hint == "" {
		t.Errorf("got %v", got)
	}
	if got := (answer{}).err(); got == nil {
		t.Error("silence is no error")
	}
}

func TestPlaceLock(t *testing.T) {
	p := placeOf(t.TempDir(), "/project", "name")
	if p.held() {
		t.Error("held before it was")
	}
	lock, err := p.acquire()
	if err != nil {
		t.Fatal(err)
	}
	if !p.held() {
		t.Error("not held")
	}
	if _, err := p.acquire(); !errors.Is(err, errHeld) {
		t.Errorf("acquired twice: %v", err)
	}
	if err := p.sweep(); !errors.Is(err, errHeld) {
		t.Errorf("swept while held: %v", err)
	}
	lock.Close()
	if err := os.MkdirAll(filepath.Join(p.dir(), "upper", "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := p.sweep(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(p.StateDir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestPlacesAreApart(t *testing.T) {
	a, b := placeOf("/s", "/one", "n"), placeOf("/s", "/two", "n")
	if a.ID == b.ID || a.ID != placeOf("/s", "/one", "n").ID || !strings.HasPrefix(a.ID, "n-") {
		t.Errorf("%s and %s", a.ID, b.ID)
	}
	if got, err := places("/no/such/dir"); len(got) != 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestLongStateDir(t *testing.T) {
	w := newWorld(t)
	w.options.StateDir = filepath.Join(w.options.StateDir, strings.Repeat("long", 40))
	s := w.start(t, config("deep"))
	if got := sh(t, s, "hostname"); got != "deep" {
		t.Errorf("hostname %q", got)
	}
	t.Cleanup(func() { os.Remove(w.options.StateDir) })
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	os.Remove(w.options.StateDir)
}

func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		argv0 string
		want  []string
	}{
		{"ls", []string{"/a/ls", "/b/ls"}},
		{"/x/ls", []string{"/x/ls"}},
		{"./ls", []string{"/cwd/ls"}},
	} {
		p := &specs.Process{Args: []string{c.argv0}, Cwd: "/cwd", Env: []string{"X=1", "PATH=/a:/b"}}
		if got := candidates(p); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", c.argv0, got)
		}
	}
}

// A terminal stays one, with its size, and a new size is passed on.
func TestExecTerminal(t *testing.T) {
	w := newWorld(t)
	s := w.start(t, config("terminal"))
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer tty.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 33, Cols: 77}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan int, 1)
	go func() {
		code, _ := s.Exec(t.Context(), provider.Exec{Argv: []string{"sh"}, Stdin: tty, Stdout: tty, Stderr: tty})
		ended <- code
	}()
	screen := make(chan string)
	go func() {
		defer close(screen)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			if err != nil {
				return
			}
			screen <- string(buf[:n])
		}
	}()
	expect := func(script, want string) {
		t.Helper()
		var seen string
		for end := time.Now().Add(20 * time.Second); !strings.Contains(seen, want); {
			if time.Now().After(end) {
				t.Fatalf("%q is not in %q", want, seen)
			}
			_, _ = io.WriteString(master, script)
			for quiet := false; !quiet; {
				select {
				case text := <-screen:
					seen += text
				case <-time.After(200 * time.Millisecond):
					quiet = true
				}
			}
		}
	}
	expect("stty size\n", "33 77")
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 44, Cols: 88}); err != nil {
		t.Fatal(err)
	}
	_ = unix.Kill(os.Getpid(), unix.SIGWINCH)
	expect("stty size\n", "44 88")
	_, _ = io.WriteString(master, "exit 9\n")
	deadline := time.After(20 * time.Second)
	for open := true; open; {
		select {
		case <-screen:
		case code := <-ended:
			if open = false; code != 9 {
				t.Errorf("exit code %d", code)
			}
		case <-deadline:
			t.Fatal("does not end")
		}
	}
	tty.Close()
	master.Close()
	for range screen { // until its reader has ended
	}
}

// Two state directories may hold a sandbox of the same project and name: what
// one clears is not the other's.
func TestControlGroupsAreNotShared(t *testing.T) {
	one, other := placeOf("/one", "/project", "name"), placeOf("/other", "/project", "name")
	if one.ID != other.ID || one.cgroup() == other.cgroup() {
		t.Errorf("%s and %s", one.cgroup(), other.cgroup())
	}
}
