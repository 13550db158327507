package probe

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sandwright/sandwright/internal/httpcall"
	"github.com/sandwright/sandwright/internal/spec"
)

// Bounds of an answer over HTTP.
const (
	maxBody   = 64 << 10
	drainTime = 100 * time.Millisecond // for a body that nobody asks for
)

// A web asks with GET over HTTP/1, on a new connection each time, through no
// proxy and after no redirect. As in Kubernetes the certificate of an https
// server is not verified: the probe asks whether somebody answers, not who.
type web struct {
	url    string // without a password
	status statusSet
	body   *regexp.Regexp // nil: any
	ask    httpcall.Question
	dial   func(context.Context) (net.Conn, error)
}

func newHTTP(p spec.Probe) (*web, error) {
	u, err := parseURL(p.HTTP)
	if err != nil {
		return nil, err
	}
	status, err := parseStatus(cmp.Or(p.Status, defaultStatus))
	if err != nil {
		return nil, err
	}
	h := &web{url: u.Redacted(), status: status, ask: question(u, p.Headers), dial: dialer(u, p.Socket)}
	if p.Body != "" {
		if h.body, err = pattern("body", p.Body); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func parseURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is no http URL", address)
	}
	if strings.ContainsFunc(u.Host, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return nil, fmt.Errorf("its host %q is not ASCII: its name in the DNS begins with xn--", u.Hostname())
	}
	return u, nil
}

// Try sends one request.
func (h *web) Try(ctx context.Context) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := httpcall.Ask(ctx, h.dial, h.ask)
	if err != nil {
		return "", failed(ctx, h.doing(), err)
	}
	defer resp.Body.Close()
	said := strings.TrimSpace(fmt.Sprint(resp.StatusCode, " ", http.StatusText(resp.StatusCode)))
	good := h.status.has(resp.StatusCode)
	if !good || h.body == nil {
		// The status says it all: a body that is slow or breaks off changes nothing.
		defer time.AfterFunc(drainTime, cancel).Stop()
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	switch {
	case !good:
		return "", &Failure{Reason: h.doing() + ": " + said, Detail: excerpt(body)}
	case h.body == nil || h.body.Match(body):
		return fmt.Sprintf("GET %s %d", h.ask.Target, resp.StatusCode), nil
	case err != nil:
		return "", h.broken(ctx, err, body)
	}
	why := fmt.Sprintf("%s: %s, and the body does not match %q", h.doing(), said, h.body)
	return "", &Failure{Reason: why, Detail: excerpt(body)}
}

// broken is a body that has ended too soon and does not match.
func (h *web) broken(ctx context.Context, err error, body []byte) error {
	f := failed(ctx, h.doing(), err)
	if f.late {
		f.Reason = h.doing() + ": no whole answer"
	} else {
		f.Reason = h.doing() + ": connection closed within the answer"
	}
	f.Detail = excerpt(body)
	return f
}

func (h *web) doing() string { return "GET " + h.url }
