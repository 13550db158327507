package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/moby/buildkit/cache"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/worker/base"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// holdType marks the record that keeps an image's layers on disk.
	holdType client.UsageRecordType = "sandwright.hold"
	// holdPrefix starts the description of such a record; the image follows.
	holdPrefix = "held for image "
)

// rootfsWorker is BuildKit's worker with one more exporter: it unpacks the
// result, holds it against garbage collection, and answers with its layers.
type rootfsWorker struct {
	*base.Worker
	busy busy

	mu   sync.Mutex
	held map[string]bool // images; nil while that is not known
}

// Close also closes the snapshotter, which BuildKit leaves to the end of its
// process, with its database locked.
func (w *rootfsWorker) Close() error {
	return errors.Join(w.Worker.Close(), w.Snapshotter.Close())
}

// Platforms are those it was made with. BuildKit's worker would start a program
// of every architecture to find the emulators, each time its client asks.
func (w *rootfsWorker) Platforms(bool) []ocispecs.Platform { return w.WorkerOpt.Platforms }

// Exporter adds exporterRootfs to what BuildKit has.
func (w *rootfsWorker) Exporter(name string, sm *session.Manager) (exporter.Exporter, error) {
	if name != exporterRootfs {
		return w.Worker.Exporter(name, sm)
	}
	return rootfsExporter{w}, nil
}

type rootfsExporter struct{ worker *rootfsWorker }

func (x rootfsExporter) Resolve(_ context.Context, id int, attrs map[string]string) (exporter.ExporterInstance, error) {
	if attrs["image"] == "" {
		return nil, errors.New("the rootfs exporter needs an image")
	}
	return &rootfsInstance{worker: x.worker, id: id, attrs: attrs}, nil
}

type rootfsInstance struct {
	worker *rootfsWorker
	id     int
	attrs  map[string]string
}

func (x *rootfsInstance) ID() int                  { return x.id }
func (x *rootfsInstance) Name() string             { return "unpacking the image" }
func (x *rootfsInstance) Type() string             { return exporterRootfs }
func (x *rootfsInstance) Attrs() map[string]string { return x.attrs }
func (x *rootfsInstance) Config() *exporter.Config { return exporter.NewConfig() }

// Export makes the result's layers present on disk and holds them.
func (x *rootfsInstance) Export(ctx context.Context, src *exporter.Source, info exporter.ExportBuildInfo) (
	map[string]string, exporter.FinalizeFunc, exporter.DescriptorReference, error,
) {
	if src.Ref == nil {
		return nil, nil, nil, errors.New("the build has no result")
	}
	group := session.NewGroup(info.SessionID)
	lower, err := x.worker.lower(ctx, src.Ref, group)
	if err != nil {
		return nil, nil, nil, err
	}
	var names []string
	if err := json.Unmarshal([]byte(x.attrs[namesKey]), &names); err != nil {
		return nil, nil, nil, err
	}
	layers, err := x.worker.layers(ctx, src.Ref, lower, names, group)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := x.worker.hold(ctx, src.Ref, x.attrs["image"], group); err != nil {
		return nil, nil, nil, err
	}
	answer, err := json.Marshal(layers)
	return map[string]string{layersKey: string(answer)}, nil, nil, err
}

// lower lists the directories that ref is an overlay of, uppermost first.
func (w *rootfsWorker) lower(ctx context.Context, ref cache.ImmutableRef, group session.Group) ([]string, error) {
	m, err := ref.Mount(ctx, true, group)
	if err != nil {
		return nil, err
	}
	mounts, release, err := m.Mount()
	if err != nil {
		return nil, err
	}
	defer release() //nolint:errcheck // a read-only description holds nothing
	if len(mounts) != 1 {
		return nil, fmt.Errorf("the result has %d mounts, not one", len(mounts))
	}
	return lowerOf(mounts[0])
}

// layers says of each directory of ref what made it: its layers have the names,
// the lowest first, and what BuildKit has linked from several of them has none.
func (w *rootfsWorker) layers(ctx context.Context, ref cache.ImmutableRef, lower, names []string, group session.Group) (layers []Layer, err error) {
	held := ref.LayerChain()
	defer func() { err = errors.Join(err, held.Release(context.WithoutCancel(ctx))) }()
	chain := held
	made := map[string]string{}
	if len(chain) != len(names) {
		chain = nil // these are not the layers that the names are of
	}
	for i, one := range chain {
		dirs, err := w.lower(ctx, one, group)
		if err != nil {
			return nil, err
		}
		made[dirs[0]] = LayerName(names[i])
	}
	for _, dir := range lower {
		layers = append(layers, Layer{Dir: dir, Name: made[dir]})
	}
	return layers, nil
}

// lowerOf reads containerd's overlay options; a single layer is a bind mount.
func lowerOf(m mount.Mount) ([]string, error) {
	if m.Type == "bind" || m.Type == "rbind" {
		return []string{m.Source}, nil
	}
	for _, option := range m.Options {
		if dirs, ok := strings.CutPrefix(option, "lowerdir="); ok {
			return strings.Split(dirs, ":"), nil
		}
	}
	return nil, fmt.Errorf("the result is a %s mount without layers", m.Type)
}

// hold keeps ref's layers for image: an empty writable record on top of them
// that BuildKit's collector passes over. Holding twice is holding once.
func (w *rootfsWorker) hold(ctx context.Context, ref cache.ImmutableRef, image string, group session.Group) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held == nil {
		held, err := w.holds(ctx)
		if err != nil {
			return err
		}
		w.held = map[string]bool{}
		for image := range held {
			w.held[image] = true
		}
	}
	if w.held[image] {
		return nil
	}
	m, err := w.CacheManager().New(ctx, ref, group, cache.CachePolicyRetain,
		cache.WithRecordType(holdType), cache.WithDescription(holdPrefix+image))
	if err != nil {
		return err
	}
	w.held[image] = true
	return m.Release(ctx)
}

// holds maps each held image to the record that holds it.
func (w *rootfsWorker) holds(ctx context.Context) (map[string]string, error) {
	usage, err := w.DiskUsage(ctx, client.DiskUsageInfo{Filter: []string{"type==" + string(holdType)}})
	held := map[string]string{}
	for _, u := range usage {
		if image, ok := strings.CutPrefix(u.Description, holdPrefix); ok {
			held[image] = u.ID
		}
	}
	return held, err
}

// releaseUnused drops the holds of images that no sandbox uses.
func (w *rootfsWorker) releaseUnused(ctx context.Context, used map[string]bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	held, err := w.holds(ctx)
	if err != nil {
		return err
	}
	w.held = map[string]bool{}
	for image, id := range held {
		if used[image] {
			w.held[image] = true
			continue
		}
		m, err := w.CacheManager().GetMutable(ctx, id)
		if err != nil {
			return err
		}
		if err := m.SetCachePolicyDefault(); err != nil {
			return errors.Join(err, m.Release(ctx))
		}
		if err := m.Release(ctx); err != nil {
			return err
		}
	}
	return nil
}
