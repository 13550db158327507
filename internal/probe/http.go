package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBody is how much of an answer is read; the rest does not matter.
const maxBody = 64 << 10

// An HTTP asks with GET, on a new connection each time, through no proxy and
// after no redirect. Any 2xx or 3xx answer means ready.
type HTTP struct {
	url    string
	uri    string // the url without scheme and host
	client *http.Client
}

// NewHTTP makes a check that asks for address, an absolute http or https URL.
func NewHTTP(address string) (*HTTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is no http URL", address)
	}
	return &HTTP{url: address, uri: u.RequestURI(), client: &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxBody},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Try sends one request.
func (h *HTTP) Try(ctx context.Context) (string, error) {
	start := time.Now()
	code, err := h.get(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "", h.not(fmt.Sprintf("no answer within %s", time.Since(start).Round(10*time.Millisecond)))
	case err != nil:
		return "", h.not(short(err))
	case code < 200 || code >= 400:
		return "", h.not(strings.TrimSpace(fmt.Sprint(code, " ", http.StatusText(code))))
	}
	return fmt.Sprintf("GET %s %d", h.uri, code), nil
}

func (h *HTTP) get(ctx context.Context) (code int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", "sandwright-init")
	resp, err := h.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	// The status says it all: a body that breaks off changes nothing.
	_, _ = io.CopyN(io.Discard, resp.Body, maxBody)
	return resp.StatusCode, nil
}

// Unasked is the reason before the first attempt has ended.
func (h *HTTP) Unasked() error { return h.not("no answer yet") }

func (h *HTTP) not(why string) error { return fmt.Errorf("GET %s: %s", h.url, why) }
