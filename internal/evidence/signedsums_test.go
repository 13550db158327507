package evidence_test

import (
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
)

// A checksum file that sigstore signs vouches for what it names.
func TestSigstoreOfAChecksumFile(t *testing.T) {
	store, other := evidencetest.NewSigstore(t), evidencetest.NewSigstore(t)
	list := sums(t)
	signed := func(sums []byte, bundle []byte) []evidence.Piece {
		piece, err := evidence.SignedSums(sums, evidence.Piece{Kind: evidence.Sigstore, Data: bundle, From: from})
		if err != nil {
			t.Fatal(err)
		}
		return []evidence.Piece{piece}
	}
	const dev, accounts = "dev@acme.example", "https://accounts.example"
	good := store.Sign(dev, accounts, list)
	wrong := []byte(strings.Replace(string(list), subject(t).SHA256, strings.Repeat("ab", 32), 1))
	for _, c := range []judged{
		{name: "good", pieces: signed(list, good), level: evidence.Signed},
		{name: "another list", pieces: signed(append(list, "x  y\n"...), good), fault: "cannot verify it: "},
		{name: "another file", pieces: signed([]byte("no sums\n"), store.Sign(dev, accounts, []byte("no sums\n"))), fault: "it does not name tool.tgz"},
		{name: "other bytes", pieces: signed(wrong, store.Sign(dev, accounts, wrong)), fault: "it says that tool.tgz has abab"},
		{name: "forged", pieces: signed(list, other.Sign(dev, accounts, list)), fault: "cannot verify it: "},
		{name: "by somebody else", pieces: signed(list, store.Sign("eve@acme.example", accounts, list)), fault: "cannot take it from eve@acme.example"},
		{name: "of the download", pieces: bundlePiece(evidence.Sigstore, store.Sign(dev, accounts, artifact())), fault: "it is no checksum file and a bundle of sigstore"},
		{name: "garbage", pieces: bundlePiece(evidence.Sigstore, []byte("{}")), fault: "it is no checksum file and a bundle of sigstore"},
		{name: "absent", fault: "sandwright.yaml names who vouches for it with sigstore"},
	} {
		p, s := policy(), subject(t)
		p.Roots, p.Sums, s.NPM = roots(t, store.Root()), true, ""
		p.Sigstore = &evidence.Identity{Name: dev, Issuer: accounts}
		c.run(t, p, s)
	}
}
