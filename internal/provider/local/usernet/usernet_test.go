//go:build linux

package usernet

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTarget(t *testing.T) {
	n := &Net{config: Config{
		Subnet: netip.MustParsePrefix("192.0.0.0/29"),
		Redirect: map[netip.AddrPort]netip.AddrPort{
			netip.MustParseAddrPort("192.0.0.1:53"): netip.MustParseAddrPort("127.0.0.53:53"),
		},
	}}
	for _, c := range []struct{ dialled, want string }{
		{"192.0.2.7:443", "192.0.2.7:443"},
		{"10.1.2.3:80", "10.1.2.3:80"},
		{"192.0.0.9:80", "192.0.0.9:80"},
		{"192.0.0.1:53", "127.0.0.53:53"},
		{"192.0.0.1:80", ""},
		{"192.0.0.7:53", ""},
		{"127.0.0.1:80", ""},
		{"127.255.0.1:80", ""},
		{"0.0.0.0:80", ""},
		{"0.1.2.3:80", ""},
		{"169.254.169.254:80", ""},
		{"224.0.0.251:5353", ""},
		{"255.255.255.255:67", ""},
		{"240.0.0.1:80", ""},
	} {
		to := netip.MustParseAddrPort(c.dialled)
		got, err := n.target(stack.TransportEndpointID{LocalAddress: tcpip.AddrFromSlice(to.Addr().AsSlice()), LocalPort: to.Port()})
		if c.want == "" {
			if !errors.Is(err, errBarred) {
				t.Errorf("%s leads to %v", c.dialled, got)
			}
		} else if err != nil || got.String() != c.want {
			t.Errorf("%s leads to %v (%v), not %s", c.dialled, got, err, c.want)
		}
	}
}

// pair gives both ends of a TCP connection.
func pair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{dialled, accepted} {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		t.Cleanup(func() { c.Close() })
	}
	return dialled.(*net.TCPConn), accepted.(*net.TCPConn)
}

func TestJoinPassesHalfClose(t *testing.T) {
	client, left := pair(t)
	right, server := pair(t)
	ended := make(chan struct{})
	go func() { Join(nil, left, right); close(ended) }()
	_, _ = io.WriteString(client, "question")
	_ = client.CloseWrite()
	if got, err := io.ReadAll(server); string(got) != "question" || err != nil {
		t.Errorf("server got %q, %v", got, err)
	}
	_, _ = io.WriteString(server, "answer")
	_ = server.CloseWrite()
	if got, err := io.ReadAll(client); string(got) != "answer" || err != nil {
		t.Errorf("client got %q, %v", got, err)
	}
	<-ended
}

func TestJoinEnds(t *testing.T) {
	for name, end := range map[string]func(client, server *net.TCPConn, done chan struct{}){
		"when told to":        func(_, _ *net.TCPConn, done chan struct{}) { close(done) },
		"when one side fails": func(c, _ *net.TCPConn, _ chan struct{}) { _ = c.SetLinger(0); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			client, left := pair(t)
			right, server := pair(t)
			done, ended := make(chan struct{}), make(chan struct{})
			go func() { Join(done, left, right); close(ended) }()
			end(client, server, done)
			select {
			case <-ended:
			case <-time.After(5 * time.Second):
				t.Error("does not end")
			}
			if _, err := server.Read(make([]byte, 1)); err == nil {
				t.Error("the other side is still open")
			}
		})
	}
}

func TestStartNeedsDevice(t *testing.T) {
	if n, err := Start(Config{TUN: -1, Subnet: netip.MustParsePrefix("192.0.0.0/29")}); err == nil {
		n.Close()
		t.Error("no error without a device")
	}
}
