// Package dockerhost speaks to the Docker engine of this machine, as far as an
// image is loaded into it.
package dockerhost

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
)

const (
	defaultHost  = "unix:///var/run/docker.sock"
	dialDeadline = 10 * time.Second
	loadDeadline = 30 * time.Minute
	maxAnswer    = 4 << 20 // bytes that are read of what the engine says
)

// A Host is a Docker engine.
type Host struct{ network, address string }

// Find reads DOCKER_HOST; env is as os.Environ gives it.
func Find(env []string) (Host, error) {
	host := defaultHost
	for _, kv := range env {
		if value, ok := strings.CutPrefix(kv, "DOCKER_HOST="); ok && value != "" {
			host = value
		}
	}
	network, address, ok := strings.Cut(host, "://")
	if network != "unix" && network != "tcp" || !ok || address == "" {
		return Host{}, fault.Cannot("reach the Docker engine at %s: only unix:// and tcp:// are known", host).
			WithHint("write the image with --output type=docker,dest=image.tar, then run: docker load -i image.tar").WithCode(fault.ExitUsage)
	}
	return Host{network, address}, nil
}

// Load gives the engine a tar that `docker load` takes. It is done when the
// engine says so.
func (h Host) Load(ctx context.Context, tar io.Reader) error {
	ctx, cancel := context.WithTimeout(ctx, loadDeadline)
	defer cancel()
	transport := h.transport()
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://docker/images/load?quiet=1", io.NopCloser(tar))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-tar")
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return fault.Cannot("load the image into the Docker engine at %s: %w", h.address, innermost(err)).
			WithHint("start the engine, or name another one with DOCKER_HOST")
	}
	defer res.Body.Close()
	said, err := told(res)
	if err == nil && said == "" {
		return nil
	}
	if said == "" {
		said = err.Error()
	}
	return fault.Cannot("load the image: the Docker engine says: %s", said)
}

// innermost leaves out the address that http made up for the socket.
func innermost(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// told is the error that the engine answers with, if it does: in its status, or
// in one of the messages that it streams.
func told(res *http.Response) (string, error) {
	body := json.NewDecoder(io.LimitReader(res.Body, maxAnswer))
	var message struct{ Error, Message string }
	if res.StatusCode != http.StatusOK {
		if err := body.Decode(&message); err != nil || message.Message == "" {
			message.Message = res.Status
		}
		return printable(message.Message), nil
	}
	for {
		err := body.Decode(&message)
		switch {
		case errors.Is(err, io.EOF):
			return "", nil
		case err != nil:
			return "", err
		case message.Error != "":
			return printable(message.Error), nil
		}
	}
}

// printable is one line of text, bounded.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	return text[:min(len(text), 500)]
}
