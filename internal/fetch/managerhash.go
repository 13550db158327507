package fetch

import (
	"crypto/sha1" //nolint:gosec // as Corepack allows; the lock has a sha512 besides
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"hash"
	"io"
	"os"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// A ManagerHash is what package.json says of the bytes of the package manager:
// NAME@VERSION and after it +KIND.HEX, as Corepack writes it.
type ManagerHash struct {
	At      fault.Position // where it says so
	Manager string         // NAME@VERSION
	Hash    string         // KIND.HEX; empty: it says nothing
}

// newHash is the hash of a kind that Corepack writes; nil for others. None
// stands alone: the lock pins sha256 and sha512 of the same bytes.
func newHash(kind string) hash.Hash {
	switch kind {
	case "sha1":
		return sha1.New() //nolint:gosec // see above
	case "sha224":
		return sha256.New224()
	case "sha256":
		return sha256.New()
	case "sha384":
		return sha512.New384()
	case "sha512":
		return sha512.New()
	}
	return nil
}

// listed holds a download against m, where it is the package that m is of, and
// gives what the lock keeps of that.
func (m ManagerHash) listed(a lock.Artifact, path string) ([]lock.Evidence, error) {
	if m.Hash == "" || m.Manager != a.Package+"@"+a.Version {
		return nil, nil
	}
	kind, want, _ := strings.Cut(m.Hash, ".")
	h := newHash(kind)
	if h == nil || len(want) != 2*h.Size() || strings.Trim(want, "0123456789abcdef") != "" {
		return nil, m.At.Cannot("use the hash of packageManager, %s: it is not sha1, sha224, sha256, sha384 or sha512, a dot and hex digits", fault.Clip(m.Hash, 140)).
			WithHint("renew it with: corepack use %s", m.Manager)
	}
	if err := hashFile(h, path); err != nil {
		return nil, err
	}
	if got := hexSum(h); got != want {
		return nil, m.At.Cannot("use %s %s: its registry gives one with %s %s, and packageManager says %s", a.Package, a.Version, kind, got, want).
			WithHint("see who changed which of the two")
	}
	return []lock.Evidence{{Kind: lock.ManagerKind, Verdict: lock.Listed, Identity: "package.json", Key: m.Hash}}, nil
}

func hashFile(h hash.Hash, path string) (err error) {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	_, err = io.Copy(h, in)
	return err
}
