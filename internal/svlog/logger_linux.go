package svlog

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// LoggerOptions is what a Logger is started with.
type LoggerOptions struct {
	In     int       // the descriptor that is read; the Logger closes it
	Out    io.Writer // of the directive 1
	Alerts io.Writer // of the directive 2
	Limit  int       // bytes of a line; 0, and what is larger, is 65,536
	Umask  uint32    // of the files' modes
	Warn   func(error)
}

// A Logger does with what it reads what a Script says. It never holds more
// lines in memory than it has read at once: whoever writes to it waits.
type Logger struct {
	pool   *Pool
	stream *Stream
	logs   []*Log
}

// Start opens the directories of the script, and begins to read.
func (s *Script) Start(o LoggerOptions) (*Logger, error) {
	pool, err := NewPool(Options{})
	if err != nil {
		return nil, err
	}
	pool.alone = true
	g := &Logger{pool: pool}
	r := &router{script: s, options: o, formatter: formatter{limit: maxLine}}
	if o.Limit > 0 {
		r.limit = min(o.Limit, maxLine)
	}
	for i := range s.steps {
		if err := r.open(g, s.steps[i].actions); err != nil {
			return nil, errors.Join(err, pool.Close())
		}
	}
	if g.stream, err = g.begin(r); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return g, nil
}

// begin reads straight into the log when there is nothing else to be done.
func (g *Logger) begin(r *router) (*Stream, error) {
	first := r.script.steps[0]
	if len(r.outlets) == 1 && len(first.selections) == 0 && first.actions[0].kind == '/' {
		l := r.outlets[0].log
		l.stamp = r.outlets[0].stamp
		return l.PumpFD(r.options.In, "stdin", nil)
	}
	if err := unix.SetNonblock(r.options.In, true); err != nil {
		unix.Close(r.options.In)
		return nil, err
	}
	s := &Stream{pool: g.pool, to: r, fd: r.options.In, done: make(chan struct{})}
	g.pool.post(func() {
		for _, l := range g.logs {
			l.streams = append(l.streams, s)
		}
		g.pool.listen(s, true)
	})
	return s, nil
}

// Wait returns when the input has ended and everything is written and durable,
// however long a disk refuses.
func (g *Logger) Wait() error {
	<-g.stream.done
	return g.pool.Close()
}

// Stop ends the input with the line that has begun, if one has.
func (g *Logger) Stop() { g.pool.post(g.stream.finish) }

// Rotate rotates every directory whose current has something in it.
func (g *Logger) Rotate() {
	g.pool.post(func() {
		for _, l := range g.logs {
			if l.idle() && l.dir.size > 0 {
				l.rotate()
				l.settle()
			}
		}
	})
}

func (r *router) outlet(a *action) *outlet {
	o := &outlet{action: a, stamp: stamper{tai: a.tai, iso: a.iso}, out: new([]byte)}
	switch a.kind {
	case '1':
		o.out = &r.out
	case '2':
		o.out = &r.alerts
	}
	r.outlets = append(r.outlets, o)
	return o
}

// open opens what actions write to.
func (r *router) open(g *Logger, actions []action) error {
	for i := range actions {
		a := &actions[i]
		o := r.outlet(a)
		if a.kind != '/' {
			continue
		}
		if err := os.Mkdir(a.path, 0o700|os.ModeSetgid); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		how := a.how
		how.umask, how.limit = r.options.Umask, r.limit
		l, err := g.pool.open("", a.path, how, func(err error) {
			r.options.Warn(fmt.Errorf("cannot write in %s, trying again: %w", a.path, err))
		})
		if err != nil {
			return err
		}
		o.log = l
		g.logs = append(g.logs, l)
	}
	return nil
}
