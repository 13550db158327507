package engine

import (
	"context"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// layoutScheme begins the identifier of a source in a layout.
const layoutScheme = "oci-layout://"

// A narrowStore is as much of a store as a builder elsewhere is to have: the blobs
// that are named, and to write others where that is allowed. It lists nothing,
// changes no labels and deletes nothing.
type narrowStore struct {
	content.Store
	writes bool

	mu    sync.Mutex
	named map[digest.Digest]bool
}

// notNamed and refused are what a builder is told that asks for more.
func notNamed(blob digest.Digest) error {
	return status.Errorf(codes.NotFound, "%s: this build does not name it", blob)
}

func refused(what string) error {
	return status.Errorf(codes.PermissionDenied, "this store lets no builder %s", what)
}

func (s *narrowStore) has(dgst digest.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.named[dgst]
}

// Info is that of a named blob.
func (s *narrowStore) Info(ctx context.Context, dgst digest.Digest) (content.Info, error) {
	if !s.has(dgst) {
		return content.Info{}, notNamed(dgst)
	}
	return s.Store.Info(ctx, dgst)
}

// ReaderAt reads a named blob.
func (s *narrowStore) ReaderAt(ctx context.Context, desc ocispecs.Descriptor) (content.ReaderAt, error) {
	if !s.has(desc.Digest) {
		return nil, notNamed(desc.Digest)
	}
	return s.Store.ReaderAt(ctx, desc)
}

// Update is refused.
func (s *narrowStore) Update(context.Context, content.Info, ...string) (content.Info, error) {
	return content.Info{}, refused("change labels")
}

// Walk finds nothing.
func (s *narrowStore) Walk(context.Context, content.WalkFunc, ...string) error { return nil }

// Delete is refused.
func (s *narrowStore) Delete(context.Context, digest.Digest) error {
	return refused("delete")
}

// Writer takes a blob, which is named thereby.
func (s *narrowStore) Writer(ctx context.Context, opts ...content.WriterOpt) (content.Writer, error) {
	if !s.writes {
		return nil, refused("write")
	}
	w, err := s.Store.Writer(ctx, opts...)
	if err != nil {
		return nil, err
	}
	return narrowWriter{w, s}, nil
}

type narrowWriter struct {
	content.Writer
	store *narrowStore
}

func (w narrowWriter) Commit(ctx context.Context, size int64, expected digest.Digest, opts ...content.Opt) error {
	err := w.Writer.Commit(ctx, size, expected, opts...)
	if err == nil {
		w.store.mu.Lock()
		defer w.store.mu.Unlock()
		w.store.named[w.Digest()] = true
	}
	return err
}

// readable is what a builder is to have of the layout: the images that the
// definitions are made from.
func readable(ctx context.Context, layout content.Store, defs ...*llb.Definition) (*narrowStore, error) {
	s := &narrowStore{Store: layout, named: map[digest.Digest]bool{}}
	for _, def := range defs {
		if def == nil {
			continue // of an export, whose images have their own
		}
		for _, data := range def.Def {
			op := new(pb.Op)
			if err := op.UnmarshalVT(data); err != nil {
				return nil, err
			}
			if _, ref, ok := strings.Cut(op.GetSource().GetIdentifier(), layoutScheme); ok {
				_, named, _ := strings.Cut(ref, "@")
				s.name(ctx, digest.Digest(named))
			}
		}
	}
	return s, nil
}

// name adds an image, and what its manifest names. Of what cannot be read the build
// will say so.
func (s *narrowStore) name(ctx context.Context, image digest.Digest) {
	if s.named[image] || image.Validate() != nil {
		return
	}
	s.named[image] = true
	var manifest ocispecs.Manifest
	if readJSON(ctx, s.Store, image, &manifest) != nil {
		return
	}
	for _, part := range append(manifest.Layers, manifest.Config) {
		s.named[part.Digest] = true
	}
}
