package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	puller "github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/fault"
)

const testConfig = `{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/bin/sh"],"Labels":{"of":"the test"}},"rootfs":{"type":"layers","diff_ids":[]}}`

// imageOf is what r builds, for the machine that it is built on.
func imageOf(r Request) Image {
	return Image{Platform: "linux/amd64", Definition: r.Definition, Config: []byte(testConfig)}
}

func hintOf(err error) string {
	all := fault.All(err)
	if len(all) == 0 {
		return ""
	}
	return all[0].Hint
}

func TestOutputIsWholeOrNotThere(t *testing.T) {
	e, dir := open(t, t.TempDir(), io.Discard), t.TempDir()
	refused := errors.New("refused")
	for _, o := range []Output{
		{Kind: OCI, Path: filepath.Join(dir, "oci.tar")},
		{Kind: Docker, Path: filepath.Join(dir, "docker.tar")},
		{Kind: Tar, Path: filepath.Join(dir, "files.tar")},
		{Kind: Dir, Path: filepath.Join(dir, "files")},
		{Kind: Docker, Path: filepath.Join(dir, "checked.tar"), Check: func(io.Reader) error { return refused }},
		{Kind: Docker, Write: func(_ context.Context, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return errors.Join(err, refused)
		}},
	} {
		r := request(t, "echo exported > /exported")
		digest, err := e.Export(t.Context(), r, Export{Images: []Image{imageOf(r)}, Outputs: []Output{o}})
		if o.Check != nil || o.Write != nil {
			if !errors.Is(err, refused) {
				t.Errorf("%+v: %v", o, err)
			}
			continue
		}
		must(t, err)
		if hasDigest := strings.HasPrefix(digest, "sha256:"); hasDigest != (o.Kind == OCI || o.Kind == Docker) {
			t.Errorf("%s has digest %q", o.Kind, digest)
		}
		bad := request(t, "exit 1")
		o.Path += ".bad"
		if _, err := e.Export(t.Context(), bad, Export{Images: []Image{imageOf(bad)}, Outputs: []Output{o}}); err == nil {
			t.Errorf("%s: the bad build succeeded", o.Kind)
		}
	}
	for file, want := range map[string]string{"oci.tar": "index.json", "docker.tar": "manifest.json", "files.tar": "exported"} {
		if !inTar(t, filepath.Join(dir, file), want) {
			t.Errorf("%s has no %s", file, want)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "files/exported"))
	if err != nil || string(data) != "exported\n" {
		t.Errorf("the folder has %q, %v", data, err)
	}
	if left := names(t, dir); !slices.Equal(left, []string{"docker.tar", "files", "files.tar", "oci.tar"}) {
		t.Errorf("left: %v", left)
	}
	if left, err := filepath.Glob(filepath.Join(e.opts.Root, ".sandwright-image-*")); err != nil || len(left) > 0 {
		t.Errorf("left in the engine: %v, %v", left, err)
	}
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func inTar(t *testing.T, path, name string) bool {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err != nil {
			return false
		}
		if h.Name == name {
			return true
		}
	}
}

func TestAFolderWithSomethingInItIsLeftAlone(t *testing.T) {
	e, dir := open(t, t.TempDir(), io.Discard), t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600))
	r := request(t, "true")
	_, err := e.Export(t.Context(), r, Export{Images: []Image{imageOf(r)}, Outputs: []Output{{Kind: Dir, Path: dir}}})
	if err == nil || !strings.Contains(err.Error(), "not empty") || !slices.Equal(names(t, dir), []string{"mine"}) {
		t.Errorf("%v, %v", err, names(t, dir))
	}
}

// TestPush: every name has the image, which is the one of the OCI tar, with
// its labels, its annotations, and no time but 1970 in it.
func TestPush(t *testing.T) {
	reg := startRegistry(t, false)
	e := open(t, t.TempDir(), io.Discard)
	r := request(t, "echo pushed > /pushed")
	digest, err := e.Export(t.Context(), r, Export{
		Images:      []Image{imageOf(r)},
		Annotations: map[string]string{"org.opencontainers.image.source": "https://example.com/app"},
		Outputs: []Output{
			{Kind: OCI, Path: filepath.Join(t.TempDir(), "image.tar")},
			{Kind: Push, Names: []string{reg.host + "/app:one", reg.host + "/app:two", "http://" + reg.host + "/other:three"}},
		},
	})
	must(t, err)
	for _, tag := range []string{"app:one", "app:two", "other:three"} {
		img := reg.image(t, tag)
		if got, err := img.Digest(); err != nil || got.String() != digest {
			t.Errorf("%s is %s, not %s: %v", tag, got, digest, err)
		}
	}
	alone, err := e.Export(t.Context(), r, Export{
		Images: []Image{imageOf(r)}, Annotations: map[string]string{"org.opencontainers.image.source": "https://example.com/app"},
		Outputs: []Output{{Kind: OCI, Path: filepath.Join(t.TempDir(), "image.tar")}},
	})
	if err != nil || alone != digest {
		t.Errorf("the tar alone has %s, %v; pushed was %s", alone, err, digest)
	}
	img := reg.image(t, "app:one")
	manifest, err := img.Manifest()
	must(t, err)
	if manifest.Annotations["org.opencontainers.image.source"] != "https://example.com/app" {
		t.Errorf("annotations %v", manifest.Annotations)
	}
	config, err := img.ConfigFile()
	must(t, err)
	if config.Config.Labels["of"] != "the test" || config.Created.Unix() != 0 {
		t.Errorf("labels %v, created %v", config.Config.Labels, config.Created)
	}
	for _, h := range config.History {
		if h.Created.Unix() != 0 {
			t.Errorf("history says %v of %s", h.Created, h.CreatedBy)
		}
	}
}

// TestAttestations: what is pushed carries the SPDX document and BuildKit's
// provenance, each about the image's own manifest.
func TestAttestations(t *testing.T) {
	reg := startRegistry(t, false)
	e := open(t, t.TempDir(), io.Discard)
	r := request(t, "echo attested > /attested")
	img := imageOf(r)
	img.SBOM = []byte(`{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"demo","documentNamespace":"urn:x","creationInfo":{"created":"1970-01-01T00:00:00Z","creators":["Tool: sandwright"]},"packages":[{"name":"left-pad","SPDXID":"SPDXRef-Package-1","downloadLocation":"NOASSERTION","versionInfo":"1.3.0"}]}`)
	digest, err := e.Export(t.Context(), r, Export{
		Images: []Image{img}, Provenance: "max", Annotations: map[string]string{"who": "we"},
		Outputs: []Output{{Kind: Push, Names: []string{reg.host + "/app:attested"}}, {Kind: Docker, Path: filepath.Join(t.TempDir(), "plain.tar")}},
	})
	must(t, err)
	ref, err := name.ParseReference(reg.host + "/app@" + digest)
	must(t, err)
	index, err := puller.Index(ref, reg.options()...)
	must(t, err)
	manifest, err := index.IndexManifest()
	must(t, err)
	if len(manifest.Manifests) != 2 || manifest.Annotations["who"] != "we" {
		t.Fatalf("the index is %+v", manifest)
	}
	subject := manifest.Manifests[0].Digest
	about := manifest.Manifests[1]
	if about.Annotations["vnd.docker.reference.type"] != "attestation-manifest" || about.Annotations["vnd.docker.reference.digest"] != subject.String() {
		t.Errorf("the attestations are described as %v", about.Annotations)
	}
	got := statements(t, index, about.Digest)
	if diff := cmp.Diff([]string{"https://slsa.dev/provenance/v1", spdxPredicate}, sortedKeys(got)); diff != "" {
		t.Fatal(diff)
	}
	if doc := string(got[spdxPredicate]); !strings.Contains(doc, "left-pad") || !strings.Contains(doc, subject.Hex) {
		t.Errorf("the SPDX statement is %s", doc)
	}
	if p := string(got["https://slsa.dev/provenance/v1"]); !strings.Contains(p, "echo attested") || !strings.Contains(p, subject.Hex) {
		t.Errorf("the provenance is %s", p)
	}
}

func sortedKeys(m map[string][]byte) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// statements are the in-toto statements of an attestation manifest, by predicate.
func statements(t *testing.T, index v1.ImageIndex, digest v1.Hash) map[string][]byte {
	t.Helper()
	img, err := index.Image(digest)
	must(t, err)
	layers, err := img.Layers()
	must(t, err)
	out := map[string][]byte{}
	for _, l := range layers {
		rc, err := l.Uncompressed()
		must(t, err)
		data, err := io.ReadAll(rc)
		must(t, errors.Join(err, rc.Close()))
		var statement struct {
			PredicateType string `json:"predicateType"`
		}
		must(t, json.Unmarshal(data, &statement))
		out[statement.PredicateType] = data
	}
	return out
}

// TestSeveralPlatforms: files for a platform that this machine cannot run are
// put together all the same, and the index says what is for which.
func TestSeveralPlatforms(t *testing.T) {
	reg := startRegistry(t, false)
	e := open(t, t.TempDir(), io.Discard)
	r := Request{Trees: map[string]fsutil.FS{"base": busybox(t)}}
	var images []Image
	for _, arch := range []string{"amd64", "arm64"} {
		p := ocispecs.Platform{OS: "linux", Architecture: arch}
		def, err := llb.Scratch().File(llb.Copy(llb.Local("base"), "/", "/")).File(llb.Mkfile("/arch", 0o644, []byte(arch))).Marshal(t.Context(), llb.Platform(p))
		must(t, err)
		images = append(images, Image{Platform: "linux/" + arch, Definition: def, Config: []byte(strings.ReplaceAll(testConfig, "amd64", arch))})
	}
	digest, err := e.Export(t.Context(), r, Export{Images: images, Outputs: []Output{{Kind: Push, Names: []string{reg.host + "/app:both"}}}})
	must(t, err)
	ref, err := name.ParseReference(reg.host + "/app@" + digest)
	must(t, err)
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := puller.Image(ref, append(reg.options(), puller.WithPlatform(v1.Platform{OS: "linux", Architecture: arch}))...)
		must(t, err)
		layers, err := img.Layers()
		must(t, err)
		rc, err := layers[len(layers)-1].Uncompressed()
		must(t, err)
		data, err := io.ReadAll(rc)
		if err != nil || !bytes.Contains(data, []byte(arch)) {
			t.Errorf("the last layer for %s has %q, %v", arch, data, err)
		}
	}
}

// TestTwoStoresGiveOneImage: what differs between two machines is not in the
// bytes: the store, times of files and when it is built.
func TestTwoStoresGiveOneImage(t *testing.T) {
	var digests, tars []string
	for range 2 {
		e := open(t, t.TempDir(), io.Discard)
		r := request(t, "echo same > /same; mkdir /d; ln -s ../same /d/link; ln /same /d/hard; rm /bin/sleep")
		path := filepath.Join(t.TempDir(), "image.tar")
		digest, err := e.Export(t.Context(), r, Export{Images: []Image{imageOf(r)}, Outputs: []Output{{Kind: OCI, Path: path}}})
		must(t, err)
		data, err := os.ReadFile(path)
		must(t, err)
		digests, tars = append(digests, digest), append(tars, string(data))
	}
	if digests[0] != digests[1] || tars[0] != tars[1] {
		t.Errorf("two stores gave %v; the tars are the same: %t", digests, tars[0] == tars[1])
	}
}
