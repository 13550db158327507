package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// maxService bounds the name of a gRPC service.
const maxService = 1 << 10

// A grpcHealth asks grpc.health.v1.Health/Check, without TLS.
type grpcHealth struct {
	network, address string
	authority        string
	service          string // empty: the server as a whole
}

// newGRPC reads host:port or host:port/SERVICE. With a socket the part before
// the service is only what the server is told that it is called.
func newGRPC(p spec.Probe) (*grpcHealth, error) {
	host, service, _ := strings.Cut(p.GRPC, "/")
	g := &grpcHealth{network: "tcp", address: host, authority: host, service: service}
	if p.Socket != "" {
		g.network, g.address = "unix", p.Socket
		if host == "" {
			g.authority = "localhost"
		}
	} else if err := addressFlaw(host); err != nil {
		return nil, err
	}
	if len(service) > maxService || strings.ContainsFunc(p.GRPC, isControl) {
		return nil, fmt.Errorf("%q is no name of a gRPC service", service)
	}
	return g, nil
}

// Try makes one call on a connection of its own.
func (g *grpcHealth) Try(ctx context.Context) (string, error) {
	status, err := g.check(ctx)
	if err != nil {
		return "", failed(ctx, g.doing(), err)
	}
	if status != serving {
		return "", &Failure{Reason: g.doing() + ": " + status.String()}
	}
	return g.doing() + " " + status.String(), nil
}

func (g *grpcHealth) doing() string {
	if g.service == "" {
		return "grpc " + g.address
	}
	return "grpc " + g.address + "/" + g.service
}

func (g *grpcHealth) check(ctx context.Context) (healthStatus, error) {
	conn, err := new(net.Dialer).DialContext(ctx, g.network, g.address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	r, err := exchange(conn, g.header(), envelope(healthRequest(g.service)))
	if err != nil {
		return 0, err
	}
	if err := r.refusal(); err != nil {
		return 0, err
	}
	message, err := open(r.message)
	if err != nil {
		return 0, err
	}
	return parseHealth(message)
}

// header asks with no deadline for the server: it hears of the end as the
// connection is closed.
func (g *grpcHealth) header() []field {
	return []field{
		{":method", "POST"}, {":scheme", "http"}, {":path", "/grpc.health.v1.Health/Check"}, {":authority", g.authority},
		{"content-type", "application/grpc"}, {"user-agent", "sandwright-init"}, {"te", "trailers"},
	}
}

// refusal is why r brings no answer: it is none of gRPC, or one of an error.
func (r *reply) refusal() error {
	status, said := r.get(":status"), r.get("grpc-status")
	kind := r.get("content-type")
	switch {
	case said == "" && status != "200":
		return fmt.Errorf("HTTP status %s, not gRPC", status)
	case said == "" && !strings.HasPrefix(kind, "application/grpc"):
		return fmt.Errorf("speaks no gRPC but %q", kind)
	case said == "":
		return errors.New("no grpc-status in the answer")
	case said == "0":
		return nil
	}
	message := r.get("grpc-message")
	if text, err := url.PathUnescape(message); err == nil {
		message = text
	}
	return errors.New(strings.TrimSuffix(grpcCode(said)+": "+message, ": "))
}

// grpcCode is the name of a status code of gRPC.
func grpcCode(code string) string {
	names := [...]string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
		"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL",
		"UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}
	if n, err := strconv.ParseUint(code, 10, 8); err == nil && n < uint64(len(names)) {
		return names[n]
	}
	return "grpc-status " + code
}
