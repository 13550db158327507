package evidence_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
)

func signedPiece(t *testing.T, kind evidence.Kind, signature, sums []byte) []evidence.Piece {
	t.Helper()
	p, err := evidence.FileSignature{Signature: signature, Sums: sums}.Piece(kind, from)
	if err != nil {
		t.Fatal(err)
	}
	return []evidence.Piece{p}
}

// sums is a checksum file that names artifact among others.
func sums(t *testing.T) []byte {
	return []byte(strings.Repeat("0", 64) + "  other.tgz\n" + subject(t).SHA256 + "  tool.tgz\n")
}

func minisignKey(t *testing.T) (string, minisign.PrivateKey) {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public.String(), private
}

// hashed signs as minisign does by itself since 0.10.
func hashed(t *testing.T, key minisign.PrivateKey, message []byte) []byte {
	t.Helper()
	r := minisign.NewReader(bytes.NewReader(message))
	if _, err := new(bytes.Buffer).ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	return r.Sign(key)
}

func TestMinisign(t *testing.T) {
	public, key := minisignKey(t)
	_, other := minisignKey(t)
	good := hashed(t, key, artifact())
	lines := strings.SplitAfter(string(good), "\n")
	lines[2] = "trusted comment: signed by somebody else\n"
	for _, c := range []judged{
		{name: "good", pieces: signedPiece(t, evidence.Minisign, good, nil), level: evidence.Signed},
		{name: "of the old form", pieces: signedPiece(t, evidence.Minisign, minisign.Sign(key, artifact()), nil), level: evidence.Signed},
		{name: "checksum file", pieces: signedPiece(t, evidence.Minisign, hashed(t, key, sums(t)), sums(t)), level: evidence.Signed},
		{name: "absent", fault: "sandwright.yaml names who vouches for it with minisign, and " + from + " serves no such evidence"},
		{name: "swapped key", pieces: signedPiece(t, evidence.Minisign, hashed(t, other, artifact()), nil), fault: "cannot take its key: expected "},
		{name: "of other bytes", pieces: signedPiece(t, evidence.Minisign, hashed(t, key, []byte("x")), nil), fault: "is of something else or forged"},
		{name: "comment changed", pieces: signedPiece(t, evidence.Minisign, []byte(strings.Join(lines, "")), nil), fault: "is of something else or forged"},
		{name: "not a signature", pieces: signedPiece(t, evidence.Minisign, []byte("x"), nil), fault: "it is not what minisign writes"},
		{name: "checksums changed", pieces: signedPiece(t, evidence.Minisign, hashed(t, key, sums(t)), append(sums(t), '\n')), fault: "is of something else or forged"},
		{name: "checksums of another", pieces: signedPiece(t, evidence.Minisign, hashed(t, key, []byte("x")), []byte("x")), fault: "it does not name tool.tgz"},
		{name: "no artifact", pieces: signedPiece(t, evidence.Minisign, good, nil), edit: func(_ *evidence.Policy, s *evidence.Subject) { s.Path += "x" },
			fault: "cannot read the artifact: "},
		{name: "no key named", pieces: signedPiece(t, evidence.Minisign, good, nil), edit: func(p *evidence.Policy, _ *evidence.Subject) { p.Minisign = "" },
			level: evidence.IntegrityOnly, notice: "signed with minisign, and sandwright.yaml names no key for it: tools.tool.minisign"},
	} {
		p := policy()
		p.Minisign = public
		c.run(t, p, subject(t))
	}
	if err := evidence.CheckMinisignKey(public); err != nil {
		t.Error(err)
	}
	if evidence.CheckMinisignKey(public[1:]) == nil {
		t.Error("a key that is cut is taken")
	}
}

func TestPGP(t *testing.T) {
	now := time.Now()
	release, other := evidencetest.NewPGP(t, now.Add(-time.Hour), 0), evidencetest.NewPGP(t, now, 0)
	expired := evidencetest.NewPGP(t, now.Add(-48*time.Hour), 24*time.Hour)
	keys, err := evidence.ParsePGPKeys("release.asc", release.Public())
	if err != nil {
		t.Fatal(err)
	}
	old, err := evidence.ParsePGPKeys("old.asc", expired.Public())
	if err != nil {
		t.Fatal(err)
	}
	around := append([]byte(strings.Repeat("1", 64)+"  tool.tgz\n"), release.Clear([]byte(strings.Repeat("0", 64)+"  tool.tgz\n"))...)
	for _, c := range []judged{
		{name: "detached", pieces: signedPiece(t, evidence.PGP, release.Detached(artifact()), nil), level: evidence.Signed},
		{name: "checksum file", pieces: signedPiece(t, evidence.PGP, release.Detached(sums(t)), sums(t)), level: evidence.Signed},
		{name: "clear-signed checksum file", pieces: signedPiece(t, evidence.PGP, nil, release.Clear(sums(t))), level: evidence.Signed},
		{name: "swapped key", pieces: signedPiece(t, evidence.PGP, other.Detached(artifact()), nil),
			fault: "cannot verify it: expected a signature of these bytes with key " + keys.String() + ": "},
		{name: "clear-signed with a swapped key", pieces: signedPiece(t, evidence.PGP, nil, other.Clear(sums(t))), fault: "cannot verify it: expected a signature of these bytes with key "},
		{name: "of other bytes", pieces: signedPiece(t, evidence.PGP, release.Detached([]byte("x")), nil), fault: "cannot verify it"},
		{name: "not signed", pieces: signedPiece(t, evidence.PGP, nil, sums(t)), fault: "what came is not signed"},
		{name: "not a signature", pieces: signedPiece(t, evidence.PGP, []byte("x"), nil), fault: "cannot verify it"},
		{name: "text around what is signed", pieces: signedPiece(t, evidence.PGP, nil, around), fault: "it says that tool.tgz has " + strings.Repeat("0", 64)},
		{name: "expired key", pieces: signedPiece(t, evidence.PGP, expired.Detached(artifact()), nil),
			edit: func(p *evidence.Policy, _ *evidence.Subject) { p.PGP = old }, fault: "key expired"},
		{name: "expired since it was locked", pieces: signedPiece(t, evidence.PGP, expired.Detached(artifact()), nil),
			edit: func(p *evidence.Policy, _ *evidence.Subject) { p.PGP, p.Now = old, time.Time{} }, level: evidence.Signed},
		{name: "no key named", pieces: signedPiece(t, evidence.PGP, release.Detached(artifact()), nil),
			edit:  func(p *evidence.Policy, _ *evidence.Subject) { p.PGP = nil },
			level: evidence.IntegrityOnly, notice: "signed with PGP, and sandwright.yaml names no key for it: tools.tool.pgp"},
	} {
		p := policy()
		p.PGP = keys
		c.run(t, p, subject(t))
	}
	for _, text := range []string{"", "x", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nx\n"} {
		if _, err := evidence.ParsePGPKeys("release.asc", []byte(text)); err == nil || !strings.Contains(err.Error(), "cannot read release.asc: it holds no PGP public key") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestSumOf(t *testing.T) {
	a, b := strings.Repeat("a", 64), strings.Repeat("B", 128)
	for _, c := range []struct{ text, want, err string }{
		{a + "  f.tgz\n", a, ""},
		{a + " *f.tgz\r\n", a, ""},
		{b + "  ./f.tgz", strings.ToLower(b), ""},
		{a + "  f.tgz\n" + strings.ToUpper(a) + "  f.tgz\n", a, ""},
		{a + "  f.tgz\n" + b + "  f.tgz\n", "", "it names f.tgz twice"},
		{a + "  f.tgz.sig\n" + a + "  x/f.tgz\n" + a[1:] + "  f.tgz\n", "", "it does not name f.tgz"},
		{"", "", "it does not name f.tgz"},
		{strings.Repeat("x", 1<<17), "", "bufio.Scanner: token too long"},
	} {
		got, err := evidence.SumOf([]byte(c.text), "f.tgz")
		if got != c.want || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%.40q: got %q, %v, want %q, %q", c.text, got, err, c.want, c.err)
		}
	}
}
