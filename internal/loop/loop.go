// Package loop is the one goroutine that owns a supervisor's state. Whatever
// happens elsewhere reaches it as an event: a function that it runs. It also
// knows which child each death belongs to. Standard library only.
package loop

import (
	"sync"
	"syscall"
	"time"
)

// A Loop hands events to its owner, who calls the functions that Events gives,
// one after the other. All methods but Post and Go are the owner's alone.
type Loop struct {
	events   chan func()
	done     chan struct{}
	tasks    sync.WaitGroup
	children map[int]func(syscall.WaitStatus)
}

// New makes a loop that is open.
func New() *Loop {
	return &Loop{events: make(chan func()), done: make(chan struct{}), children: map[int]func(syscall.WaitStatus){}}
}

// Events gives what has been posted.
func (l *Loop) Events() <-chan func() { return l.events }

// Done is closed by Close.
func (l *Loop) Done() <-chan struct{} { return l.done }

// Post has the owner run event, and returns false when the loop is closed. It
// waits until the owner takes the event, so the owner itself must not call it.
func (l *Loop) Post(event func()) bool {
	select {
	case l.events <- event:
		return true
	case <-l.done:
		return false
	}
}

// Go runs task beside the loop; Close waits for it.
func (l *Loop) Go(task func()) { l.tasks.Go(task) }

// Close refuses events from now on and returns when every task has ended.
func (l *Loop) Close() {
	close(l.done)
	l.tasks.Wait()
}

// Watch has onDeath run once the child pid is reaped. Call it before the next
// Reap: nobody else collects children, so no death is missed.
func (l *Loop) Watch(pid int, onDeath func(syscall.WaitStatus)) { l.children[pid] = onDeath }

// Watched tells whether pid is a child whose death somebody waits for.
func (l *Loop) Watched(pid int) bool { return l.children[pid] != nil }

// Reap takes every dead child that next gives. One that nobody watches was an
// orphan, and nothing follows.
func (l *Loop) Reap(next func() (pid int, status syscall.WaitStatus, ok bool)) {
	for {
		pid, status, ok := next()
		if !ok {
			return
		}
		if onDeath := l.children[pid]; onDeath != nil {
			delete(l.children, pid)
			onDeath(status)
		}
	}
}

// Wait4 gives one dead child of this process, without waiting. It is a next
// for Reap.
func Wait4() (pid int, status syscall.WaitStatus, ok bool) {
	for {
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err != syscall.EINTR {
			return pid, status, err == nil && pid > 0
		}
	}
}

// An Alarm is an event that comes later. Only the loop's owner touches it;
// the nil Alarm is one that is off.
type Alarm struct {
	timer *time.Timer
	off   bool
}

// After has the owner run event once d has passed, unless it is stopped.
func (l *Loop) After(d time.Duration, event func()) *Alarm {
	a := &Alarm{}
	a.timer = time.AfterFunc(d, func() {
		l.Post(func() {
			if !a.off {
				event()
			}
		})
	})
	return a
}

// Stop makes sure that the event does not come any more.
func (a *Alarm) Stop() {
	if a != nil {
		a.off = true
		a.timer.Stop()
	}
}
