package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider/local/usernet"
)

// The box's own network: a range that RFC 7335 keeps for the inside of one
// host, so that no network a box may want to reach uses it. Each box has the
// same, and none sees another.
const (
	boxSubnet  = "192.0.0.0/29"
	boxAddr    = "192.0.0.2"
	boxGateway = "192.0.0.1"
)

// A network is a box's own. It stands before anything is known of the box, and
// nothing is in it but the way out, once that is open.
type network struct {
	ns  *os.File
	tun int          // its descriptor
	out *usernet.Net // nil until open
}

func newNetwork() (*network, error) {
	n := &network{}
	err := alone(func() (err error) {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		if n.ns, err = os.Open("/proc/thread-self/ns/net"); err == nil {
			n.tun, err = plug()
		}
		return err
	})
	if err != nil {
		n.ns.Close()
		return nil, errNetwork(err)
	}
	return n, nil
}

// open lets packets out. Those to a key of redirect go to where it leads.
func (n *network) open(redirect map[netip.AddrPort]netip.AddrPort) (err error) {
	n.out, err = usernet.Start(usernet.Config{TUN: n.tun, Subnet: netip.MustParsePrefix(boxSubnet), Redirect: redirect})
	if err != nil {
		return errNetwork(err)
	}
	return nil
}

func errNetwork(err error) error {
	return fault.Cannot("give the sandbox a network: %w", err).WithHint("run: modprobe tun")
}

// path is where a child of this process finds the namespace, in a /proc of
// this pid namespace.
func (n *network) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.ns.Fd()) }

func (n *network) close() {
	if n.out != nil {
		n.out.Close()
	}
	unix.Close(n.tun)
	n.ns.Close()
}

// connect takes the network, with the host's name servers of now, and serves
// the published ports.
func (b *box) connect(context.Context) (err error) {
	if b.net, err = b.network(); err != nil {
		return err
	}
	host, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fault.Cannot("read the host's name servers: %w", err)
	}
	var redirect map[netip.AddrPort]netip.AddrPort
	b.resolv, redirect = nameservers(string(host))
	if err := b.net.open(redirect); err != nil {
		return err
	}
	b.ports.serve(func(ctx context.Context, port int) (net.Conn, error) { return dialInside(ctx, b.net.ns, port) })
	return nil
}

// alone runs f on a thread of its own, which ends with it.
func alone(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlock: no other goroutine may get this thread
		done <- f()
	}()
	return <-done
}

// inside runs f on a thread of its own that is in the network namespace and
// ends with it.
func inside(ns *os.File, f func() error) error {
	return alone(func() error {
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return err
		}
		return f()
	})
}

// plug makes eth0, a TUN device, and gives its descriptor.
func plug() (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return 0, &os.PathError{Op: "open", Path: "/dev/net/tun", Err: err}
	}
	req, err := unix.NewIfreq("eth0")
	if err != nil {
		return 0, err
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := errors.Join(unix.IoctlIfreq(fd, unix.TUNSETIFF, req), address()); err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// address configures lo and eth0 of this thread's network namespace.
func address() error {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	eth, err := h.LinkByName("eth0")
	if err != nil {
		return err
	}
	subnet := netip.MustParsePrefix(boxSubnet)
	own := &net.IPNet{IP: net.ParseIP(boxAddr), Mask: net.CIDRMask(subnet.Bits(), 32)}
	for _, step := range []func() error{
		func() error { return h.LinkSetUp(lo) },
		func() error { return h.LinkSetMTU(eth, usernet.MTU) },
		func() error { return h.AddrAdd(eth, &netlink.Addr{IPNet: own}) },
		func() error { return h.LinkSetUp(eth) },
		func() error {
			return h.RouteAdd(&netlink.Route{LinkIndex: eth.Attrs().Index, Gw: net.ParseIP(boxGateway)})
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// dialInside connects to a port of the box, wherever it listens.
func dialInside(ctx context.Context, ns *os.File, port int) (conn net.Conn, err error) {
	err = inside(ns, func() (err error) {
		for _, addr := range []string{"127.0.0.1", "::1", boxAddr} {
			d := net.Dialer{Timeout: 10 * time.Second}
			conn, err = d.DialContext(ctx, "tcp", net.JoinHostPort(addr, strconv.Itoa(port)))
			if err == nil {
				return nil
			}
		}
		return err
	})
	return conn, err
}

// nameservers turns the host's resolv.conf into the box's, which names an
// address of the box's own network for each name server, and into where those
// addresses lead. It keeps search and options, and three servers, as many as
// libc reads.
func nameservers(host string) (conf string, redirect map[netip.AddrPort]netip.AddrPort) {
	var out strings.Builder
	inner := []string{boxGateway, "192.0.0.3", "192.0.0.4"}
	redirect = make(map[netip.AddrPort]netip.AddrPort)
	for line := range strings.Lines(host) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "search", "options":
			out.WriteString(strings.Join(fields, " ") + "\n")
		case "nameserver":
			addr, err := netip.ParseAddr(fields[1])
			if err != nil || len(redirect) == len(inner) {
				continue
			}
			own := inner[len(redirect)]
			redirect[netip.AddrPortFrom(netip.MustParseAddr(own), 53)] = netip.AddrPortFrom(addr, 53)
			out.WriteString("nameserver " + own + "\n")
		}
	}
	return out.String(), redirect
}
