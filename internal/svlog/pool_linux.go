package svlog

import (
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/redact"
	"github.com/sandwright/sandwright/internal/spec"
)

// Options is what all logs of a Pool share.
type Options struct {
	Total   int64        // bytes of all logs' rotated files together; 0 is no bound
	Secrets *redact.Live // hidden in all that is logged and shown; nil: none
	Mirror  io.Writer    // shows the lines of logs with Rotation.Mirror; nil is nowhere
}

// A Pool carries the logs of a process. All its methods may be called from any
// goroutine.
type Pool struct {
	sys     system
	budget  *budget
	mirror  *mirror // nil without Options.Mirror
	syncs   chan struct{}
	secrets *redact.Live
	alone   bool // one writer feeds all logs, and would not gain from a takeover

	mu     sync.Mutex // never held for long; guards what follows
	posted []func()
	logs   map[*Log]bool
	closed bool
	over   bool // nothing is posted any more

	// What follows is owned by the goroutine in run.
	poll    *poller
	in, out []byte
	streams map[int32]*Stream
	always  []*Stream // files, which are always ready
	stopped bool
	done    chan struct{}
	lease   lease
}

// A system is what tests put in the place of the clock and the disk.
type system struct {
	now   func() time.Time
	write func(fd int, p []byte) (int, error)
	sync  func(fd int) error
}

const manySyncs = 8 // rotated files that are made durable at the same time

// NewPool starts a pool, which must be closed.
func NewPool(o Options) (*Pool, error) {
	return newPool(o, system{now: time.Now, write: writeFile, sync: unix.Fsync})
}

func newPool(o Options, sys system) (*Pool, error) {
	poll, err := newPoller()
	if err != nil {
		return nil, err
	}
	p := &Pool{
		sys: sys, budget: newBudget(o.Total), syncs: make(chan struct{}, manySyncs),
		logs: map[*Log]bool{}, poll: poll, streams: map[int32]*Stream{}, done: make(chan struct{}),
	}
	p.secrets = o.Secrets
	if o.Mirror != nil {
		p.mirror = newMirror(o.Mirror)
	}
	p.lease.timer = time.AfterFunc(time.Hour, p.watch)
	p.lease.timer.Stop()
	go p.run()
	return p, nil
}

// Open makes path a log directory in use, creating it where needed. It fails
// when another process is logging there. name stands in JSON lines and in the
// mirror. alert hears, in a goroutine of its own, of a disk that refuses: once,
// until writing works again.
func (p *Pool) Open(name, path string, r spec.Rotation, alert func(error)) (*Log, error) {
	return p.open(name, path, policy{Rotation: r}, alert)
}

func (p *Pool) open(name, path string, how policy, alert func(error)) (*Log, error) {
	d, err := openDir(path, how, p.sys.now(), p.budget)
	if err != nil {
		return nil, err
	}
	l := &Log{
		pool: p, name: name, alert: alert, dir: d, how: how, listening: true,
		stamp: stamperFor(how.Stamp), done: make(chan struct{}),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.Join(ErrClosed, d.close(true, p.sys.sync))
	}
	p.logs[l] = true
	return l, nil
}

// Close closes all logs and ends the pool. A mirror that does not take its
// lines within a second is left behind with them.
func (p *Pool) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	logs := make([]*Log, 0, len(p.logs))
	for l := range p.logs {
		logs = append(logs, l)
	}
	p.mu.Unlock()
	errs := make([]error, len(logs))
	var closing sync.WaitGroup
	for i, l := range logs {
		closing.Go(func() { errs[i] = l.Close() })
	}
	closing.Wait()
	p.post(func() { p.stopped = true })
	<-p.done
	p.mu.Lock()
	p.over = true
	p.mu.Unlock()
	p.lease.timer.Stop()
	p.poll.close()
	p.mirror.close()
	return errors.Join(errs...)
}

// post has the pool's owner run event soon.
func (p *Pool) post(event func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.posted = append(p.posted, event)
		p.poll.wake()
	}
}

// next takes one event out, so that a new owner finds the others.
func (p *Pool) next() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.posted) == 0 {
		p.posted = nil
		return nil
	}
	event := p.posted[0]
	p.posted = p.posted[1:]
	return event
}

// run owns the pool until it is stopped or taken over.
func (p *Pool) run() {
	for !p.stopped {
		for event := p.next(); event != nil; event = p.next() {
			event()
		}
		if p.stopped {
			break
		}
		for _, e := range p.poll.wait(len(p.always) == 0) {
			if s := p.streams[e.Fd]; s != nil {
				s.ready()
			}
		}
		for _, s := range p.always {
			s.ready()
		}
	}
	close(p.done)
}

// after has the pool's owner run event once d has passed.
func (p *Pool) after(d time.Duration, event func()) { time.AfterFunc(d, func() { p.post(event) }) }

// buffers gives what is read into and what lines are formatted into; both
// come with the first line.
func (p *Pool) buffers() (in, out []byte) {
	if need := maxLine + p.secrets.Get().Keeps() + readBytes + 1; len(p.in) < need {
		p.in = make([]byte, need)
	}
	if p.out == nil {
		p.out = make([]byte, 0, flushBytes+2*maxLine)
	}
	return p.in, p.out[:0]
}

// listen begins or stops to poll s. What epoll does not know, as a file, is
// always ready.
func (p *Pool) listen(s *Stream, on bool) {
	if s.polled == on {
		return
	}
	s.polled = on
	switch {
	case !on && s.always:
		p.always = without(p.always, s)
	case !on:
		p.poll.remove(s.fd)
		delete(p.streams, int32(s.fd))
	default:
		p.streams[int32(s.fd)] = s
		if err := p.poll.add(s.fd); err != nil {
			delete(p.streams, int32(s.fd))
			s.always = true
			p.always = append(p.always, s)
		}
	}
}
