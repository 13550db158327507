package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/opencontainers/go-digest"

	"github.com/sandwright/sandwright/internal/fault"
)

// openBackend gives what runs the builds, and what unpacks them. A builder that
// cannot be reached is known before anything here is locked.
func openBackend(ctx context.Context, opts Options, inUse func() (map[string]bool, error)) (backend, *embedded, error) {
	if opts.Builder.embedded() {
		local, err := openEmbedded(ctx, opts, inUse)
		return local, local, err
	}
	conn, err := dial(ctx, opts.Builder)
	if err != nil {
		return nil, nil, err
	}
	local, err := openEmbedded(ctx, opts, inUse)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return &remote{conn: conn, local: local}, local, nil
}

// A remote is a buildkitd somewhere else. What it builds for a sandbox comes
// here as an image, of which only the layers travel that are not here yet.
type remote struct {
	conn  *client.Client
	local *embedded
	store *heldStore // nil until something is to come
}

func (r *remote) client() *client.Client { return r.conn }

func (r *remote) export(ctx context.Context, j *job) (err error) {
	if r.store == nil {
		if r.store, err = holdStore(ctx, r.local); err != nil {
			return err
		}
	}
	j.opt.Exports = []client.ExportEntry{{Type: client.ExporterOCI, Attrs: map[string]string{"tar": "false"}, OutputStore: &narrowStore{Store: r.store, writes: true, named: map[digest.Digest]bool{}}}}
	return nil
}

// layers unpacks the image that has come.
func (r *remote) layers(ctx context.Context, j *job, answer map[string]string) ([]Layer, error) {
	dgst, err := digest.Parse(answer[exptypes.ExporterImageDigestKey])
	if err != nil {
		return nil, fault.Cannot("read the answer of the builder: it names no image")
	}
	return unpackImage(ctx, r.local, r.store, j, dgst)
}

func (r *remote) close(ctx context.Context) error {
	err := r.conn.Close()
	if r.store != nil {
		err = errors.Join(err, r.store.release(ctx))
	}
	return errors.Join(err, r.local.close(ctx))
}

// receivedID is what llb.OCIStore names for a heldStore.
const receivedID = "received"

// unpackImage makes the layers of an image in store present in the embedded
// engine, and holds them.
func unpackImage(ctx context.Context, local *embedded, store content.Store, j *job, image digest.Digest) ([]Layer, error) {
	var opts []llb.ConstraintsOpt
	if p := platformIn(j.request.Definition); p != nil {
		opts = append(opts, llb.Platform(p.Spec()))
	}
	def, err := llb.OCILayout("received/image@"+image.String(), llb.OCIStore("", receivedID)).Marshal(ctx, opts...)
	if err != nil {
		return nil, err
	}
	local.opts.Progress.Say("unpacking what the builder gave")
	inner := &Engine{backend: local, local: local}
	res, err := inner.unpack(ctx, &job{
		request: Request{Image: j.request.Image, Definition: def, Hide: j.request.Hide}, names: j.names,
		opt: client.SolveOpt{OCIStores: map[string]content.Store{receivedID: store}, SharedKey: "sandwright", Internal: true},
	})
	return res.Layers, err
}

// A heldStore is the embedded engine's own store of blobs, in which everything
// that is written, or was there already, stays until release.
type heldStore struct {
	content.Store
	lease  leases.Lease
	leases *leaseutil.Manager
}

func holdStore(ctx context.Context, local *embedded) (*heldStore, error) {
	manager := local.worker.LeaseManager()
	lease, err := manager.Create(ctx, leases.WithRandomID(), leaseutil.MakeTemporary)
	if err != nil {
		return nil, fmt.Errorf("cannot hold what comes from the builder: %w", err)
	}
	return &heldStore{local.worker.ContentStore(), lease, manager}, nil
}

// Writer puts our lease in place of the builder's, which has come with the call.
func (s *heldStore) Writer(ctx context.Context, opts ...content.WriterOpt) (content.Writer, error) {
	w, err := s.Store.Writer(leases.WithLease(ctx, s.lease.ID), opts...)
	if err != nil {
		return nil, err
	}
	return heldWriter{w, s.lease.ID}, nil
}

func (s *heldStore) release(ctx context.Context) error { return s.leases.Delete(ctx, s.lease) }

type heldWriter struct {
	content.Writer
	lease string
}

func (w heldWriter) Commit(ctx context.Context, size int64, expected digest.Digest, opts ...content.Opt) error {
	return w.Writer.Commit(leases.WithLease(ctx, w.lease), size, expected, opts...)
}

// platformIn is the platform that the steps of a definition are for; nil where
// none says one.
func platformIn(def *llb.Definition) *pb.Platform {
	for _, data := range def.Def {
		var op pb.Op
		if err := op.UnmarshalVT(data); err == nil && op.Platform != nil {
			return op.Platform
		}
	}
	return nil
}
