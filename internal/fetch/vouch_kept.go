package fetch

import (
	"slices"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/lock"
)

// kept gives the image of a tool that is in the store, whole. Where somebody
// has to vouch for the tool, that was verified before: the same files may be
// there for another project, which asks nobody, and the lock may have been
// edited to name them.
func (f *Fetcher) kept(name string, tool lock.Tool, platform string) (Ref, bool) {
	a := tool.Platforms[platform]
	ref, ok := f.store.toolImage(name, a.Tree, platform)
	if ok && f.asksFor(name, a) {
		ok = f.store.ref(f.vouchedRef(a, tool.Inputs)) == ref.Digest
	}
	return ref, ok
}

// rememberVouched notes that what vouches for a tool was verified. Its layer
// is in the store.
func (f *Fetcher) rememberVouched(name string, a lock.Artifact, inputs, platform string) error {
	if !f.asksFor(name, a) {
		return nil
	}
	return f.store.setRef(f.vouchedRef(a, inputs), f.store.ref(toolRef(a.Tree, platform)))
}

// asksFor tells whether evidence of a tool is to be verified: the lock says
// that there is some, or the file that there must be.
func (f *Fetcher) asksFor(name string, a lock.Artifact) bool {
	return slices.ContainsFunc(a.Evidence, claimed) || f.settings.policy(name).Recheck(evidence.Subject{}, nil) != nil
}

// claimed is evidence that the lock says was verified, and that can be again.
func claimed(e lock.Evidence) bool {
	return e.Verdict == lock.Verified && evidence.Kind(e.Kind).Known()
}

// vouchedRef is the name under which the image of a tool stands whose evidence
// was verified as the lock has it, with the keys and roots that are trusted now.
func (f *Fetcher) vouchedRef(a lock.Artifact, inputs string) string {
	return "vouched-" + a.Key(lock.Fingerprint(inputs, f.settings.Trust), claimed)
}
