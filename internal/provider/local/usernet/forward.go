//go:build linux

package usernet

import (
	"io"
	"net"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// forwardTCP dials out first, so that the box sees a refusal as one. It runs
// in a goroutine of its own.
func (n *Net) forwardTCP(r *tcp.ForwarderRequest) {
	if !acquire(n.tcpSlots) {
		r.Complete(true)
		return
	}
	defer func() { <-n.tcpSlots }()
	out, err := n.dial("tcp", r.ID())
	if err != nil {
		r.Complete(true)
		return
	}
	var queue waiter.Queue
	ep, fail := r.CreateEndpoint(&queue)
	r.Complete(fail != nil)
	if fail != nil {
		out.Close()
		return
	}
	ep.SocketOptions().SetKeepAlive(true)
	Join(n.ctx.Done(), gonet.NewTCPConn(&queue, ep), out)
}

// forwardUDP starts a flow for the first packet between two addresses.
func (n *Net) forwardUDP(r *udp.ForwarderRequest) {
	if !acquire(n.udpSlots) {
		return
	}
	var queue waiter.Queue
	ep, fail := r.CreateEndpoint(&queue)
	if fail != nil {
		<-n.udpSlots
		return
	}
	go func() {
		defer func() { <-n.udpSlots }()
		in := gonet.NewUDPConn(&queue, ep)
		out, err := n.dial("udp", r.ID())
		if err != nil {
			in.Close()
			return
		}
		n.joinPackets(in, out)
	}()
}

// joinPackets carries datagrams both ways until neither side spoke for udpIdle.
func (n *Net) joinPackets(a, b net.Conn) {
	touch := func() {
		end := time.Now().Add(udpIdle)
		_ = a.SetReadDeadline(end)
		_ = b.SetReadDeadline(end)
	}
	carry := func(dst, src net.Conn) {
		buf := make([]byte, MTU)
		for {
			touch()
			size, err := src.Read(buf)
			if err != nil {
				return
			}
			if _, err := dst.Write(buf[:size]); err != nil {
				return
			}
		}
	}
	both(n.ctx.Done(), a, b, carry)
}

// Join carries bytes both ways, passes a half-close on, and closes both once
// both directions ended, one failed, or done is closed.
func Join(done <-chan struct{}, a, b net.Conn) {
	fail := func() { a.Close(); b.Close() }
	both(done, a, b, func(dst, src net.Conn) {
		if _, err := io.Copy(dst, src); err != nil {
			fail()
			return
		}
		if half, ok := dst.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	})
}

// both runs carry in both directions, and closes a and b when the two have
// returned or done is closed. One direction's end alone ends nothing.
func both(done <-chan struct{}, a, b net.Conn, carry func(dst, src net.Conn)) {
	defer a.Close()
	defer b.Close()
	ended := make(chan struct{}, 2)
	go func() { carry(a, b); ended <- struct{}{} }()
	go func() { carry(b, a); ended <- struct{}{} }()
	for range 2 {
		select {
		case <-ended:
		case <-done:
			return
		}
	}
}

func acquire(slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	default:
		return false
	}
}
