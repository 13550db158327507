package engine

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandwright/sandwright/internal/fault"
)

// withHistory gives a config that says what made each layer of a definition's
// result. BuildKit would say so of those that were built here, and of those that
// came out of a cache where from: another image.
func withHistory(ctx context.Context, config []byte, def *pb.Definition, layout content.Store) ([]byte, error) {
	makers, err := layerNames(ctx, def, layout)
	if err != nil {
		return nil, err
	}
	var img map[string]json.RawMessage
	if err := json.Unmarshal(config, &img); err != nil || len(def.Def) == 0 {
		return config, err
	}
	history := make([]ocispecs.History, len(makers))
	for i, name := range makers {
		history[i].CreatedBy = name
	}
	if img["history"], err = json.Marshal(history); err != nil {
		return nil, err
	}
	return json.Marshal(img)
}

// layerNames says what makes each layer of a definition's result, the lowest first.
func layerNames(ctx context.Context, def *pb.Definition, layout content.Store) ([]string, error) {
	g := graph{ops: map[string]*pb.Op{}, meta: def.Metadata, layout: layout}
	var last *pb.Op
	for _, data := range def.Def {
		op := new(pb.Op)
		if err := op.UnmarshalVT(data); err != nil {
			return nil, err
		}
		last = op
		g.ops[digest.FromBytes(data).String()] = op
	}
	if last == nil {
		return nil, nil
	}
	return g.makers(ctx, last, 0) // the last one only names the result
}

// A graph is a definition whose ops are found by their digests.
type graph struct {
	ops    map[string]*pb.Op
	meta   map[string]*pb.OpMetadata
	layout content.Store
}

// makers names what made each layer of an input of op, the lowest first.
func (g graph) makers(ctx context.Context, op *pb.Op, input int64) ([]string, error) {
	if input < 0 || input >= int64(len(op.Inputs)) {
		return nil, nil // scratch
	}
	in := op.Inputs[input]
	name, on := "", []int64{}
	switch of := g.ops[in.Digest]; kind := of.GetOp().(type) {
	case *pb.Op_Source:
		return g.pulled(ctx, kind.Source.Identifier, g.nameOf(in.Digest))
	case *pb.Op_Merge:
		for _, merged := range kind.Merge.Inputs {
			on = append(on, merged.Input)
		}
	case *pb.Op_Exec:
		name = g.nameOf(in.Digest, kind.Exec.Meta.Args...)
		for _, m := range kind.Exec.Mounts {
			if m.Output == in.Index {
				on = append(on, m.Input)
			}
		}
	case *pb.Op_File:
		name, on = g.nameOf(in.Digest), append(on, under(of, kind.File.Actions, in.Index))
	default: // the difference of two is a layer upon nothing
		name = g.nameOf(in.Digest)
	}
	var all []string
	for _, i := range on {
		below, err := g.makers(ctx, g.ops[in.Digest], i)
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	if name != "" {
		all = append(all, name)
	}
	return all, nil
}

// under is the input that the actions which make an output begin with.
func under(op *pb.Op, actions []*pb.FileAction, output int64) int64 {
	inputs := int64(len(op.Inputs))
	for i := len(actions) - 1; i >= 0; i-- {
		if actions[i].Output != output {
			continue
		}
		at := actions[i].Input
		for range actions { // from one to the one before
			if at < inputs || at-inputs >= int64(len(actions)) {
				break
			}
			at = actions[at-inputs].Input
		}
		return at
	}
	return -1
}

// pulled names each layer of an image of the layout.
func (g graph) pulled(ctx context.Context, identifier, name string) ([]string, error) {
	_, ref, isLayout := strings.Cut(identifier, layoutScheme)
	if !isLayout {
		return nil, nil
	}
	_, named, _ := strings.Cut(ref, "@")
	dgst, err := digest.Parse(named)
	if err != nil {
		return nil, err
	}
	var manifest ocispecs.Manifest
	if err := readJSON(ctx, g.layout, dgst, &manifest); err != nil {
		return nil, err
	}
	all := make([]string, len(manifest.Layers))
	for i := range all {
		all[i] = name
	}
	return all, nil
}

// nameOf is an op's name as it is shown, or else its words.
func (g graph) nameOf(dgst string, words ...string) string {
	if name := g.meta[dgst].GetDescription()["llb.customname"]; name != "" {
		return name
	}
	if len(words) > 0 {
		return strings.Join(words, " ")
	}
	return "files"
}

// readJSON reads a small blob of a store.
func readJSON(ctx context.Context, store content.Store, dgst digest.Digest, into any) error {
	info, err := store.Info(ctx, dgst)
	if err != nil {
		return err
	}
	if info.Size > maxManifest {
		return fault.Cannot("read an image: its %s has %d bytes", dgst, info.Size)
	}
	data, err := content.ReadBlob(ctx, store, ocispecs.Descriptor{Digest: dgst, Size: info.Size})
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// maxManifest bounds a manifest and a config, in bytes.
const maxManifest = 16 << 20
