//go:build linux

// Package usernet gives a network namespace a way out without touching the
// host's network: it ends the box's connections in a user-mode TCP/IP stack on
// a TUN device and opens them again as ordinary sockets of this process.
package usernet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// MTU of the TUN device. Both ends are memory, so the largest packet is best.
const MTU = 65520

const (
	nic         = 1
	dialTimeout = 30 * time.Second
	udpIdle     = 60 * time.Second
	maxOpening  = 512  // TCP connections between SYN and the far end's answer
	maxTCP      = 4096 // open TCP connections
	maxUDP      = 1024 // UDP flows that spoke within udpIdle
)

// Config says where the box's packets come from and where some of them go.
type Config struct {
	TUN      int                               // descriptor, non-blocking, without packet information
	Subnet   netip.Prefix                      // of the box; nothing in it is reachable but Redirect's keys
	Redirect map[netip.AddrPort]netip.AddrPort // by the address the box dials; TCP and UDP
}

// A Net carries one box's traffic until Close.
type Net struct {
	config   Config
	stack    *stack.Stack
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	tcpSlots chan struct{}
	udpSlots chan struct{}
}

// Start reads packets from c.TUN until Close. The descriptor stays the caller's.
func Start(c Config) (*Net, error) {
	link, err := fdbased.New(&fdbased.Options{FDs: []int{c.TUN}, MTU: MTU, RXChecksumOffload: true})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &Net{
		config: c, ctx: ctx, cancel: cancel,
		tcpSlots: make(chan struct{}, maxTCP), udpSlots: make(chan struct{}, maxUDP),
		stack: stack.New(stack.Options{
			NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
			TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4},
		}),
	}
	n.stack.SetTransportProtocolHandler(tcp.ProtocolNumber, tcp.NewForwarder(n.stack, 0, maxOpening, n.forwardTCP).HandlePacket)
	n.stack.SetTransportProtocolHandler(udp.ProtocolNumber, udp.NewForwarder(n.stack, n.forwardUDP).HandlePacket)
	if err := configure(n.stack, link); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// configure makes s answer for every address there is.
func configure(s *stack.Stack, link stack.LinkEndpoint) error {
	sack, moderate := tcpip.TCPSACKEnabled(true), tcpip.TCPModerateReceiveBufferOption(true)
	steps := []func() tcpip.Error{
		func() tcpip.Error { return s.SetTransportProtocolOption(tcp.ProtocolNumber, &sack) },
		func() tcpip.Error { return s.SetTransportProtocolOption(tcp.ProtocolNumber, &moderate) },
		func() tcpip.Error { return s.CreateNIC(nic, link) },
		func() tcpip.Error { return s.SetSpoofing(nic, true) },
		func() tcpip.Error { return s.SetPromiscuousMode(nic, true) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return errors.New(err.String())
		}
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}})
	return nil
}

// Close ends every connection and returns once nothing reads the TUN device.
func (n *Net) Close() {
	n.cancel()
	n.stack.RemoveNIC(nic)
	n.stack.Close()
	n.stack.Wait()
}

// dial opens the outer half of a connection that the box made to id's local
// address.
func (n *Net) dial(network string, id stack.TransportEndpointID) (net.Conn, error) {
	to, err := n.target(id)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: dialTimeout}
	return d.DialContext(n.ctx, network, to.String())
}

// errBarred is the answer for an address that a box must not reach.
var errBarred = errors.New("address is not reachable from a sandbox")

// target is where a connection to id's local address really goes.
func (n *Net) target(id stack.TransportEndpointID) (netip.AddrPort, error) {
	addr, ok := netip.AddrFromSlice(id.LocalAddress.AsSlice())
	dst := netip.AddrPortFrom(addr, id.LocalPort)
	if to, redirected := n.config.Redirect[dst]; redirected {
		return to, nil
	}
	if !ok || barred(addr) || n.config.Subnet.Contains(addr) {
		return netip.AddrPort{}, errBarred
	}
	return dst, nil
}

// barred tells addresses that mean this host itself, its link (most clouds'
// metadata is there), the metadata of Alibaba's and Azure's clouds, or nobody
// in particular.
func barred(a netip.Addr) bool {
	this, future := netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("240.0.0.0/4")
	if a == netip.AddrFrom4([4]byte{100, 100, 100, 200}) || a == netip.AddrFrom4([4]byte{168, 63, 129, 16}) {
		return true
	}
	return a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || this.Contains(a) || future.Contains(a)
}
