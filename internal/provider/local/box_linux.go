package local

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

// A box is a running sandbox as its shim holds it.
type box struct {
	req     request
	rec     record
	lock    *os.File
	host    hostProc
	dropped <-chan struct{} // closed when nobody keeps the sandbox
	init    *initProcess    // nil before it runs
	ports   *publication
	network func() (*network, error) // gives the one that is made meanwhile
	net     *network
	resolv  string // the box's resolv.conf
	closers []func()

	children *children
}

// startBox returns once the supervisor answers. When it fails, when ctx ends or
// dropped is closed before that, nothing is left.
func startBox(ctx context.Context, req request, network func() (*network, error), dropped <-chan struct{}) (*box, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-dropped:
			cancel()
		case <-ctx.Done():
		}
	}()
	b := &box{req: req, network: network, dropped: dropped, children: &children{known: make(map[int]bool)}}
	lock, err := b.claim()
	if err != nil {
		return nil, err
	}
	b.lock = lock
	for _, step := range []func(context.Context) error{
		b.publish, b.connect, b.prepare, b.run, b.await, b.serveExec, b.record,
	} {
		if err = ctx.Err(); err == nil {
			err = step(ctx)
		}
		if err != nil {
			return nil, errors.Join(err, b.end())
		}
	}
	return b, nil
}

// claim takes the sandbox's lock.
func (b *box) claim() (*os.File, error) {
	if err := os.MkdirAll(b.req.Place.StateDir, 0o700); err != nil {
		return nil, fault.Cannot("make a place for sandboxes: %w", err)
	}
	lock, err := b.req.Place.acquire()
	if errors.Is(err, errHeld) {
		return nil, alreadyRuns(b.req.Config)
	}
	if err != nil {
		return nil, fault.Cannot("lock %s: %w", b.req.Place.lockFile(), err)
	}
	return lock, nil
}

// publish listens before anything is started, so that a port in use costs
// nothing.
func (b *box) publish(context.Context) (err error) {
	b.ports, err = publish(b.req.Config.Ports, b.req.Place.StateDir)
	if err == nil {
		b.closers = append(b.closers, b.ports.close)
	}
	return err
}

// record tells other processes that the sandbox runs.
func (b *box) record(context.Context) error {
	c := b.req.Config
	self, err := b.host.self()
	if err != nil {
		return fault.Cannot("find the shim's own process: %w", err)
	}
	pid, err := b.host.pid(b.init.pid)
	if err != nil {
		return fault.Cannot("find the supervisor's process: %w", err)
	}
	b.rec = record{
		Info: provider.Info{
			ID: b.req.Place.ID, Name: c.Name, Project: c.Project, Image: c.Image, Edits: b.req.Edits, Revision: c.Revision, Ports: b.ports.ports,
			Started: time.Now().UTC(), LogDir: b.req.Place.logs(),
		},
		Env: c.Env, User: c.User, Dir: c.Dir, Shim: self, Init: pid,
	}
	if err := b.req.Place.write(b.rec); err != nil {
		return fault.Cannot("write the state of the sandbox: %w", err)
	}
	return nil
}

// end kills every process of this pid namespace but this one, which is its
// first, and leaves nothing of the sandbox on the host.
func (b *box) end() error {
	if os.Getpid() == 1 {
		_ = unix.Kill(-1, unix.SIGKILL)
		reapAll()
	}
	for _, closeIt := range b.closers {
		closeIt()
	}
	_ = os.Chdir("/")
	_ = unix.Unmount(b.req.Place.bundle()+"/rootfs", unix.MNT_DETACH)
	_ = unix.Unmount(b.req.Place.bundle(), unix.MNT_DETACH)
	if b.net != nil {
		defer b.net.close() // the kernel takes its time for that, and nobody has to wait for it
	}
	defer b.lock.Close()
	if err := b.req.Place.clear(); err != nil {
		return fault.Cannot("remove the sandbox: %w", err)
	}
	return nil
}

// reapAll waits for every child there is.
func reapAll() {
	for {
		_, err := unix.Wait4(-1, nil, 0, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
