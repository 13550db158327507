package engine

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/result"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// plainHTTP is what a name starts with whose registry has no TLS.
const plainHTTP = "http://"

// spdxPredicate is the type of an SPDX document in an in-toto statement; see
// https://github.com/in-toto/attestation/blob/main/spec/predicates/spdx.md.
const spdxPredicate = "https://spdx.dev/Document"

// Export writes the images of x, whose layers are in the cache where r was
// solved, and gives the digest of what was pushed or written as OCI, or else
// of the last output that has one. Outputs that carry attestations are written
// together, so that they are the same image.
func (e *Engine) Export(ctx context.Context, r Request, x Export) (string, error) {
	var attested []Output
	digest := ""
	for _, o := range x.Outputs {
		if o.Kind.attested() {
			attested = append(attested, o)
			continue
		}
		given, err := e.export(ctx, r, x, []Output{o}, false)
		if err != nil {
			return "", err
		}
		digest = given
	}
	if len(attested) == 0 {
		return digest, nil
	}
	return e.export(ctx, r, x, attested, true)
}

// export is one solve.
func (e *Engine) export(ctx context.Context, r Request, x Export, outputs []Output, attest bool) (string, error) {
	var defs []*llb.Definition
	for _, img := range x.Images {
		defs = append(defs, img.Definition)
	}
	j, err := e.newJob(ctx, r, defs...)
	if err != nil {
		return "", err
	}
	if attest && x.Provenance != "" {
		j.opt.FrontendAttrs["attest:provenance"] = "mode=" + x.Provenance
	}
	if attest {
		j.opt.CacheExports = cacheOptions(r.CacheTo, inImage)
	}
	var deliveries []delivery
	for _, o := range outputs {
		d, err := e.deliver(o, x.attrs(o))
		if err != nil {
			return "", finish(ctx, deliveries, err)
		}
		deliveries = append(deliveries, d)
		j.opt.Exports = append(j.opt.Exports, d.entry)
	}
	if x.Images, err = e.withHistories(ctx, x.Images); err != nil {
		return "", finish(ctx, deliveries, err)
	}
	j.solve = func(ctx context.Context, c gateway.Client) (*gateway.Result, error) { return x.result(ctx, c, attest) }
	answer, _, err := e.build(ctx, j)
	return answer[exptypes.ExporterImageDigestKey], finish(ctx, deliveries, err)
}

// withHistories gives the images with configs that say what made their layers.
func (e *Engine) withHistories(ctx context.Context, images []Image) ([]Image, error) {
	layout, err := contentlocal.NewStore(e.opts.Layout)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(images)
	for i, img := range images {
		if out[i].Config, err = withHistory(ctx, img.Config, img.Definition.ToPB(), layout); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// finish ends every delivery, and gives err or what was in the way of one.
func finish(ctx context.Context, all []delivery, err error) error {
	for _, d := range all {
		if failed := d.finish(ctx, err); failed != nil && err == nil {
			err = failed
		}
	}
	return err
}

// index tells whether the outputs of that kind are an index of images.
func (x Export) index(k Kind) bool {
	return len(x.Images) > 1 || k.attested() && (x.Provenance != "" || x.Images[0].SBOM != nil)
}

// attrs are BuildKit's words for an output. All times are 0, so that the bytes
// depend on the content alone.
func (x Export) attrs(o Output) map[string]string {
	attrs := map[string]string{"source-date-epoch": "0"}
	if o.Kind == Tar || o.Kind == Dir {
		return attrs
	}
	attrs["rewrite-timestamp"] = "true"
	if o.Write != nil {
		attrs["compression"] = "uncompressed" // it stays on this machine
	}
	if o.Kind.attested() {
		attrs["oci-mediatypes"] = "true"
		for name, value := range x.Annotations {
			attrs[exptypes.AnnotationManifestKey(nil, name)] = value
			if x.index(o.Kind) {
				attrs[exptypes.AnnotationIndexKey(name)] = value
			}
		}
	}
	var names []string
	for _, name := range o.Names {
		bare, insecure := strings.CutPrefix(name, plainHTTP)
		names = append(names, bare)
		if insecure && o.Kind == Push {
			attrs["registry.insecure"] = "true"
		}
	}
	if len(names) > 0 {
		attrs["name"] = strings.Join(names, ",")
	}
	if o.Kind == Push {
		attrs["push"] = "true"
	}
	return attrs
}

// result solves every image and says which is which.
func (x Export) result(ctx context.Context, c gateway.Client, attest bool) (*gateway.Result, error) {
	out := gateway.NewResult()
	var platforms exptypes.Platforms
	for _, img := range x.Images {
		ref, err := solved(ctx, c, img.Definition)
		if err != nil {
			return nil, err
		}
		if len(x.Images) == 1 {
			out.SetRef(ref)
			out.AddMeta(exptypes.ExporterImageConfigKey, img.Config)
		} else {
			out.AddRef(img.Platform, ref)
			out.AddMeta(exptypes.ExporterImageConfigKey+"/"+img.Platform, img.Config)
		}
		if attest && img.SBOM != nil {
			if err := addSBOM(ctx, c, out, img); err != nil {
				return nil, err
			}
		}
		osName, arch, _ := strings.Cut(img.Platform, "/")
		platforms.Platforms = append(platforms.Platforms, exptypes.Platform{ID: img.Platform, Platform: ocispecs.Platform{OS: osName, Architecture: arch}})
	}
	if len(x.Images) == 1 {
		return out, nil
	}
	data, err := json.Marshal(platforms)
	out.AddMeta(exptypes.ExporterPlatformsKey, data)
	return out, err
}

func solved(ctx context.Context, c gateway.Client, def *llb.Definition) (gateway.Reference, error) {
	res, err := c.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB(), Evaluate: true, CacheImports: cacheImports(c)})
	if err != nil {
		return nil, err
	}
	return res.SingleRef()
}

// addSBOM attaches the document as BuildKit's own scanner would.
func addSBOM(ctx context.Context, c gateway.Client, out *gateway.Result, img Image) error {
	const file = "sbom.spdx.json"
	def, err := llb.Scratch().File(llb.Mkfile("/"+file, 0o644, img.SBOM), llb.WithCustomName("list what is in the image")).Marshal(ctx)
	if err != nil {
		return err
	}
	ref, err := solved(ctx, c, def)
	if err != nil {
		return err
	}
	out.AddAttestation(img.Platform, gateway.Attestation{
		Kind: gatewaypb.AttestationKind_InToto, Ref: ref, Path: file,
		Metadata: map[string][]byte{
			result.AttestationReasonKey: []byte(result.AttestationReasonSBOM),
			result.AttestationSBOMCore:  []byte("sbom"),
		},
		InToto: result.InTotoAttestation{PredicateType: spdxPredicate},
	})
	return nil
}
