package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// client makes requests as npm would: its proxies, authorities and
// credentials.
func (n *NPM) client() *http.Client {
	env := os.Environ()
	proxy := (&httpproxy.Config{
		HTTPProxy:  n.settings["proxy"],
		HTTPSProxy: firstSet(n.settings["https-proxy"], n.settings["proxy"]),
		NoProxy:    n.settings["noproxy"],
	}).ProxyFunc()
	transport := &http.Transport{
		Proxy:                 func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		IdleConnTimeout:       30 * time.Second,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            n.roots(env),
			InsecureSkipVerify: n.settings["strict-ssl"] == "false", //nolint:gosec // as npm is told to
		},
	}
	return &http.Client{Transport: &authorizer{npm: n, next: transport}, CheckRedirect: checkRedirect}
}

func firstSet(values ...string) string {
	for _, v := range values {
		if v != "" && v != "null" && v != "false" {
			return v
		}
	}
	return ""
}

// errDowngrade is returned, inside a url.Error, for a redirect from https to
// anything else.
type errDowngrade struct{ to *url.URL }

func (e errDowngrade) Error() string {
	return "redirected from https to a plain connection, " + bare(e.to)
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errDowngrade{req.URL}
	}
	if len(via) >= 10 {
		return errors.New("redirected more than 10 times")
	}
	return nil
}

// An authorizer adds npm's credentials to requests that have none of their
// own, and leaves none with those that a redirect has led to another host.
type authorizer struct {
	npm  *NPM
	next http.RoundTripper
}

func (a *authorizer) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	switch {
	case origin(req).Host != req.URL.Host:
		req.Header.Del("Authorization")
	case req.Header.Get("Authorization") == "":
		a.npm.authorize(req)
	}
	return a.next.RoundTrip(req)
}

// CloseIdleConnections lets the client's method reach the transport.
func (a *authorizer) CloseIdleConnections() {
	if t, ok := a.next.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// origin is the address that was asked for before any redirect.
func origin(req *http.Request) *url.URL {
	for req.Response != nil && req.Response.Request != nil {
		req = req.Response.Request
	}
	return req.URL
}

// bare is an address as people may see it: without credentials or query.
func bare(u *url.URL) string {
	c := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return c.String()
}

// reason is why a request failed, in words, without its address.
func reason(err error) string {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var dns *net.DNSError
	var errno syscall.Errno
	switch {
	case errors.As(err, &dns):
		return "no address is known for " + dns.Name
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the answer ended early"
	}
	return strings.TrimSuffix(err.Error(), ".")
}
