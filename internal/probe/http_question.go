package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/sandwright/sandwright/internal/httpcall"
)

// question asks for u with a user's headers, which may replace ours.
func question(u *url.URL, headers map[string]string) httpcall.Question {
	header := http.Header{"User-Agent": {"sandwright-init"}}
	if u.User != nil {
		password, _ := u.User.Password()
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	for name, value := range headers {
		header.Set(name, value)
	}
	if header.Get("User-Agent") == "" {
		header.Del("User-Agent")
	}
	host := cmp.Or(header.Get("Host"), withoutZone(u.Host))
	return httpcall.Question{Method: http.MethodGet, Target: u.RequestURI(), Host: host, Header: header}
}

// withoutZone is a host as the server is told of it: the zone of a link-local
// address, as in [fe80::1%eth0], is this machine's own name for an interface.
func withoutZone(host string) string {
	before, rest, zoned := strings.Cut(host, "%")
	end := strings.LastIndexByte(rest, ']')
	if !zoned || end < 0 {
		return host
	}
	return before + rest[end:]
}

// dialer connects to the host of u, or to the unix socket at path unless that
// is empty.
func dialer(u *url.URL, path string) func(context.Context) (net.Conn, error) {
	network, address := "unix", path
	if path == "" {
		port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
		network, address = "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
	}
	if u.Scheme == "http" {
		return func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, network, address) }
	}
	secure := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: u.Hostname(), NextProtos: []string{"http/1.1"}}}
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := secure.DialContext(ctx, network, address)
		var odd tls.RecordHeaderError
		if errors.As(err, &odd) && string(odd.RecordHeader[:]) == "HTTP/" {
			err = errors.New("server gave HTTP response to HTTPS client")
		}
		return conn, err
	}
}
