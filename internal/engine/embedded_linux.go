package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/containerd/containerd/v2/plugins/snapshots/overlay/overlayutils"
	"github.com/gofrs/flock"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/bboltcachestorage"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/worker"

	"github.com/sandwright/sandwright/internal/cgroup"
	"github.com/sandwright/sandwright/internal/fault"
)

// logName is, beside lockName and those of BuildKit, what stands in Root.
const logName = "engine.log"

// An embedded is BuildKit's controller and OCI worker in this process.
type embedded struct {
	opts       Options
	lock       *flock.Flock
	conn       *client.Client
	worker     *rootfsWorker
	controller *control.Controller
	stop       func()
	stopped    chan struct{}
	log        *os.File
	writeback  *writeback
	free       int64 // bytes that the disk had left when it was opened
}

// openEmbedded starts BuildKit on opts.Root, once nobody else has it open.
func openEmbedded(ctx context.Context, opts Options, inUse func() (map[string]bool, error)) (_ *embedded, err error) {
	if err := os.MkdirAll(opts.Root, 0o700); err != nil {
		return nil, err
	}
	e := &embedded{opts: opts, lock: flock.New(filepath.Join(opts.Root, lockName)), stop: func() {}, stopped: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close(context.WithoutCancel(ctx)))
		}
	}()
	if err := e.takeLock(ctx); err != nil {
		return nil, err
	}
	// A killed engine may have left steps running, and what they stood on.
	if err := errors.Join(cgroup.Remove(cgroupOf(opts.Root)), clearMounts(opts.Root), clearBundles(opts.Root)); err != nil {
		return nil, fault.Cannot("clear what a killed build left: %w", err)
	}
	if err := e.openLog(); err != nil {
		return nil, err
	}
	if err := carriesOverlays(opts.Root); err != nil {
		return nil, err
	}
	if e.writeback, err = openWriteback(opts.Root, func(text string) { opts.Progress.Say("%s", text) }); err != nil {
		return nil, fault.Cannot("begin to build in %s: %w", opts.Root, err)
	}
	if err := e.start(ctx); err != nil {
		return nil, fmt.Errorf("cannot start the build engine in %s: %w", opts.Root, err)
	}
	e.free, _ = freeOf(opts.Root)
	used, err := inUse()
	if err != nil {
		return nil, err
	}
	return e, e.worker.releaseUnused(ctx, used)
}

// carriesOverlays tries an overlay in root, unless one has been there before.
func carriesOverlays(root string) error {
	if _, err := os.Stat(snapshotsDB(root)); err == nil {
		return nil
	}
	if err := overlayutils.Supported(root); err != nil {
		return fault.Cannot("build in %s: its file system does not carry overlayfs: %v", root, err).
			WithHint("set SANDWRIGHT_HOME to a folder on ext4, xfs or btrfs")
	}
	return nil
}

// takeLock takes the lock of Root, and says so when it has to wait.
func (e *embedded) takeLock(ctx context.Context) error {
	ok, err := e.lock.TryLock()
	if err != nil || ok {
		return err
	}
	e.opts.Progress.Say("waiting for another build on this machine")
	_, err = e.lock.TryLockContext(ctx, 100*time.Millisecond)
	return err
}

// start builds BuildKit's object graph, as its own daemon does, and serves it
// on an in-memory connection.
func (e *embedded) start(ctx context.Context) error {
	sessions, err := session.NewManager()
	if err != nil {
		return err
	}
	w, err := newWorker(ctx, e.opts, e.writeback)
	if err != nil {
		return err
	}
	e.worker = &rootfsWorker{Worker: w}
	workers := &worker.Controller{}
	if err := workers.Add(e.worker); err != nil {
		return errors.Join(err, w.Close())
	}
	cache, err := bboltcachestorage.NewStore(filepath.Join(e.opts.Root, "cache.db"))
	if err != nil {
		return errors.Join(err, workers.Close())
	}
	history, err := boltutil.SafeOpen(filepath.Join(e.opts.Root, "history.db"), 0o600, e.writeback.boltOptions())
	if err != nil {
		return errors.Join(err, cache.Close(), workers.Close())
	}
	e.controller, err = control.NewController(control.Opt{
		SessionManager:   sessions,
		WorkerController: workers,
		Frontends:        map[string]frontend.Frontend{},
		CacheManager:     solver.NewCacheManager(ctx, "local", cache, worker.NewCacheResultStorage(workers)),
		HistoryDB:        history,
		CacheStore:       cache,
		LeaseManager:     w.LeaseManager(),
		ContentStore:     w.ContentStore(),
		HistoryConfig:    &config.HistoryConfig{MaxEntries: new(int64(10))},
		GarbageCollect:   w.GarbageCollect,
		GracefulStop:     e.stopped,

		ResolveCacheExporterFuncs: cacheExporters(sessions, w.RegistryHosts),
		ResolveCacheImporterFuncs: cacheImporters(sessions, w.ContentStore(), w.RegistryHosts),
	})
	if err != nil {
		return errors.Join(err, history.Close(), cache.Close(), workers.Close())
	}
	e.conn, e.stop, err = serve(ctx, e.controller, sessions)
	return err
}

// cgroupOf is the group that the steps of root's builds run in. The lock of
// root is also that of its group.
func cgroupOf(root string) string {
	sum := sha256.Sum256([]byte(root))
	return "sandwright-build-" + hex.EncodeToString(sum[:4])
}

// passingKept is how long a passing result stays that no image in use stands on.
// Each edit leaves a few, and each record that there is makes opening slower.
const passingKept = 2 * time.Minute

// passing is the policy of results of steps with these names.
func passing(names []string, kept time.Duration) []client.PruneInfo {
	var filter []string // empty, it would be one of everything
	for _, name := range names {
		filter = append(filter, "description~="+strconv.Quote(name))
	}
	if len(filter) == 0 {
		return nil
	}
	return []client.PruneInfo{{Filter: filter, KeepDuration: kept}}
}

// gcPolicy never touches holds: their record type is in no filter.
func gcPolicy(limit int64) []client.PruneInfo {
	cheap := []string{"type==" + string(client.UsageRecordTypeLocalSource), "type==" + string(client.UsageRecordTypeCacheMount)}
	return []client.PruneInfo{
		{Filter: cheap, KeepDuration: 7 * 24 * time.Hour, MaxUsedSpace: limit / 2},
		{Filter: unheld(), MaxUsedSpace: limit},
		{Filter: unheld(), MaxUsedSpace: limit, All: true},
	}
}

// unheld passes over holds, and so over what they stand on.
func unheld() []string { return []string{"type!=" + string(holdType)} }

// close brings the store back to its limit, stops BuildKit and unlocks Root.
func (e *embedded) close(ctx context.Context) error {
	var errs []error
	e.stop()
	if e.worker != nil {
		errs = append(errs, e.worker.busy.wait(), e.settle(ctx))
	}
	close(e.stopped)
	if e.controller != nil {
		closed := e.controller.Close()
		if closed == nil {
			closed = e.writeback.close()
		}
		errs = append(errs, closed)
	}
	if e.log != nil {
		errs = append(errs, e.closeLog())
	}
	if e.lock.Locked() {
		errs = append(errs, cgroup.Remove(cgroupOf(e.opts.Root)))
	}
	return errors.Join(append(errs, e.lock.Unlock())...)
}

// collect applies the size limit now: BuildKit's own collector waits a minute,
// and this process will be gone by then.
func (e *embedded) collect(ctx context.Context) error {
	_, err := e.prune(ctx, append(passing(e.opts.Passing, passingKept), e.worker.GCPolicy()...)...)
	return err
}

// tidy gives the room of what a failed build has written back to the disk.
func (e *embedded) tidy(ctx context.Context) error {
	return errors.Join(e.worker.busy.wait(), e.worker.GarbageCollect(ctx))
}

func (e *embedded) prune(ctx context.Context, policy ...client.PruneInfo) (freed int64, err error) {
	removed := make(chan client.UsageInfo)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for u := range removed {
			freed += u.Size
		}
	}()
	err = e.worker.Prune(ctx, removed, policy...)
	close(removed)
	<-done
	return freed, err
}
