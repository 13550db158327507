package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
