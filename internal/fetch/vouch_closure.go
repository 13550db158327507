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
// their sha512, which is what is signed, and the signatures. All faults are reported together.
func (f *Fetcher) vouchedClosure(ctx context.Context, name string, spec ToolSpec, closure []lock.Dependency) error {
	spec.Vouching.Policy.Tool = name
	policy := closurePolicy(spec.Vouching.Policy)
	if policy.Require == "" {
		return nil
	}
	policy.Now = f.now()
	var mu sync.Mutex
	var faults fault.List
	var group errgroup.Group
	group.SetLimit(parallelClosed)
	for i, d := range closure {
		group.Go(func() error {
			proof, err := f.vouchedDependency(ctx, policy, d)
			mu.Lock()
			defer mu.Unlock()
			faults = append(faults, fault.All(err)...)
			closure[i].Proof = proof
			return nil
		})
	}
	_ = group.Wait() // what went wrong is in faults
	if err := ctx.Err(); err != nil {
		return err
	}
	return faults.Err()
}

// closurePolicy is what a tool's policy asks of each package of its closure.
func closurePolicy(p evidence.Policy) evidence.Policy {
	out := evidence.Policy{At: p.At, Tool: p.Tool, NPMKeys: p.NPMKeys}
	if p.Require != "" && p.Require != evidence.IntegrityOnly {
		out.Require = evidence.Signed
	}
	return out
}

// dependencyOf is a package of a closure as evidence speaks of it.
func dependencyOf(d lock.Dependency) found {
	return found{Artifact: lock.Artifact{Package: d.Name, Version: d.Version, Packed: lock.PackedNPM}}
}

// vouchedDependency gives the proof that the lock keeps.
func (f *Fetcher) vouchedDependency(ctx context.Context, policy evidence.Policy, d lock.Dependency) (proof string, err error) {
	r, err := f.release(ctx, d.Name, d.Version, "tool "+policy.Tool)
	if err != nil {
		return "", err
	}
	registry, err := f.npm.registry(r.Name)
	if err != nil {
		return "", err
	}
	what := dependencyOf(d)
	what.Released = utc(r.released)
	v, err := policy.Judge(what.subject("", sums{sha512: d.SHA512, from: bare(registry)}),
		[]evidence.Piece{{Kind: evidence.NPMSignature, Data: signaturesOf(r), From: bare(registry)}})
	if err != nil || len(v.Records) == 0 {
		return "", err
	}
	return v.Records[0].Proof(), nil
}
