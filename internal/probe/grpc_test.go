package probe

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/sandwright/sandwright/internal/spec"
)

// grpcServer runs the real server with whatever register gives it.
func grpcServer(t *testing.T, l net.Listener, register func(*grpc.Server), options ...grpc.ServerOption) string {
	t.Helper()
	server := grpc.NewServer(options...)
	register(server)
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func healthOf(all map[string]grpc_health_v1.HealthCheckResponse_ServingStatus) func(*grpc.Server) {
	return func(s *grpc.Server) {
		h := health.NewServer()
		for name, status := range all {
			h.SetServingStatus(name, status)
		}
		grpc_health_v1.RegisterHealthServer(s, h)
	}
}

func TestGRPC(t *testing.T) {
	address := grpcServer(t, listen(t), healthOf(map[string]grpc_health_v1.HealthCheckResponse_ServingStatus{
		"up.Service": grpc_health_v1.HealthCheckResponse_SERVING, "down.Service": grpc_health_v1.HealthCheckResponse_NOT_SERVING,
		"odd/name": grpc_health_v1.HealthCheckResponse_SERVICE_UNKNOWN, strings.Repeat("x", maxService): grpc_health_v1.HealthCheckResponse_SERVING,
	}))
	for _, tt := range []struct{ service, how, why string }{
		{"", "grpc ADDR SERVING", ""},
		{"/", "grpc ADDR SERVING", ""},
		{"/up.Service", "grpc ADDR/up.Service SERVING", ""},
		{"/" + strings.Repeat("x", maxService), "grpc ADDR/" + strings.Repeat("x", maxService) + " SERVING", ""},
		{"/down.Service", "", "grpc ADDR/down.Service: NOT_SERVING"},
		{"/odd/name", "", "grpc ADDR/odd/name: SERVICE_UNKNOWN"},
		{"/no.Service", "", "grpc ADDR/no.Service: NOT_FOUND: unknown service"},
	} {
		how, err := attempt(t, spec.Probe{GRPC: address + tt.service}, patience)
		if how = strings.ReplaceAll(how, address, "ADDR"); how != tt.how || reasonOf(err, address) != tt.why {
			t.Errorf("%s: %q, %v", tt.service, how, err)
		}
	}
}

func TestGRPCOverUnixSocket(t *testing.T) {
	path := t.TempDir() + "/s"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	grpcServer(t, l, healthOf(nil))
	for _, address := range []string{"localhost", "/"} {
		if how, err := attempt(t, spec.Probe{GRPC: address, Socket: path}, patience); how != "grpc "+path+" SERVING" || err != nil {
			t.Errorf("%q, %v", how, err)
		}
	}
}

// An answerer is a health service that answers as told.
type answerer struct {
	grpc_health_v1.UnimplementedHealthServer
	answer func(context.Context) error
}

func (a answerer) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, a.answer(ctx)
}

func TestGRPCErrors(t *testing.T) {
	// The header of an answer that is large, and comes in pieces.
	large := metadata.Pairs("x-large", strings.Repeat("abc\x7f", 2500), "x-more", strings.Repeat("d", 12000))
	for name, tt := range map[string]struct {
		answer func(context.Context) error
		want   string
	}{
		"fine":    {func(context.Context) error { return nil }, ""},
		"large":   {func(ctx context.Context) error { return grpc.SendHeader(ctx, large) }, ""},
		"trailer": {func(ctx context.Context) error { return grpc.SetTrailer(ctx, large) }, ""},
		"refuses": {func(context.Context) error { return status.Error(codes.PermissionDenied, "nö: 100%\x1b") }, "grpc ADDR: PERMISSION_DENIED: nö: 100%�"},
		"late error": {func(ctx context.Context) error {
			return cmpErr(grpc.SendHeader(ctx, large), status.Error(codes.Internal, ""))
		}, "grpc ADDR: INTERNAL"},
		"odd code": {func(context.Context) error { return status.Error(77, "x") }, "grpc ADDR: grpc-status 77: x"},
		"slow":     {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "grpc ADDR: no answer within 1s"},
	} {
		address := grpcServer(t, listen(t), func(s *grpc.Server) { grpc_health_v1.RegisterHealthServer(s, answerer{answer: tt.answer}) })
		timeout := patience
		if name == "slow" {
			timeout = time.Second
		}
		_, err := attempt(t, spec.Probe{GRPC: address}, timeout)
		if got := reasonOf(err, address); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func cmpErr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

func TestGRPCWithoutHealth(t *testing.T) {
	address := grpcServer(t, listen(t), func(*grpc.Server) {})
	_, err := attempt(t, spec.Probe{GRPC: address}, patience)
	if got := reasonOf(err, address); got != "grpc ADDR: UNIMPLEMENTED: unknown service grpc.health.v1.Health" {
		t.Errorf("got %q", got)
	}
}

func TestGRPCSpokenToOthers(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	h2 := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("te") == "trailers" {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	h2.Config.Protocols = &protocols
	h2.Start()
	defer h2.Close()
	hangsUp := serve(t, listen(t), func(net.Conn) {})
	drains := func(answer []byte) string {
		return serve(t, listen(t), func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = conn.Write(answer)
			_, _ = io.Copy(io.Discard, conn)
		})
	}
	for address, want := range map[string]string{
		refusing(t):                        "grpc ADDR: connection refused",
		web.Listener.Addr().String():       "grpc ADDR: speaks HTTP/1, not gRPC",
		h2.Listener.Addr().String():        "grpc ADDR: HTTP status 418, not gRPC",
		greeter(t):                         "grpc ADDR: malformed HTTP/2",
		silent(t):                          "grpc ADDR: no answer within 1s",
		drains([]byte("\x00\x00\x01\x04")): "grpc ADDR: no answer within 1s",
		drains(frame{kind: framePing, payload: make([]byte, 8)}.append(nil)): "grpc ADDR: speaks no HTTP/2",
	} {
		timeout := patience
		if strings.HasSuffix(want, "1s") {
			timeout = time.Second
		}
		if _, err := attempt(t, spec.Probe{GRPC: address}, timeout); reasonOf(err, address) != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	_, err := attempt(t, spec.Probe{GRPC: hangsUp}, patience)
	got := reasonOf(err, hangsUp)
	if got != "grpc ADDR: connection closed without an answer" && got != "grpc ADDR: connection reset by peer" && got != "grpc ADDR: broken pipe" {
		t.Errorf("got %q", got)
	}
}

// The names are those of the real library.
func TestGRPCCode(t *testing.T) {
	for n := range 17 {
		var code codes.Code
		if err := code.UnmarshalJSON([]byte(strconv.Quote(grpcCode(strconv.Itoa(n))))); err != nil || int(code) != n {
			t.Errorf("%d: %s, %v", n, grpcCode(strconv.Itoa(n)), err)
		}
	}
	for _, text := range []string{"17", "-1", "x", "256"} {
		if got := grpcCode(text); got != "grpc-status "+text {
			t.Errorf("%s is %s", text, got)
		}
	}
}
