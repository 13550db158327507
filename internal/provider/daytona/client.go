// Package daytona makes snapshots of images, and sandboxes of snapshots, with
// Daytona's API (https://www.daytona.io/docs/en/tools/api/, 0.190). The key
// stands in the Authorization header alone, and variables of a sandbox in the
// `env` field of its request alone. What the server says is shown without them.
package daytona

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/redact"
)

const (
	attempts  = 5       // that one question is asked
	maxAnswer = 1 << 20 // bytes of one answer
	maxShown  = 300     // letters of what the server says of a failure
)

// Timing bounds how long is waited. Of the zero Timing every field has its
// default.
type Timing struct {
	Attempt time.Duration // for one answer; default 1 minute
	Retry   time.Duration // before the second attempt, doubling; default 1 s
	Poll    time.Duration // between two looks at a state; default 3 s
	Ready   time.Duration // for a state to be reached; default 30 minutes
}

func (t Timing) filled() Timing {
	or := func(d, fallback time.Duration) time.Duration {
		if d == 0 {
			return fallback
		}
		return d
	}
	return Timing{or(t.Attempt, time.Minute), or(t.Retry, time.Second), or(t.Poll, 3*time.Second), or(t.Ready, 30*time.Minute)}
}

// Options are how Daytona is reached.
type Options struct {
	URL     string            // of the API, such as https://app.daytona.io/api
	Key     string            // of the API
	Secrets map[string]string // by name: what errors do not show, besides the key
	CAs     []byte            // authorities beside the system's, as PEM
	Timing  Timing
}

// A Client speaks to one Daytona. It holds no connection open for long.
type Client struct {
	base   *url.URL
	key    string
	hide   *redact.Set
	http   *http.Client
	timing Timing
}

// New makes a client; nothing is asked yet. Its faults show nothing of the
// address but its scheme and host.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.URL)
	switch {
	case err != nil, base.Host == "", base.Scheme != "https" && base.Scheme != "http", base.User != nil, base.RawQuery != "":
		return nil, fault.Cannot("use DAYTONA_API_URL: it is no address such as https://HOST/api").WithCode(fault.ExitConfig)
	case base.Scheme == "http" && !Loopback(base.Hostname()):
		return nil, fault.Cannot("use DAYTONA_API_URL: the key would travel to %s without TLS", base.Host).
			WithHint("give an address that starts with https://").WithCode(fault.ExitConfig)
	case o.Key == "" || strings.ContainsFunc(o.Key, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return nil, fault.Cannot("use DAYTONA_API_KEY: it is empty, or holds a space or what is not ASCII").WithCode(fault.ExitConfig)
	}
	hidden := map[string]string{"DAYTONA_API_KEY": o.Key}
	for name, value := range o.Secrets {
		hidden[name] = value
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(o.CAs)
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		DialContext:         (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 15 * time.Second, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
	return &Client{
		base: base, key: o.Key, hide: redact.New(hidden), timing: o.Timing.filled(),
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Loopback tells whether a host, without its port, is this machine: nothing else
// is spoken to without TLS.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// An answerError is an answer that says no.
type answerError struct {
	status  int
	said    string        // shown; may be empty
	after   time.Duration // that the server asks to be left alone
	nothing bool          // no answer came, so what was asked may have been done
}

func (e *answerError) Error() string {
	if e.nothing {
		return e.said
	}
	text := fmt.Sprintf("the answer is %d %s", e.status, http.StatusText(e.status))
	if e.said != "" {
		text += ": " + e.said
	}
	return strings.TrimSpace(text)
}

// again tells whether another attempt may end otherwise.
func (e *answerError) again() bool {
	return e.nothing || e.status == http.StatusTooManyRequests || e.status == http.StatusRequestTimeout || e.status >= 500
}

// ask asks until there is an answer, for good or bad, or it was asked often
// enough. Path starts with a slash and is escaped; into is filled from the answer.
func (c *Client) ask(ctx context.Context, method, path string, body, into any) error {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return err
		}
	}
	for attempt := 0; ; attempt++ {
		err := c.once(ctx, method, path, data, into)
		var no *answerError
		if err == nil || ctx.Err() != nil || !errors.As(err, &no) || !no.again() || attempt+1 == attempts {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		if err := pause(ctx, c.delay(attempt, no.after)); err != nil {
			return err
		}
	}
}

// delay doubles with each attempt, and is what the server asks for where that
// is longer, up to a minute.
func (c *Client) delay(attempt int, asked time.Duration) time.Duration {
	return min(max(c.timing.Retry<<attempt, asked), time.Minute)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// once asks once.
func (c *Client) once(ctx context.Context, method, path string, data []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timing.Attempt)
	defer cancel()
	var body io.Reader
	if data != nil {
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.base.String(), "/")+path, body)
	if err != nil {
		return fault.Cannot("ask Daytona at %s", c.base.Host)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "sandwright")
	if data != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.lost(ctx, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return c.lost(ctx, err)
	case len(answer) > maxAnswer:
		return fault.Cannot("read the answer of Daytona at %s: it has more than %d bytes", c.base.Host, maxAnswer)
	case res.StatusCode < 200 || res.StatusCode > 299:
		return &answerError{status: res.StatusCode, said: c.said(answer), after: retryAfter(res.Header)}
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fault.Cannot("read the answer of Daytona at %s: it is not the JSON that was asked for", c.base.Host)
	}
	return nil
}

// lost is what stood in the way of an answer.
func (c *Client) lost(ctx context.Context, err error) error {
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %s", c.timing.Attempt)
	}
	return &answerError{nothing: true, said: c.shown(err.Error())}
}

// said is the message of a failure, as Daytona words it.
func (c *Client) said(answer []byte) string {
	var body struct {
		Message any `json:"message"`
		Error   any `json:"error"`
	}
	if json.Unmarshal(answer, &body) != nil {
		return ""
	}
	for _, part := range []any{body.Message, body.Error} {
		switch text := part.(type) {
		case string:
			return c.shown(text)
		case []any:
			return c.shown(fmt.Sprintln(text...))
		}
	}
	return ""
}

// shown is text of the server's on one line, without secrets and control
// characters.
func (c *Client) shown(text string) string {
	text = c.hide.Text(strings.ReplaceAll(text, c.key, "[redacted DAYTONA_API_KEY]"))
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) }), " ")
	if r := []rune(text); len(r) > maxShown {
		text = string(r[:maxShown]) + "…"
	}
	return text
}

// retryAfter reads seconds or a date.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 3600)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// failed is the fault of what could not be done.
func (c *Client) failed(err error, format string, args ...any) error {
	var own *fault.Fault
	if errors.As(err, &own) || errors.Is(err, context.Canceled) {
		return err
	}
	f := fault.Cannot("%s at %s: %s", fmt.Sprintf(format, args...), c.base.Host, err)
	var no *answerError
	if errors.As(err, &no) {
		switch {
		case no.status == http.StatusUnauthorized || no.status == http.StatusForbidden:
			f.Hint = "check DAYTONA_API_KEY, and that it may write snapshots and sandboxes"
		case no.status >= 300 && no.status < 400:
			f.Hint = "check DAYTONA_API_URL: it redirects, and the key goes to no other place"
		case no.nothing || no.status == http.StatusNotFound:
			f.Hint = "check DAYTONA_API_URL, the network and its proxy"
		case no.again():
			f.Hint = "try again later: what is done already is not done twice"
		}
	}
	return f
}
