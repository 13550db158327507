package engine

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sandwright/sandwright/internal/fetch"
)

// TestABuilderSeesWhatTheBuildNames of the store, and nothing of other projects.
func TestABuilderSeesWhatTheBuildNames(t *testing.T) {
	dir := t.TempDir()
	s := newShop(t, dir)
	r := s.request(t, map[string]string{"node": script("22")})
	other, err := s.store.Program("tool/other", "/usr/local/bin/other", []byte(script("of another project")), s.platform)
	must(t, err)
	layout, err := contentlocal.NewStore(dir)
	must(t, err)
	named, err := readable(t.Context(), layout, r.Definition)
	must(t, err)
	seen := 0
	must(t, layout.Walk(t.Context(), func(info content.Info) error {
		_, infoErr := named.Info(t.Context(), info.Digest)
		reader, err := named.ReaderAt(t.Context(), ocispecs.Descriptor{Digest: info.Digest, Size: info.Size})
		if (err == nil) != (infoErr == nil) || err != nil && status.Code(err) != codes.NotFound {
			t.Errorf("%s: %v, %v", info.Digest, infoErr, err)
		}
		if err == nil {
			seen++
			return reader.Close()
		}
		return nil
	}))
	if seen < 4 || named.has(digest.Digest(other.Digest)) {
		t.Errorf("%d blobs are seen; that of another project: %t", seen, named.has(digest.Digest(other.Digest)))
	}
	blob := digest.FromString("of the builder")
	if _, err := named.Writer(t.Context(), content.WithRef("x"), content.WithDescriptor(ocispecs.Descriptor{Digest: blob})); status.Code(err) != codes.PermissionDenied {
		t.Errorf("writing: %v", err)
	}
	for _, err := range []error{named.Delete(t.Context(), blob), second(named.Update(t.Context(), content.Info{Digest: blob}))} {
		if status.Code(err) != codes.PermissionDenied {
			t.Errorf("got %v", err)
		}
	}
	must(t, named.Walk(t.Context(), func(info content.Info) error {
		t.Errorf("%s is listed", info.Digest)
		return nil
	}))
}

func second[T any](_ T, err error) error { return err }

// TestABuilderMayReadWhatItWrote, and what was there before not.
func TestABuilderMayReadWhatItWrote(t *testing.T) {
	layout, err := contentlocal.NewStore(t.TempDir())
	must(t, err)
	write := func(s content.Store, text string) ocispecs.Descriptor {
		t.Helper()
		desc := ocispecs.Descriptor{Digest: digest.FromString(text), Size: int64(len(text))}
		must(t, content.WriteBlob(t.Context(), s, text, strings.NewReader(text), desc))
		return desc
	}
	before := write(layout, "before")
	s := &narrowStore{Store: layout, writes: true, named: map[digest.Digest]bool{}}
	if got, err := content.ReadBlob(t.Context(), s, write(s, "mine")); string(got) != "mine" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := content.ReadBlob(t.Context(), s, before); status.Code(err) != codes.NotFound {
		t.Errorf("what was there: %v", err)
	}
}

// TestAStepOfAnotherImageIsNotServed: a builder that asks for an image that the
// request does not name, as a hostile one would, gets none.
func TestAStepOfAnotherImageIsNotServed(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "buildkitd.sock")
	serveOn(t, t.TempDir(), listen(t, "unix", socket), nil)
	root := t.TempDir()
	e := openAt(t, root, Builder{Address: "unix://" + socket}, io.Discard)
	s := newShop(t, filepath.Join(root, "layout"))
	ref, err := s.store.Program("tool/other", "/usr/local/bin/other", []byte(script("other")), s.platform)
	must(t, err)
	j, err := e.newJob(t.Context(), s.request(t, map[string]string{"node": script("22")}))
	must(t, err)
	if err := solveOther(t.Context(), e, j, ref); err == nil || !strings.Contains(err.Error(), "this build does not name it") {
		t.Errorf("got %v", err)
	}
}

func solveOther(ctx context.Context, e *Engine, j *job, ref fetch.Ref) error {
	def, err := llb.OCILayout(ref.String(), llb.OCIStore("", StoreID)).Marshal(ctx, llb.LinuxAmd64)
	if err != nil {
		return err
	}
	_, err = e.backend.client().Solve(ctx, def, client.SolveOpt{OCIStores: j.opt.OCIStores, Exports: []client.ExportEntry{{Type: client.ExporterOCI, Output: discard}}}, nil)
	return err
}

func discard(map[string]string) (io.WriteCloser, error) { return nopWriter{io.Discard}, nil }

type nopWriter struct{ io.Writer }

func (nopWriter) Close() error { return nil }
