package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/loop"
	"github.com/sandwright/sandwright/internal/probe"
	"github.com/sandwright/sandwright/internal/s6"
	"github.com/sandwright/sandwright/internal/spec"
)

// A script is what the processes of one service do, in a fakeHost.
type script struct {
	lives    time.Duration // until it ends by itself; 0 is for ever
	code     int           // with which it ends by itself
	ready    time.Duration // until its probe succeeds; negative is never
	unready  string        // what its probe says before
	deaf     bool          // it ignores SIGTERM
	slow     time.Duration // from SIGTERM to its end
	output   string        // its last line
	launch   error         // why it cannot be launched
	straying bool          // it leaves a process in its group that ignores SIGTERM
	finds    []find        // by its probes, once ready, one after the other
}

var errNope = errors.New("nope")

// A find is a finding, some time after the one before.
type find struct {
	after time.Duration
	Finding
}

// fakeHost is a Host whose processes are timers, for tests of timing.
type fakeHost struct {
	deaths  chan os.Signal
	mu      sync.Mutex // guards what follows: timers end processes
	scripts map[string]*script
	next    int
	alive   map[int]*fakeProcess
	strays  map[int]bool
	dead    []fakeDeath
	units   []*fakeUnit
	journal []string
	start   time.Time
	rest    int // processes that are nobody's service
}

type fakeDeath struct {
	pid    int
	status syscall.WaitStatus
}

type fakeProcess struct {
	script
	host *fakeHost
	name string
	pid  int
	end  *time.Timer
}

func newFakeHost(scripts map[string]*script) *fakeHost {
	return &fakeHost{
		scripts: scripts, deaths: make(chan os.Signal, 1),
		alive: map[int]*fakeProcess{}, strays: map[int]bool{}, start: time.Now(),
	}
}

// note writes a line of the journal, with the seconds since the start.
func (h *fakeHost) note(format string, args ...any) {
	at := time.Since(h.start).Round(100 * time.Millisecond)
	h.journal = append(h.journal, fmt.Sprintf("%s %s", at, fmt.Sprintf(format, args...)))
}

func (h *fakeHost) Launch(_ *loop.Loop, svc spec.Service, _ []string) (Process, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sc := h.scripts[svc.Name]
	if sc == nil {
		sc = &script{}
	}
	if sc.launch != nil {
		h.note("%s refused", svc.Name)
		return nil, sc.launch
	}
	h.next++
	p := &fakeProcess{script: *sc, host: h, name: svc.Name, pid: 100 + h.next}
	h.alive[p.pid] = p
	h.note("%s up", svc.Name)
	if p.lives > 0 {
		p.end = time.AfterFunc(p.lives, func() { h.die(p.pid, syscall.WaitStatus(p.code<<8)) })
	}
	return p, nil
}

// die ends a process with a raw wait status.
func (h *fakeHost) die(pid int, status syscall.WaitStatus) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.alive[pid]
	if p == nil {
		return
	}
	if p.end != nil {
		p.end.Stop()
	}
	delete(h.alive, pid)
	h.strays[pid] = p.straying
	h.note("%s down", p.name)
	h.dead = append(h.dead, fakeDeath{pid, status})
	h.ring()
}

func (h *fakeHost) ring() {
	select {
	case h.deaths <- syscall.SIGCHLD:
	default:
	}
}

func (p *fakeProcess) Signal(sig syscall.Signal) bool { return p.host.signal(p.pid, sig) }

func (h *fakeHost) signal(pid int, sig syscall.Signal) bool {
	h.mu.Lock()
	p := h.alive[pid]
	stray := h.strays[pid]
	if sig == syscall.SIGKILL {
		delete(h.strays, pid)
	}
	h.mu.Unlock()
	switch {
	case p == nil:
		return stray
	case sig == syscall.SIGKILL:
		h.die(pid, syscall.WaitStatus(sig))
	case sig == syscall.SIGTERM && !p.deaf && p.slow > 0:
		time.AfterFunc(p.slow, func() { h.die(pid, syscall.WaitStatus(sig)) })
	case sig == syscall.SIGTERM && !p.deaf:
		h.die(pid, syscall.WaitStatus(sig))
	case sig == syscall.SIGHUP, sig == syscall.SIGINT:
		h.mu.Lock()
		h.note("%s %s", p.name, signalName(sig))
		h.mu.Unlock()
	}
	return true
}

func (h *fakeHost) SignalRest(sig syscall.Signal) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	had := h.rest > 0
	if had && sig != 0 {
		h.note("rest %s", signalName(sig))
	}
	if sig == syscall.SIGKILL {
		h.rest = 0
		h.ring()
	}
	return had
}

func (h *fakeHost) Deaths() <-chan os.Signal { return h.deaths }

func (h *fakeHost) Reap() (int, syscall.WaitStatus, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.dead) == 0 {
		return 0, 0, false
	}
	d := h.dead[0]
	h.dead = h.dead[1:]
	return d.pid, d.status, true
}

func (h *fakeHost) Open(_ *loop.Loop, svc spec.Service, _ []string, changed func()) (Unit, error) {
	u := &fakeUnit{host: h, name: svc.Name, changed: changed, down: h.scripts[svc.Name] != nil}
	h.units = append(h.units, u)
	return u, nil
}

func (h *fakeHost) Release() {}

// A fakeUnit is an s6 directory whose process does as it is told at once. With
// a script it has a down file.
type fakeUnit struct {
	state   s6.State
	host    *fakeHost
	name    string
	down    bool
	changed func()
}

func (u *fakeUnit) State() s6.State { return u.state }
func (u *fakeUnit) Notifies() bool  { return false }
func (u *fakeUnit) KeptDown() bool  { return u.down }
func (u *fakeUnit) Terminate()      { u.set("left", func(s *s6.State) { s.Phase, s.PID = s6.Left, 0 }) }
func (u *fakeUnit) Kill()           { u.set("killed", func(s *s6.State) { s.Phase, s.PID = s6.Down, 0 }) }
func (u *fakeUnit) Up() {
	u.set("up", func(s *s6.State) { s.Phase, s.PID, s.Wanted = s6.Up, 7, true })
}

func (u *fakeUnit) Down() {
	u.set("down", func(s *s6.State) { s.Phase, s.PID, s.Wanted = s6.Down, 0, false })
}

func (u *fakeUnit) set(word string, change func(*s6.State)) {
	u.host.mu.Lock()
	u.host.note("%s %s", u.name, word)
	u.host.mu.Unlock()
	change(&u.state)
	u.changed()
}

func (p *fakeProcess) PID() int           { return p.pid }
func (p *fakeProcess) Flush()             {}
func (p *fakeProcess) LastOutput() string { return p.output }

func (p *fakeProcess) Usage() spec.Usage { return spec.Usage{Memory: int64(p.pid)} }
func (p *fakeProcess) Close()            {}

// good counts, bad does not yet, and failed does.
func good(how string) probe.Verdict { return probe.Verdict{OK: true, Counts: true, How: how} }
func bad(why string) probe.Verdict  { return probe.Verdict{Err: errors.New(why)} }
func failed(why string) probe.Verdict {
	return probe.Verdict{Err: errors.New(why), Counts: true, Detail: "seen: " + why}
}

// Watch finds what the script says.
func (p *fakeProcess) Watch(ctx context.Context, tell func(Finding)) {
	tell(Finding{Use: probe.Ready, Verdict: bad(p.unready)})
	var in <-chan time.Time
	if p.ready >= 0 {
		in = time.After(p.ready)
	}
	select {
	case <-in:
		tell(Finding{Use: probe.Ready, Verdict: good("GET /health 200")})
	case <-ctx.Done():
		return
	}
	for _, f := range p.finds {
		select {
		case <-time.After(f.after):
			tell(f.Finding)
		case <-ctx.Done():
			return
		}
	}
}

// A bench is a supervisor over a fakeHost, running in a synctest bubble.
type bench struct {
	*Supervisor
	t       *testing.T
	host    *fakeHost
	signals chan os.Signal
	said    []string
	next    func() (spec.Spec, error) // what a reload reads
	code    int                       // of Run
}

func (b *bench) load() (spec.Spec, map[string]string, error) {
	s, err := b.next()
	return s, nil, err
}

// onBench runs test in a bubble, with the services and scripts given, and
// shuts down after it.
func onBench(t *testing.T, services []spec.Service, scripts map[string]*script, test func(b *bench)) {
	t.Helper()
	onBenchOf(t, spec.Spec{Name: "box", Services: services}, scripts, test)
}

// onBenchOf does so with a whole spec.
func onBenchOf(t *testing.T, box spec.Spec, scripts map[string]*script, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, host: newFakeHost(scripts), signals: make(chan os.Signal, 16)}
		sv, err := New(box, nil, b.host, b.load, func(line string) { b.said = append(b.said, line) })
		if err != nil {
			t.Fatal(err)
		}
		sv.chance = func() float64 { return 0 }
		b.Supervisor = sv
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			b.code = sv.Run(b.signals)
		}()
		synctest.Wait()
		test(b)
		sv.Shutdown()
		<-ended
	})
}

// after lets time pass, and what is due happen.
func (b *bench) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// find has the run of a service find something.
func (b *bench) find(name string, f Finding) {
	b.t.Helper()
	done := make(chan struct{})
	b.loop.Post(func() {
		defer close(done)
		if svc := b.Supervisor.find(name); svc.run != nil {
			b.onFinding(svc.run, f)
		}
	})
	<-done
	synctest.Wait()
}

// now is the status at this moment.
func (b *bench) now() spec.Status {
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	return <-b.Watch(ctx)
}

// service is where one service stands.
func (b *bench) service(name string) spec.ServiceStatus {
	for _, s := range b.now().Services {
		if s.Name == name {
			return s
		}
	}
	b.t.Fatalf("no service %s", name)
	return spec.ServiceStatus{}
}

// want checks state and reason of a service.
func (b *bench) want(name string, state spec.State, reason string) {
	b.t.Helper()
	got := b.service(name)
	if got.State != state || got.Reason != reason {
		b.t.Errorf("%s is %s %q, want %s %q", name, got.State, got.Reason, state, reason)
	}
}

// wantJournal checks what the processes did, and when.
func (b *bench) wantJournal(want ...string) {
	b.t.Helper()
	b.host.mu.Lock()
	defer b.host.mu.Unlock()
	if !slices.Equal(b.host.journal, want) {
		b.t.Errorf("journal:\n%s\nwant:\n%s", strings.Join(b.host.journal, "\n"), strings.Join(want, "\n"))
	}
}

func (b *bench) do(action control.Action, name string) spec.ServiceStatus {
	b.t.Helper()
	got, err := b.Do(b.t.Context(), action, name)
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

// a service as most tests want it; change makes it different.
func a(name string, change ...func(*spec.Service)) spec.Service {
	svc := spec.Service{
		Name: name, Command: []string{name},
		Restart: spec.Restart{Policy: spec.Always, MinDelay: spec.Duration(time.Second), MaxDelay: spec.Duration(8 * time.Second)},
		Stop:    spec.Stop{Timeout: spec.Duration(5 * time.Second)},
	}
	for _, c := range change {
		c(&svc)
	}
	return svc
}

func after(name string, c spec.Condition) func(*spec.Service) {
	return func(s *spec.Service) {
		if s.After == nil {
			s.After = map[string]spec.Condition{}
		}
		s.After[name] = c
	}
}

func probed(deadline time.Duration) func(*spec.Service) {
	return func(s *spec.Service) {
		s.Ready = &spec.Probe{HTTP: "http://127.0.0.1:3001/health", Deadline: spec.Duration(deadline)}
	}
}

func task(deadline time.Duration) func(*spec.Service) {
	return func(s *spec.Service) { s.Task = &spec.Task{Deadline: spec.Duration(deadline)} }
}

func policy(p spec.RestartPolicy) func(*spec.Service) {
	return func(s *spec.Service) { s.Restart.Policy = p }
}
