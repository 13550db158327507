// Package conformance is what every provider must do, as tests that any
// provider runs against itself.
package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

// A suite is one provider under test.
type suite struct {
	open  func(t *testing.T) provider.Provider
	image provider.Config
}

// Run tests the providers that open gives, each with no sandbox yet. The image
// has a supervisor that answers GET /v1/status, busybox with its applets in
// PATH, and a user who is not root; Name and Ports are the suite's to set.
func Run(t *testing.T, open func(t *testing.T) provider.Provider, image provider.Config) {
	s := suite{open: open, image: image}
	t.Run("lifecycle", s.lifecycle)
	t.Run("starts once", s.startsOnce)
	t.Run("exec", s.exec)
	t.Run("exec ends with its context", s.execCancel)
	t.Run("exec passes a megabyte both ways", s.execStreams)
	t.Run("control", s.control)
	t.Run("two sandboxes publish one port", s.ports)
	t.Run("port in use", s.portInUse)
	t.Run("cancelled start", s.cancelledStart)
	t.Run("stop whose context has ended", s.stopCancelled)
}

// start gives a running sandbox that the test's end stops.
func (s suite) start(t *testing.T, p provider.Provider, name string, ports ...provider.Port) provider.Sandbox {
	t.Helper()
	c := s.image
	c.Name, c.Ports = name, ports
	sandbox, err := p.Start(t.Context(), c)
	if err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := sandbox.Stop(context.Background()); err != nil {
			t.Errorf("stop %s: %v", name, err)
		}
	})
	return sandbox
}

// run gives the output of a command that must succeed, as root.
func run(t *testing.T, s provider.Sandbox, argv ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	code, err := s.Exec(t.Context(), provider.Exec{Argv: argv, Root: true, Stdout: &out, Stderr: &errs})
	if err != nil || code != 0 {
		t.Fatalf("%q: exit code %d, error %v\n%s%s", argv, code, err, &out, &errs)
	}
	return out.String()
}

func (s suite) lifecycle(t *testing.T) {
	p := s.open(t)
	before := time.Now().Add(-time.Second)
	sandbox := s.start(t, p, "life", provider.Port{Box: 80})
	info := sandbox.Info()
	if info.Name != "life" || info.Project != s.image.Project || info.Image != s.image.Image || info.Revision != s.image.Revision || info.ID == "" {
		t.Errorf("info does not tell what was started: %+v", info)
	}
	if info.Started.Before(before) || info.Started.After(time.Now().Add(time.Second)) {
		t.Errorf("started at %v", info.Started)
	}
	if len(info.Ports) != 1 || info.Ports[0].Host == 0 || info.Ports[0].Box != 80 {
		t.Errorf("ports %v", info.Ports)
	}
	if err := sandbox.Keep(); err != nil {
		t.Errorf("keep: %v", err)
	}
	found, err := p.Find(t.Context(), s.image.Project, "life")
	if err != nil || found.Info().ID != info.ID {
		t.Fatalf("find: %v", err)
	}
	if err := found.Keep(); err != nil {
		t.Errorf("keep of a found one: %v", err)
	}
	s.start(t, p, "a-second")
	if got, want := names(t, p), []string{"a-second", "life"}; !slices.Equal(got, want) {
		t.Errorf("list gives %v, not %v", got, want)
	}
	if _, err := p.Find(t.Context(), s.image.Project+"/other", "life"); !errors.Is(err, provider.ErrNotFound) {
		t.Errorf("find in another project: %v", err)
	}
	for range 2 {
		if err := found.Stop(t.Context()); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	if _, err := p.Find(t.Context(), s.image.Project, "life"); !errors.Is(err, provider.ErrNotFound) {
		t.Errorf("find after stop: %v", err)
	}
	if _, err := sandbox.Exec(t.Context(), provider.Exec{Argv: []string{"true"}}); err == nil {
		t.Error("exec after stop has no error")
	}
	if _, err := sandbox.Control(t.Context()); err == nil {
		t.Error("control after stop has no error")
	}
	if got, want := names(t, p), []string{"a-second"}; !slices.Equal(got, want) {
		t.Errorf("list after stop gives %v, not %v", got, want)
	}
}

func names(t *testing.T, p provider.Provider) []string {
	t.Helper()
	all, err := p.List(t.Context())
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	var out []string
	for _, s := range all {
		out = append(out, s.Info().Name)
	}
	return out
}

func (s suite) startsOnce(t *testing.T) {
	p := s.open(t)
	s.start(t, p, "once")
	c := s.image
	c.Name = "once"
	if _, err := p.Start(t.Context(), c); !errors.Is(err, provider.ErrRunning) {
		t.Errorf("second start: %v", err)
	}
	if got := names(t, p); !slices.Equal(got, []string{"once"}) {
		t.Errorf("the first did not survive the second start: %v", got)
	}
}

func (s suite) control(t *testing.T) {
	sandbox := s.start(t, s.open(t), "control")
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return sandbox.Control(ctx) },
	}
	resp, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("http://supervisor/v1/status")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"ready"`)) {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
}

func (s suite) ports(t *testing.T) {
	p := s.open(t)
	for _, name := range []string{"left", "right"} {
		sandbox := s.start(t, p, name, provider.Port{Box: 8080})
		run(t, sandbox, "sh", "-c", "mkdir /www && echo "+name+" >/www/name && httpd -p 127.0.0.1:8080 -h /www")
	}
	all, err := p.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, sandbox := range all {
		info := sandbox.Info()
		url := fmt.Sprintf("http://127.0.0.1:%d/name", info.Ports[0].Host)
		for range 3 {
			if got := fetch(t, url); got != info.Name+"\n" {
				t.Errorf("%s of %s answers %q", url, info.Name, got)
			}
		}
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func (s suite) portInUse(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := s.open(t)
	port := l.Addr().(*net.TCPAddr).Port
	other := s.start(t, p, "holder", provider.Port{Box: 80})
	c := s.image
	c.Name, c.Ports = "late", []provider.Port{{Host: port, Box: 80}, {Host: other.Info().Ports[0].Host, Box: 81}}
	_, err = p.Start(t.Context(), c)
	faults := fault.All(err)
	if len(faults) != 2 {
		t.Fatalf("not one fault for each port: %v", err)
	}
	if want := fmt.Sprintf("cannot publish port %d on 127.0.0.1: address already in use", port); faults[0].Error() != want {
		t.Errorf("got  %s\nwant %s", faults[0], want)
	}
	if !strings.Contains(faults[1].Error(), `sandbox "holder"`) || faults[1].Hint == "" {
		t.Errorf("does not name the sandbox that has the port: %s (hint: %s)", faults[1], faults[1].Hint)
	}
	if got := names(t, p); !slices.Equal(got, []string{"holder"}) {
		t.Errorf("list gives %v", got)
	}
}

// cancelledStart ends a start at moments from its first to its last.
func (s suite) cancelledStart(t *testing.T) {
	p := s.open(t)
	c := s.image
	c.Name = "hasty"
	for i := range 12 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*i)*time.Millisecond)
		sandbox, err := p.Start(ctx, c)
		cancel()
		if err == nil {
			if err := sandbox.Stop(t.Context()); err != nil {
				t.Errorf("stop: %v", err)
			}
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %d ms: %v", i*i, err)
		}
		if got := names(t, p); len(got) != 0 {
			t.Fatalf("after %d ms %v is left", i*i, got)
		}
	}
}

func (s suite) stopCancelled(t *testing.T) {
	p := s.open(t)
	sandbox := s.start(t, p, "slow")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sandbox.Stop(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("stop whose context has ended: %v", err)
	}
	if err := sandbox.Stop(t.Context()); err != nil {
		t.Errorf("the stop after it: %v", err)
	}
}
