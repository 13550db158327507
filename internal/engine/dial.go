package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"

	"github.com/sandwright/sandwright/internal/fault"
)

// answerDeadline bounds each question to a builder before it builds: to
// connect, to shake hands, to say what it is.
const answerDeadline = 10 * time.Second

// oldestBuildKit has all that our graphs use; its Info came with it.
const oldestBuildKit = "v0.11"

// dial connects to a buildkitd, and finds out why where it cannot.
func dial(ctx context.Context, b Builder) (*client.Client, error) {
	if err := b.Check(); err != nil {
		return nil, err
	}
	if b.Address == BuilderDocker {
		return dialDocker(ctx)
	}
	d, err := newDialer(b)
	if err != nil {
		return nil, err
	}
	if err := d.try(ctx); err != nil {
		return nil, err
	}
	c, err := client.New(ctx, "passthrough:///"+d.address, client.WithContextDialer(d.dial), client.WithGRPCDialOption(
		// More often is too often for gRPC's servers.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 5 * time.Minute, Timeout: answerDeadline})))
	if err != nil {
		return nil, err
	}
	if err := greet(ctx, c, b); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// greet asks the server whether it is a BuildKit that is new enough.
func greet(ctx context.Context, c *client.Client, b Builder) error {
	ctx, cancel := context.WithTimeout(ctx, answerDeadline)
	defer cancel()
	_, err := c.Info(ctx)
	switch {
	case err == nil:
		return nil
	case grpcerrors.Code(err) != codes.Unimplemented:
		return fault.Cannot("reach the builder %s: %v", b.Address, err)
	}
	if _, err := c.ListWorkers(ctx); err != nil {
		return fault.Cannot("build at %s: what answers there is no BuildKit", b.Address)
	}
	return fault.Cannot("build at %s: its BuildKit is older than %s", b.Address, oldestBuildKit).
		WithHint("update buildkitd, or leave out --builder")
}

// A dialer connects to one endpoint.
type dialer struct {
	builder          Builder
	network, address string
	tls              *tls.Config // nil: none
}

func newDialer(b Builder) (*dialer, error) {
	d := &dialer{builder: b}
	var err error
	if d.network, d.address, err = b.endpoint(); err != nil || !b.tls() {
		return d, err
	}
	host, _, _ := net.SplitHostPort(d.address) // endpoint has seen it
	d.tls = &tls.Config{ServerName: host, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}
	if b.CA != "" {
		pem, err := os.ReadFile(b.CA)
		if err != nil {
			return nil, fault.Cannot("read the builder's authorities: %w", err)
		}
		d.tls.RootCAs = x509.NewCertPool()
		if !d.tls.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.Cannot("find a certificate in %s", b.CA)
		}
	}
	if b.Cert != "" {
		pair, err := tls.LoadX509KeyPair(b.Cert, b.Key)
		if err != nil {
			return nil, fault.Cannot("use the client certificate %s with the key %s: %v", b.Cert, b.Key, err)
		}
		d.tls.Certificates = []tls.Certificate{pair}
	}
	return d, nil
}

// dial is what gRPC calls. Its address is ours.
func (d *dialer) dial(ctx context.Context, _ string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, answerDeadline)
	defer cancel()
	conn, err := d.connect(ctx)
	if err != nil || d.tls == nil {
		return conn, err
	}
	secured := tls.Client(conn, d.tls)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secured, nil
}

func (d *dialer) connect(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 6}}
	return dialer.DialContext(ctx, d.network, d.address)
}

// preface begins HTTP/2: RFC 9113, section 3.4, with empty settings.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// try connects once as gRPC will, and says in words what stands against it:
// gRPC would only say that no preface came.
func (d *dialer) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*answerDeadline)
	defer cancel()
	err := d.answer(ctx, d.dial)
	if err == nil {
		return nil
	}
	f := fault.Cannot("reach the builder %s: %s", d.builder.Address, d.why(ctx, err))
	if d.network == "unix" || errors.As(err, new(*net.OpError)) {
		f = f.WithHint("is buildkitd running there? without --builder, builds run in sandwright itself")
	}
	return f
}

// answer sends the preface and waits for the server's, which with TLS 1.3 is
// also where a refusal of our certificate comes.
func (d *dialer) answer(ctx context.Context, dial func(context.Context, string) (net.Conn, error)) error {
	conn, err := dial(ctx, d.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerDeadline)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte(preface)); err != nil {
		return err
	}
	head := make([]byte, 9)
	if _, err := io.ReadFull(conn, head); err != nil {
		return err
	}
	if head[3] != 4 { // SETTINGS is what a server begins with
		return errNotHTTP2
	}
	return nil
}

var errNotHTTP2 = errors.New("what answers there does not speak HTTP/2, as BuildKit does")

// why finds the reason in what Go's TLS says, and in what the server does
// without us.
func (d *dialer) why(ctx context.Context, err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch text := err.Error(); {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "it does not answer within " + answerDeadline.String()
	case errors.As(err, &record):
		return "it does not speak TLS; leave out --builder-ca, --builder-cert and --builder-key only if the network between is yours alone"
	case errors.As(err, &unknown):
		return "its certificate is signed by nobody in " + d.authorities()
	case errors.As(err, &name):
		return "its certificate is for another name: " + name.Error()
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has expired or is not valid yet: " + invalid.Error()
	case strings.Contains(text, "tls: certificate required"), d.tls != nil && len(d.tls.Certificates) == 0 && strings.Contains(text, "tls: "):
		return "it wants a client certificate; give --builder-cert and --builder-key"
	case strings.Contains(text, "remote error: tls: expired certificate"):
		return "it refuses our certificate " + d.builder.Cert + ": it has expired or is not valid yet"
	case strings.Contains(text, "remote error: tls: unknown certificate authority"), strings.Contains(text, "remote error: tls: bad certificate"):
		return "it refuses our certificate " + d.builder.Cert + ": its authorities did not sign it for clients"
	case d.tls == nil && d.network == "tcp" && d.speaksTLS(ctx):
		return "it speaks TLS; give --builder-ca, and --builder-cert and --builder-key"
	default:
		return text
	}
}

func (d *dialer) authorities() string {
	if d.builder.CA == "" {
		return "the system's authorities; give --builder-ca"
	}
	return d.builder.CA
}

// speaksTLS begins a handshake, without trust: only whether one begins counts.
func (d *dialer) speaksTLS(ctx context.Context) bool {
	conn, err := d.connect(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	err = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}).HandshakeContext(ctx) //nolint:gosec // nothing is said over it
	return err == nil || strings.Contains(err.Error(), "remote error: tls: ")
}
