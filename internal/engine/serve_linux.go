package engine

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/session"
	"github.com/sirupsen/logrus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
)

// serve gives a client of the controller over a connection that never leaves
// this process, and what ends both.
func serve(ctx context.Context, c *control.Controller, sessions *session.Manager) (*client.Client, func(), error) {
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(grpc.MaxRecvMsgSize(64<<20), grpc.MaxSendMsgSize(64<<20), grpc.WaitForHandlers(true))
	c.Register(server)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with Stop
	}()
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	cl, err := client.New(ctx, "passthrough:///embedded", client.WithContextDialer(dial), client.WithSessionDialer(sessionDialer(sessions)))
	stop := func() {
		if cl != nil {
			_ = cl.Close()
		}
		server.Stop()
		<-served
	}
	if err != nil {
		stop()
		return nil, func() {}, err
	}
	return cl, stop, nil
}

// sessionDialer connects a client's session to the manager directly, past gRPC.
func sessionDialer(m *session.Manager) func(context.Context, string, map[string][]string) (net.Conn, error) {
	return func(ctx context.Context, _ string, meta map[string][]string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			_ = m.HandleConn(ctx, theirs, meta) // ends with the connection
		}()
		return ours, nil
	}
}

// openLog sends BuildKit's own log, which is written to the standard logger
// of logrus, to a file that starts anew with each engine.
func (e *embedded) openLog() (err error) {
	e.log, err = os.OpenFile(filepath.Join(e.opts.Root, logName), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err == nil {
		logrus.SetOutput(e.log)
	}
	return err
}

func (e *embedded) closeLog() error {
	logrus.SetOutput(io.Discard)
	return e.log.Close()
}
