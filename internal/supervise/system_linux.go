package supervise

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/cgroup"
	"github.com/sandwright/sandwright/internal/loop"
	"github.com/sandwright/sandwright/internal/redact"
	"github.com/sandwright/sandwright/internal/s6"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/svlog"
)

// System is the Host that is the machine: as PID 1 it is answerable for every
// process, otherwise, as a child subreaper, for all below itself.
type System struct {
	logDir  string
	runDir  string
	say     func(string)
	deaths  chan os.Signal
	pool    *svlog.Pool
	logs    map[string]keptLog // by service; open from its first launch on
	records *records
	box     *cgroup.Box
	groups  map[string]keptGroup // by service; nil in it where there is none
	poller  *s6.Poller           // nil before the first s6 directory
	runs    int                  // so far
}

// A keptLog is a log, and how it was asked to be kept.
type keptLog struct {
	*svlog.Log
	spec.Rotation
}

// A keptGroup is a service's cgroup, and its limits.
type keptGroup struct {
	*cgroup.Group
	limits spec.Limits
}

// Options is where a System works.
type Options struct {
	RunDir  string       // for what only this start of the machine needs; writable
	Secrets *redact.Live // hidden in logs; nil: none
	Mirror  io.Writer    // for the lines of services whose logs are mirrored; nil is nowhere
	Say     func(string) // hears of what people should know; must not block
}

// NewSystem makes this process the one that orphans are left to. It ends what
// a predecessor that was killed has left, which may take some seconds.
func NewSystem(s spec.Spec, o Options) (*System, error) {
	if os.Getpid() != 1 {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("cannot become a child subreaper: %w", err)
		}
	}
	records, err := openRecords(o.RunDir)
	if err != nil {
		return nil, err
	}
	if err := records.endRemnants(o.Say); err != nil {
		return nil, err
	}
	box := cgroup.Open(boxName(s.Name, o.RunDir))
	if err := box.Sweep(); err != nil {
		return nil, fmt.Errorf("cannot end what an earlier supervisor left: %w", err)
	}
	// Nobody listens there any more.
	if err := os.RemoveAll(filepath.Join(o.RunDir, "notify")); err != nil {
		return nil, err
	}
	pool, err := svlog.NewPool(svlog.Options{Total: s.LogTotal, Mirror: o.Mirror, Secrets: o.Secrets})
	if err != nil {
		return nil, fmt.Errorf("cannot keep logs: %w", err)
	}
	sys := &System{
		logDir: logDir(s), runDir: o.RunDir, say: o.Say, deaths: make(chan os.Signal, 1),
		pool: pool, logs: map[string]keptLog{}, records: records, box: box, groups: map[string]keptGroup{},
	}
	signal.Notify(sys.deaths, unix.SIGCHLD)
	return sys, sys.dropSecrets()
}

// Close finishes the logs. Call it when the supervisor has ended.
func (y *System) Close() error {
	signal.Stop(y.deaths)
	return errors.Join(y.pool.Close(), y.box.Close(), y.dropSecrets())
}

// boxName tells the cgroups of this supervisor from those of another one that
// stands in the same group.
func boxName(name, runDir string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(runDir))
	return fmt.Sprintf("%s-%08x", name, h.Sum32())
}

// group is the cgroup of a service, which all its runs share.
func (y *System) group(svc spec.Service) (*cgroup.Group, error) {
	kept, ok := y.groups[svc.Name]
	if ok && reflect.DeepEqual(kept.limits, svc.Limits) {
		return kept.Group, nil
	}
	if kept.Group != nil {
		if err := kept.Remove(); err != nil {
			return nil, err
		}
	}
	delete(y.groups, svc.Name)
	g, err := y.box.Group(svc.Name, svc.Limits)
	if err == nil {
		y.groups[svc.Name] = keptGroup{g, svc.Limits}
	}
	return g, err
}

// log is the log of a service, opened when it is first asked for, and opened
// again when it is to be kept in another way.
func (y *System) log(name string, rotation spec.Rotation) (*svlog.Log, error) {
	kept, ok := y.logs[name]
	if ok && kept.Rotation == rotation {
		return kept.Log, nil
	}
	if ok {
		if err := kept.Close(); err != nil {
			y.say(fmt.Sprintf("%s: cannot finish its log: %v", name, err))
		}
		delete(y.logs, name)
	}
	alert := func(err error) { y.say(fmt.Sprintf("%s: cannot write its log, trying again: %v", name, err)) }
	log, err := y.pool.Open(name, filepath.Join(y.logDir, name), rotation, alert)
	if err != nil {
		return nil, fmt.Errorf("cannot open its log: %w", err)
	}
	y.logs[name] = keptLog{log, rotation}
	return log, nil
}

// Open takes an s6 service directory. What its programs write goes to the log
// of the service; a log/run it may have is for s6-svscan.
func (y *System) Open(l *loop.Loop, svc spec.Service, env []string, changed func()) (Unit, error) {
	if y.poller == nil {
		poller, err := s6.NewPoller(l)
		if err != nil {
			return nil, err
		}
		y.poller = poller
	}
	log, err := y.log(svc.Name, svc.Logs)
	if err != nil {
		return nil, err
	}
	env, fds, err := y.deliver(svc, nil, env)
	closeFiles(fds) // no s6 service has any
	if err != nil {
		return nil, err
	}
	return s6.Open(svc.S6, s6.Options{
		Name: svc.Name, Loop: l, Poller: y.poller, Host: &unitHost{log: log, env: env}, Held: true,
		Say: y.say, Changed: func(*s6.Service) { changed() },
	})
}

// Release ends the poller of the s6 directories.
func (y *System) Release() {
	if y.poller != nil {
		y.poller.Close()
	}
}

// unitHost runs the programs of an s6 service directory.
type unitHost struct {
	log *svlog.Log
	env []string
}

// Start starts one with the log for its outputs.
func (h *unitHost) Start(c s6.Command) (pid int, err error) {
	p := &process{log: h.log}
	pipes := &pipes{}
	defer pipes.closeWriters()
	stdout, out := pipes.open()
	stderr, errs := pipes.open()
	in := pipes.devNull()
	if err = pipes.err; err == nil {
		system := s6.System{Stdin: int(in), Stdout: int(out), Stderr: int(errs), Env: h.env}
		pid, err = system.Start(c)
	}
	if err != nil {
		pipes.closeReaders()
		return 0, err
	}
	return pid, p.carry(stdout, stderr)
}

// Signal is kill.
func (h *unitHost) Signal(pid int, sig syscall.Signal) error { return syscall.Kill(pid, sig) }

// Deaths is told of every SIGCHLD.
func (y *System) Deaths() <-chan os.Signal { return y.deaths }

// Reap collects one child.
func (y *System) Reap() (pid int, status syscall.WaitStatus, ok bool) { return loop.Wait4() }

// SignalRest reaches, as PID 1, every process there is, and otherwise this
// process's children, which orphans become.
func (y *System) SignalRest(sig syscall.Signal) bool {
	if os.Getpid() == 1 {
		return syscall.Kill(-1, sig) == nil
	}
	return SignalChildren(sig)
}

// SignalChildren reaches every child of this process, and tells whether there is
// one. One that nobody has reaped counts.
func SignalChildren(sig syscall.Signal) (reached bool) {
	for _, pid := range children() {
		reached = syscall.Kill(pid, sig) == nil || reached
	}
	return reached
}

// children lists this process's children, those of all its threads.
func children() []int {
	var pids []int
	for _, pid := range processes() {
		// A process that is gone by now is nobody's child.
		if stat, ok := readStat(pid); ok && stat.parent == os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
