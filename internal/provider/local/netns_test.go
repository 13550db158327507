//go:build linux

package local

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// networkOf gives a network namespace whose way out is the user-mode stack.
func networkOf(t testing.TB, redirect map[netip.AddrPort]netip.AddrPort) *os.File {
	t.Helper()
	n, err := newNetwork()
	if err != nil {
		t.Fatal("run the tests as root:", err)
	}
	t.Cleanup(n.close)
	if err := n.open(redirect); err != nil {
		t.Fatal(err)
	}
	return n.ns
}

// from dials with the eyes of the namespace.
func from(t testing.TB, ns *os.File, network, addr string) net.Conn {
	t.Helper()
	var conn net.Conn
	err := inside(ns, func() (err error) {
		conn, err = net.DialTimeout(network, addr, 10*time.Second)
		return err
	})
	if err != nil {
		t.Fatalf("dial %s %s: %v", network, addr, err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// A name server on the host's loopback answers the box over UDP and TCP, and
// is the only thing there that does.
func TestRedirect(t *testing.T) {
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	server := packets.LocalAddr().(*net.UDPAddr).AddrPort()
	stream, err := net.Listen("tcp4", server.String())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	go func() {
		buf := make([]byte, 1024)
		for {
			n, who, err := packets.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = packets.WriteTo(bytes.ToUpper(buf[:n]), who)
		}
	}()
	go func() {
		for {
			c, err := stream.Accept()
			if err != nil {
				return
			}
			text, _ := io.ReadAll(c)
			_, _ = c.Write(bytes.ToUpper(text))
			c.Close()
		}
	}()
	gateway := netip.MustParseAddrPort(boxGateway + ":53")
	ns := networkOf(t, map[netip.AddrPort]netip.AddrPort{gateway: server})

	udp := from(t, ns, "udp", gateway.String())
	for _, word := range []string{"first", "second"} {
		_, _ = io.WriteString(udp, word)
		answer := make([]byte, 100)
		if n, err := udp.Read(answer); string(answer[:n]) != strings.ToUpper(word) {
			t.Errorf("UDP: %q, %v", answer[:n], err)
		}
	}
	tcp := from(t, ns, "tcp", gateway.String())
	_, _ = io.WriteString(tcp, "question")
	_ = tcp.(*net.TCPConn).CloseWrite()
	if answer, err := io.ReadAll(tcp); string(answer) != "QUESTION" {
		t.Errorf("TCP: %q, %v", answer, err)
	}
	err = inside(ns, func() error {
		_, err := net.DialTimeout("tcp", server.String(), time.Second)
		return err
	})
	if err == nil {
		t.Error("the host's loopback is reached without a redirect")
	}
}

// Many connections at once, as a package manager opens them.
func TestManyConnections(t *testing.T) {
	port := serve(t, "0.0.0.0")
	ns := networkOf(t, nil)
	addr := netip.AddrPortFrom(netip.MustParseAddr(hostAddress(t)), uint16(port)).String()
	const count = 150
	conns := make([]net.Conn, count)
	begin := time.Now()
	for i := range conns {
		conns[i] = from(t, ns, "tcp", addr)
	}
	for _, c := range conns {
		_, _ = io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
	}
	for i, c := range conns {
		if text, err := io.ReadAll(c); !bytes.HasSuffix(text, []byte("hello")) {
			t.Fatalf("connection %d: %q, %v", i, text, err)
		}
	}
	if took := time.Since(begin); took > 15*time.Second {
		t.Errorf("%d connections took %v", count, took)
	}
}

func BenchmarkDownload(b *testing.B) {
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		block := make([]byte, 1<<20)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			for err == nil {
				_, err = c.Write(block)
			}
		}
	}()
	ns := networkOf(b, nil)
	addr := netip.AddrPortFrom(netip.MustParseAddr(hostAddress(b)), uint16(l.Addr().(*net.TCPAddr).Port))
	c := from(b, ns, "tcp", addr.String())
	b.SetBytes(1 << 20)
	for b.Loop() {
		if _, err := io.CopyN(io.Discard, c, 1<<20); err != nil {
			b.Fatal(err)
		}
	}
}

// A shim that was started ahead, whose network stands, knows nothing of the
// host's name servers yet: they are those of the time when the box starts.
func TestNameServersOfTheStart(t *testing.T) {
	server, err := net.ListenPacket("udp4", "127.53.53.53:53")
	if err != nil {
		t.Fatal("run the tests as root:", err)
	}
	answering := make(chan struct{})
	go func() {
		defer close(answering)
		buf := make([]byte, 1024)
		for n, who, err := server.ReadFrom(buf); err == nil; n, who, err = server.ReadFrom(buf) {
			_, _ = server.WriteTo(bytes.ToUpper(buf[:n]), who)
		}
	}()
	w := newWorld(t)
	t.Cleanup(func() { server.Close(); <-answering })
	w.Warm()
	defer w.Cool()
	shim := w.warm.process.Pid
	if err := eventually(func() bool { return holds(shim, "/dev/net/tun") }); err != nil {
		t.Fatal("the shim makes no network:", err)
	}
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("nameserver 127.53.53.53\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := mountFor(shim, conf, "/etc/resolv.conf"); err != nil {
		t.Fatal(err)
	}
	s := w.start(t, config("resolver"))
	if got := sh(t, s, "cat /etc/resolv.conf"); got != "nameserver "+boxGateway {
		t.Errorf("resolv.conf: %q", got)
	}
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", s.rec.Init))
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	udp := from(t, ns, "udp", boxGateway+":53")
	_, _ = io.WriteString(udp, "name")
	answer := make([]byte, 100)
	if n, err := udp.Read(answer); string(answer[:n]) != "NAME" {
		t.Errorf("the name server that resolv.conf leads to: %q, %v", answer[:n], err)
	}
}

// holds says that a process has a file open.
func holds(pid int, file string) bool {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	return slices.ContainsFunc(fds, func(fd string) bool { link, _ := os.Readlink(fd); return link == file })
}

// mountFor has a process see one file at the place of another.
func mountFor(pid int, source, target string) error {
	return alone(func() error {
		ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
		if err != nil {
			return err
		}
		defer ns.Close()
		if err := errors.Join(unix.Unshare(unix.CLONE_FS), unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS)); err != nil {
			return err
		}
		if err := mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil { // or the host would see it, too
			return err
		}
		return mount(source, target, "", unix.MS_BIND, "")
	})
}
