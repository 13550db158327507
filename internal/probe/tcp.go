package probe

import (
	"context"
	"net"

	"github.com/sandwright/sandwright/internal/spec"
)

// A tcp connects and hangs up without a word.
type tcp struct{ network, address string }

func newTCP(p spec.Probe) *tcp {
	if p.Socket != "" {
		return &tcp{"unix", p.Socket}
	}
	return &tcp{"tcp", p.TCP}
}

// Try connects once.
func (t *tcp) Try(ctx context.Context) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, t.network, t.address)
	if err != nil {
		return "", failed(ctx, "connect to "+t.address, err)
	}
	conn.Close()
	return "connection to " + t.address, nil
}

// maxSocketPath is the length of a unix socket's path that the kernel takes.
const maxSocketPath = 107
