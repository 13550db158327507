package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// runUntilStarted solves a step elsewhere, and cancels once the step runs.
func runUntilStarted(t *testing.T, e *Engine, step string, started func()) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	go func() {
		for ctx.Err() == nil && !running(t, step) {
			time.Sleep(20 * time.Millisecond)
		}
		started()
		cancel()
	}()
	_, err := e.Solve(ctx, request(t, step))
	return err
}

// TestACancelledRemoteBuild has no step any more when it returns, and says so.
func TestACancelledRemoteBuild(t *testing.T) {
	const step = "sleep 87654"
	socket := filepath.Join(t.TempDir(), "buildkitd.sock")
	serveOn(t, t.TempDir(), listen(t, "unix", socket), nil)
	var log buffer
	e := openAt(t, t.TempDir(), Builder{Address: "unix://" + socket}, &log)
	err := runUntilStarted(t, e, step, func() {
		for end := time.Now().Add(time.Minute); !strings.Contains(log.String(), step) && time.Now().Before(end); {
			time.Sleep(20 * time.Millisecond) // until the builder has told of it
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if running(t, step) {
		t.Error("the step's process outlived the cancelled build")
	}
	if said := log.String(); !strings.Contains(said, "waiting until the builder has ended: ") || !strings.Contains(said, "the builder has ended all steps") {
		t.Errorf("it said:\n%s", said)
	}
	if res, err := e.Solve(t.Context(), request(t, "echo on > /on")); err != nil || readIn(t, res, "on") != "on\n" {
		t.Errorf("the next build: %v", err)
	}
}

// TestACancelledBuildOfASilentBuilder: a builder that answers no more is waited
// for, but not forever.
func TestACancelledBuildOfASilentBuilder(t *testing.T) {
	t.Parallel()
	const step = "sleep 76543"
	dir := t.TempDir()
	socket := filepath.Join(dir, "buildkitd.sock")
	serveOn(t, t.TempDir(), listen(t, "unix", socket), nil)
	r := startRelay(t, filepath.Join(dir, "relay.sock"), socket)
	t.Cleanup(r.end)
	var log buffer
	e := openAt(t, t.TempDir(), Builder{Address: "unix://" + r.listener.Addr().String()}, &log)
	err := runUntilStarted(t, e, step, func() {
		for end := time.Now().Add(time.Minute); !strings.Contains(log.String(), step) && time.Now().Before(end); {
			time.Sleep(20 * time.Millisecond)
		}
		r.freeze()
	})
	if !errors.Is(err, context.Canceled) || !strings.Contains(log.String(), "the builder has not ended within 10s: ") {
		t.Errorf("got %v; it said:\n%s", err, log.String())
	}
}

// A relay stands between, until it is frozen.
type relay struct {
	listener net.Listener
	mu       sync.Mutex // held while frozen
	conns    []net.Conn
}

func startRelay(t *testing.T, at, to string) *relay {
	t.Helper()
	r := &relay{listener: listen(t, "unix", at)}
	pass := func(dst, src net.Conn) {
		for b := make([]byte, 32<<10); ; {
			n, err := src.Read(b)
			r.mu.Lock()
			r.mu.Unlock() //nolint:staticcheck // a gate
			if _, werr := dst.Write(b[:n]); err != nil || werr != nil {
				dst.Close()
				return
			}
		}
	}
	go func() {
		for {
			ours, err := r.listener.Accept()
			if err != nil {
				return
			}
			theirs, err := net.Dial("unix", to)
			if err != nil {
				ours.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, ours, theirs)
			r.mu.Unlock()
			go pass(theirs, ours)
			go pass(ours, theirs)
		}
	}()
	return r
}

func (r *relay) freeze() { r.mu.Lock() }

// end closes what was frozen, which ends the build there.
func (r *relay) end() {
	for _, c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
}

// A buffer is written to and read at once.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

var _ io.Writer = (*buffer)(nil)

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
