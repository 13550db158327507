package engine

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/containerd/containerd/v2/core/diff/apply"
	ctdmetadata "github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/storage"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/containerd/v2/plugins/diff/walking"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
	"github.com/moby/buildkit/cache/metadata"
	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/oci"
	"github.com/moby/buildkit/executor/resources"
	"github.com/moby/buildkit/executor/runcexecutor"
	"github.com/moby/buildkit/snapshot/containerd"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/moby/buildkit/util/network"
	"github.com/moby/buildkit/util/winlayers"
	"github.com/moby/buildkit/worker/base"
	"github.com/moby/buildkit/worker/label"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandwright/sandwright/internal/overlayfs"
)

const (
	snapshotterName = "overlayfs"
	snapshotsName   = "snapshots"
	snapshotsMeta   = "metadata.db" // in it, where the snapshotter would have it
	namespace       = "buildkit"    // of containerd's stores, as BuildKit's own worker has it
)

func workerRoot(root string) string { return filepath.Join(root, "runc-"+snapshotterName) }

// snapshotsDB is the snapshotter's database below the engine's root.
func snapshotsDB(root string) string {
	return filepath.Join(workerRoot(root), snapshotsName, snapshotsMeta)
}

// newWorker is BuildKit's worker with runc on overlayfs, on the files that
// runc.NewWorkerOpt would have. That one also makes a proxy for steps, with an
// RSA key of its own at each start, for which nobody asks here.
func newWorker(ctx context.Context, opts Options, wb *writeback) (_ *base.Worker, err error) {
	root := workerRoot(opts.Root)
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	opt := base.WorkerOpt{
		Root:          root,
		GCPolicy:      gcPolicy(opts.MaxBytes),
		RegistryHosts: registryHosts(opts.CAs),
		Platforms:     []ocispecs.Platform{{OS: "linux", Architecture: runtime.GOARCH}},
		MountPoolRoot: filepath.Join(root, "cachemounts"),
		NetworkProviders: map[pb.NetMode]network.Provider{
			pb.NetMode_UNSET: network.NewHostProvider(),
			pb.NetMode_HOST:  network.NewHostProvider(),
			pb.NetMode_NONE:  network.NewNoneProvider(),
		},
		Labels: map[string]string{
			label.Executor: "oci", label.Snapshotter: snapshotterName, label.Network: "host", label.OCIProcessMode: oci.ProcessSandbox.String(),
		},
	}
	if opt.ID, err = base.ID(root); err != nil {
		return nil, err
	}
	if opt.ResourceMonitor, err = resources.NewMonitor(); err != nil {
		return nil, err
	}
	if opt.Executor, err = newExecutor(opts, opt); err != nil {
		return nil, err
	}
	if err := openStores(ctx, &opt, wb); err != nil {
		return nil, err
	}
	return base.NewWorker(ctx, opt)
}

// newExecutor runs the steps with runc.
func newExecutor(opts Options, w base.WorkerOpt) (executor.Executor, error) {
	o := runcexecutor.Opt{
		Root: filepath.Join(w.Root, "executor"), ProcessMode: oci.ProcessSandbox,
		DefaultCgroupParent: cgroupOf(opts.Root), ResourceMonitor: w.ResourceMonitor,
	}
	if opts.Runtime != "" {
		o.CommandCandidates = []string{opts.Runtime}
	}
	return runcexecutor.New(o, w.NetworkProviders)
}

// openStores opens what the worker keeps on disk.
func openStores(ctx context.Context, w *base.WorkerOpt, wb *writeback) (err error) {
	if err := os.MkdirAll(filepath.Join(w.Root, snapshotsName), 0o700); err != nil {
		return err
	}
	meta, err := storage.NewMetaStore(filepath.Join(w.Root, snapshotsName, snapshotsMeta), wb.options)
	if err != nil {
		return err
	}
	snapshotter, err := overlay.NewSnapshotter(filepath.Join(w.Root, snapshotsName), overlay.AsynchronousRemove, overlay.WithMetaStore(meta))
	if err != nil {
		return err
	}
	closers := []io.Closer{snapshotter}
	defer func() {
		for _, c := range closers {
			if err != nil {
				err = errors.Join(err, c.Close())
			}
		}
	}()
	store, err := local.NewStore(filepath.Join(w.Root, "content"))
	if err != nil {
		return err
	}
	db, err := boltutil.Open(filepath.Join(w.Root, "containerdmeta.db"), 0o644, wb.boltOptions())
	if err != nil {
		return err
	}
	closers = append(closers, db)
	mdb := ctdmetadata.NewDB(db, store, map[string]snapshots.Snapshotter{snapshotterName: snapshotter})
	if err := mdb.Init(ctx); err != nil {
		return err
	}
	if w.MetadataStore, err = metadata.NewStore(filepath.Join(w.Root, "metadata_v2.db")); err != nil {
		return err
	}
	if err := wb.putOff(w.MetadataStore.DB()); err != nil {
		return err
	}
	c := containerd.NewContentStore(mdb.ContentStore(), namespace)
	w.ContentMetadata, w.ContentStore = db, c
	w.Snapshotter = containerd.NewSnapshotter(snapshotterName, mdb.Snapshotter(snapshotterName), namespace, nil)
	if wb.boot != "" && overlayfs.HasVolatile() {
		w.Snapshotter = volatileSnapshotter{w.Snapshotter}
	}
	w.Applier = winlayers.NewFileSystemApplierWithWindows(c, apply.NewFileSystemApplier(c))
	w.Differ = winlayers.NewWalkingDiffWithWindows(c, walking.NewWalkingDiff(c))
	w.LeaseManager = leaseutil.WithNamespace(ctdmetadata.NewLeaseManager(mdb), namespace)
	w.GarbageCollect = mdb.GarbageCollect
	return nil
}
