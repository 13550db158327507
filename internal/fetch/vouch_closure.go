package fetch

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// vouchedClosure verifies the registry's signature on each package of a
// closure, where the tool requires one; what npm says of its provenance is for
// the tool itself. Nothing of it has been downloaded yet. The lock keeps
// their sha512, which is what is signed. All faults are reported together.
func (f *Fetcher) vouchedClosure(ctx context.Context, name string, spec ToolSpec, closure []lock.Dependency) error {
	policy := spec.Vouching.Policy
	if policy.Require == "" || policy.Require == evidence.IntegrityOnly {
		return nil
	}
	policy = evidence.Policy{At: policy.At, Tool: name, Require: evidence.Signed, NPMKeys: policy.NPMKeys, Now: f.now()}
	var mu sync.Mutex
	var faults fault.List
	var group errgroup.Group
	group.SetLimit(parallelClosed)
	for _, d := range closure {
		group.Go(func() error {
			err := f.vouchedDependency(ctx, policy, d)
			mu.Lock()
			defer mu.Unlock()
			faults = append(faults, fault.All(err)...)
			return nil
		})
	}
	_ = group.Wait() // what went wrong is in faults
	if err := ctx.Err(); err != nil {
		return err
	}
	return faults.Err()
}

func (f *Fetcher) vouchedDependency(ctx context.Context, policy evidence.Policy, d lock.Dependency) error {
	r, err := f.release(ctx, d.Name, d.Version, "tool "+policy.Tool)
	if err != nil {
		return err
	}
	registry, err := f.npm.registry(r.Name)
	if err != nil {
		return err
	}
	what := found{Artifact: lock.Artifact{Package: d.Name, Version: d.Version, Released: utc(r.released), Packed: lock.PackedNPM}}
	_, err = policy.Judge(what.subject("", sums{sha512: d.SHA512, from: bare(registry)}),
		[]evidence.Piece{{Kind: evidence.NPMSignature, Data: signaturesOf(r), From: bare(registry)}})
	return err
}
