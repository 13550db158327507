package fetch

import (
	"maps"
	"slices"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// Vouched verifies the evidence of a lock, without the network and without
// what it pins: that it says nothing is verified that is not, and has what the
// file asks for. What signs the bytes of a download themselves is verified
// when they are here. All faults are reported together.
func (s Settings) Vouched(l *lock.Lock) error {
	var faults fault.List
	_, base := cutLast(l.Base.Source, ":")
	for _, platform := range slices.Sorted(maps.Keys(l.Base.Systems)) {
		if system := l.Base.Systems[platform]; system.Image != "" {
			faults = append(faults, fault.All(judgedAgain(s.Base, "the base", system.Evidence, imageSubject(base, system.Image)))...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Tools)) {
		for _, platform := range slices.Sorted(maps.Keys(l.Tools[name].Platforms)) {
			a := l.Tools[name].Platforms[platform]
			policy := s.policy(name)
			policy.Ahead = true
			subject := found{Artifact: a}.subject("", sums{size: a.Size, sha256: a.SHA256, sha512: a.SHA512})
			faults = append(faults, fault.All(judgedAgain(policy, "tool "+name, a.Evidence, subject))...)
			faults = append(faults, fault.All(closureAgain(policy, a.Closure))...)
		}
	}
	return faults.Distinct().Err() // two platforms may say the same
}

// closureAgain verifies what the lock has of the signatures on a closure.
func closureAgain(policy evidence.Policy, closure []lock.Dependency) error {
	policy = closurePolicy(policy)
	var faults fault.List
	for _, d := range closure {
		var list []lock.Evidence
		if d.Proof != "" {
			list = []lock.Evidence{{Kind: string(evidence.NPMSignature), Verdict: lock.Verified, Proof: d.Proof}}
		}
		faults = append(faults, fault.All(dependencyAgain(policy, d, list))...)
	}
	return faults.Err()
}

func dependencyAgain(policy evidence.Policy, d lock.Dependency, list []lock.Evidence) error {
	records, err := recordsOf(list)
	if err != nil {
		return err
	}
	subject := dependencyOf(d).subject("", sums{sha512: d.SHA512})
	for i, r := range records { // the lock does not say the key twice
		if records[i].Signer, err = evidence.ClaimedKey(r); err != nil {
			return fault.Cannot("trust %s: the proof that %s has of it is none", subject.What, lock.Name).
				WithHint("see who changed the lock, then run: sandwright lock --update %s", policy.Tool)
		}
	}
	return policy.Recheck(subject, records)
}
