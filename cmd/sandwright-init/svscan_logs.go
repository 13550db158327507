//go:build linux

package main

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/svlog"
)

// scanLogs are the logs of svscan --log-dir. The zero pool is no such logs.
type scanLogs struct {
	dir  string
	pool *svlog.Pool
	logs map[string]*svlog.Log // by service; open to the end
	say  func(string)
	open func(name string) (fd int, err error)
}

// newScanLogs makes logs below dir, which is as seen from here; empty is none.
func newScanLogs(dir string, say func(string)) (*scanLogs, error) {
	l := &scanLogs{logs: map[string]*svlog.Log{}, say: say}
	if dir == "" {
		return l, nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot find %s: %w", dir, err)
	}
	l.dir, l.open = dir, l.pipe
	if l.pool, err = svlog.NewPool(svlog.Options{}); err != nil {
		return nil, fmt.Errorf("cannot log: %w", err)
	}
	return l, nil
}

// pipe gives the writing end of a pipe into the log of a service.
func (l *scanLogs) pipe(name string) (fd int, err error) {
	log, err := l.log(name)
	if err != nil {
		return -1, fmt.Errorf("cannot open its log: %w", err)
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return -1, err
	}
	if _, err := log.PumpFD(fds[0], "stdout", nil); err != nil {
		unix.Close(fds[1])
		return -1, err
	}
	return fds[1], nil
}

func (l *scanLogs) log(name string) (*svlog.Log, error) {
	if log := l.logs[name]; log != nil {
		return log, nil
	}
	rotation := spec.Rotation{MaxFiles: 10, MaxBytes: 1_000_000, Stamp: "iso8601"}
	alert := func(err error) { l.say(fmt.Sprintf("%s: cannot write its log, trying again: %v", name, err)) }
	log, err := l.pool.Open(name, filepath.Join(l.dir, name), rotation, alert)
	if err == nil {
		l.logs[name] = log
	}
	return log, err
}

// close finishes all logs with what was written until now.
func (l *scanLogs) close() {
	if l.pool == nil {
		return
	}
	if err := l.pool.Close(); err != nil {
		l.say(fmt.Sprintf("cannot finish the logs: %v", err))
	}
}
