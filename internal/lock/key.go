package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// Key identifies the bootstrapped system: it changes when a package does, or
// when this program makes something else of the same packages. The releases
// that vouched for the packages, and the order of the two, do not matter.
func (s System) Key() string {
	h := sha256.New()
	fmt.Fprintln(h, "sandwright base 1")
	for _, d := range sortedDebs(s.Packages) {
		fmt.Fprintln(h, d.line())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Key identifies all that a lock has of a tool on one platform, and the inputs
// it was made from. Evidence that vouches refuses does not matter.
func (a Artifact) Key(inputs string, vouches func(Evidence) bool) string {
	a.Evidence = slices.DeleteFunc(slices.Clone(a.Evidence), func(e Evidence) bool { return !vouches(e) })
	return Fingerprint(inputs, describes(a))
}

// digest is what the lock has of a system's block, so that nothing in it is
// taken out, put in or changed by hand, or by a merge, without a notice. Who
// means harm can make another: what holds against that are hashes and
// evidence.
func (s System) digest(platform string) string {
	w := &writer{}
	w.system(s)
	return Fingerprint("base", platform, w.String())
}

// digest is the same of a tool's block.
func (a Artifact) digest(tool, platform string) string {
	return Fingerprint("tool", tool, platform, describes(a))
}
