package dockerhost

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
)

// An Engine is what a Docker engine says of itself.
type Engine struct {
	Version string // such as 20.10.24
	Store   string // of its images: containerd, or the driver that it has in its place, such as overlay2
}

// StoreContainerd is the store of images with which Docker's BuildKit can all
// that buildkitd can.
const StoreContainerd = "containerd"

// containerdDriver marks that store; see `docker info` under driver-type.
const containerdDriver = "io.containerd.snapshotter.v1"

// Address is the host's as it is dialed, for messages.
func (h Host) Address() string { return h.network + "://" + h.address }

// About asks the engine what it is.
func (h Host) About(ctx context.Context) (Engine, error) {
	ctx, cancel := context.WithTimeout(ctx, dialDeadline)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/info", nil)
	if err != nil {
		return Engine{}, err
	}
	transport := h.transport()
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return Engine{}, h.unreachable(err)
	}
	defer res.Body.Close()
	var info struct {
		ServerVersion, Driver string
		DriverStatus          [][2]string
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&info); err != nil || info.ServerVersion == "" {
		return Engine{}, fault.Cannot("read what answers at %s: it is no Docker engine", h.Address())
	}
	e := Engine{Version: printable(info.ServerVersion), Store: printable(info.Driver)}
	if slices.Contains(info.DriverStatus, [2]string{"driver-type", containerdDriver}) {
		e.Store = StoreContainerd
	}
	return e, nil
}

// Upgrade turns a request into a connection of another protocol, as Docker's
// /grpc and /session want it: HTTP/2 without TLS (h2c).
func (h Host) Upgrade(ctx context.Context, path string, header http.Header) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialDeadline)
	defer cancel()
	conn, err := h.dial(ctx)
	if err != nil {
		return nil, h.unreachable(err)
	}
	upgraded, err := upgrade(conn, path, header)
	if err != nil {
		return nil, errors.Join(fault.Cannot("open %s of the Docker engine at %s: %v", path, h.Address(), err), conn.Close())
	}
	return upgraded, nil
}

func upgrade(conn net.Conn, path string, header http.Header) (net.Conn, error) {
	if err := conn.SetDeadline(time.Now().Add(dialDeadline)); err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, "http://docker"+path, nil) //nolint:noctx // the connection has the deadline
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "h2c")
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(conn)
	res, err := http.ReadResponse(reader, req) //nolint:bodyclose // what follows the answer is the connection
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		said, _ := told(res)
		return nil, errors.New("it answers " + res.Status + ": " + said)
	}
	return &upgradedConn{conn, reader}, conn.SetDeadline(time.Time{})
}

// An upgradedConn first gives what was read with the answer.
type upgradedConn struct {
	net.Conn
	reader *bufio.Reader
}

func (c *upgradedConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

// transport speaks to the engine in one connection a call.
func (h Host) transport() *http.Transport {
	return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return h.dial(ctx) }}
}

func (h Host) dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{Timeout: dialDeadline}).DialContext(ctx, h.network, h.address)
}

func (h Host) unreachable(err error) error {
	return fault.Cannot("reach the Docker engine at %s: %w", h.Address(), innermost(err)).
		WithHint("start the engine, or name another one with DOCKER_HOST")
}
