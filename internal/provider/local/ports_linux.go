package local

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/provider/local/usernet"
)

// maxConns bounds the open connections to the published ports of one box.
const maxConns = 2048

// A publication is the published ports of a box, on 127.0.0.1.
type publication struct {
	ports     []provider.Port // as asked, with Host known
	listeners []net.Listener  // one each
	ctx       context.Context // ends with close
	cancel    context.CancelFunc
	serving   sync.WaitGroup
}

// publish listens on every port, or says of each that it cannot have why.
func publish(ports []provider.Port, stateDir string) (*publication, error) {
	ctx, cancel := context.WithCancel(context.Background())
	p := &publication{ctx: ctx, cancel: cancel}
	var faults fault.List
	for _, port := range ports {
		l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port.Host)))
		if err != nil {
			faults = append(faults, inUse(port.Host, err, stateDir))
			continue
		}
		if addr, ok := l.Addr().(*net.TCPAddr); ok {
			port.Host = addr.Port
		}
		p.ports, p.listeners = append(p.ports, port), append(p.listeners, l)
	}
	if len(faults) > 0 {
		p.close()
		return nil, faults.Err()
	}
	return p, nil
}

// inUse names the sandbox that has the port, where it is one of ours.
func inUse(port int, err error, stateDir string) *fault.Fault {
	var number unix.Errno
	if errors.As(err, &number) {
		err = number
	}
	all, _ := places(stateDir)
	for _, other := range all {
		rec, runErr := other.running()
		if runErr != nil {
			continue
		}
		for _, p := range rec.Info.Ports {
			if p.Host == port {
				return fault.Cannot("publish port %d on 127.0.0.1: sandbox %q of %s has it", port, rec.Info.Name, rec.Info.Project).
					WithHint("run: sandwright up --publish-all --sandbox NAME")
			}
		}
	}
	return fault.Cannot("publish port %d on 127.0.0.1: %w", port, err).
		WithHint("run: sandwright up --publish-all --sandbox NAME")
}

// serve connects whoever comes to the box. It returns at once.
func (p *publication) serve(dial func(ctx context.Context, port int) (net.Conn, error)) {
	slots := make(chan struct{}, maxConns)
	for i, l := range p.listeners {
		p.serving.Go(func() {
			for {
				conn, err := l.Accept()
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err != nil { // out of descriptors, mostly
					time.Sleep(50 * time.Millisecond)
					continue
				}
				slots <- struct{}{}
				p.serving.Go(func() {
					defer func() { <-slots }()
					p.carry(conn, p.ports[i].Box, dial)
				})
			}
		})
	}
}

// carry serves one connection.
func (p *publication) carry(conn net.Conn, port int, dial func(context.Context, int) (net.Conn, error)) {
	inner, err := dial(p.ctx, port)
	if err != nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset is the nearest to the refusal that the box gave
		}
		conn.Close()
		return
	}
	usernet.Join(p.ctx.Done(), conn, inner)
}

// close ends the listeners and every connection.
func (p *publication) close() {
	p.cancel()
	for _, l := range p.listeners {
		l.Close()
	}
	p.serving.Wait()
}
