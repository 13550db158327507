//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/logview"
)

// errTaken is returned by listen when another supervisor answers there.
var errTaken = errors.New("another supervisor answers there")

const (
	answerTime  = time.Second           // for answers under way, when we end
	answerPause = 10 * time.Millisecond // between two looks whether there are some
)

// A server answers on the inherited socket and on the one in the box.
type server struct {
	http      *http.Server
	listeners []net.Listener
	tasks     sync.WaitGroup
	mu        sync.Mutex
	busy      map[net.Conn]bool // with an answer under way
}

// serve starts to answer for sv on all listeners.
func serve(listeners []net.Listener, handler http.Handler, say func(string)) *server {
	s := &server{http: control.Server(handler), listeners: listeners, busy: map[net.Conn]bool{}}
	s.http.ConnState = s.note
	for _, l := range listeners {
		s.tasks.Go(func() {
			if err := s.http.Serve(l); !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
				say(fmt.Sprintf("cannot answer on %s any more: %v", l.Addr(), err))
			}
		})
	}
	return s
}

// openLogs reads the log directories below dir.
func openLogs(dir string) control.OpenLogs {
	return func(services []string) (control.LogReader, error) {
		reader, err := logview.Open(dir, services)
		if err != nil {
			return nil, fault.Cannot("read logs: %w", err)
		}
		return reader, nil
	}
}

func (s *server) note(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == http.StateActive {
		s.busy[conn] = true
	} else {
		delete(s.busy, conn)
	}
}

func (s *server) answers() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.busy) > 0
}

// close lets answers under way end, but not for long. http.Server's Shutdown
// does the same, with a source of random numbers that nobody else here needs.
func (s *server) close() {
	for _, l := range s.listeners {
		l.Close()
	}
	s.http.SetKeepAlivesEnabled(false)
	for end := time.Now().Add(answerTime); s.answers() && time.Now().Before(end); {
		time.Sleep(answerPause)
	}
	s.http.Close()
	s.tasks.Wait()
}

// listenAll opens the inherited socket and the one in the box. The latter may
// fail when there is an inherited one: then that is said, and no more.
func listenAll(in invocation, say func(string)) ([]net.Listener, error) {
	var all []net.Listener
	if in.controlFD >= 0 {
		l, err := inherited(in.controlFD)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	l, err := listen(in.socket)
	switch {
	case err == nil:
		all = append(all, l)
	case in.controlFD < 0:
		return nil, fault.Cannot("listen on %s: %w", in.socket, err).WithHint("run: sandwright-init --socket PATH")
	default:
		say(fmt.Sprintf("cannot listen on %s: %v", in.socket, err))
	}
	return all, nil
}

// inherited is the listening socket that the parent has passed as fd.
func inherited(fd int) (net.Listener, error) {
	f := os.NewFile(uintptr(fd), "control-fd")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fault.Cannot("listen on descriptor %d: %w", fd, cause(err)).WithCode(fault.ExitUsage).
			WithHint("pass a listening unix socket")
	}
	return l, nil
}

// listen makes the socket in the box, for its owner's eyes only. What a dead
// supervisor has left there is replaced. Who holds the lock beside it is alive.
func listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, cause(err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, cause(err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, errTaken
	}
	l, err := bind(path)
	if err != nil {
		lock.Close()
		return nil, err
	}
	return lockedListener{l, lock}, nil
}

// A lockedListener holds the lock for as long as it listens.
type lockedListener struct {
	net.Listener
	lock *os.File
}

func (l lockedListener) Close() error { return errors.Join(l.Listener.Close(), l.lock.Close()) }

func bind(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSocket {
		if err := os.Remove(path); err != nil {
			return nil, cause(err)
		}
	}
	before := unix.Umask(0o177)
	defer unix.Umask(before)
	l, err := net.Listen("unix", path)
	return l, cause(err)
}

// cause is the errno in err, which says enough where the path is said anyway.
func cause(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
