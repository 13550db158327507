package fetch

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/google/go-cmp/cmp"

	"github.com/klauspost/compress/snappy"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// A vault serves one tool over TLS, and what is beside it.
type vault struct {
	t         *testing.T
	url       string
	authority string
	files     map[string]string
	tool      []byte
	spec      ToolSpec
}

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{t: t, files: map[string]string{}, tool: tarball(t, file{name: "bin/tool", data: "ELF", mode: 0o755})}
	server, authority := secure(t, (&fileServer{v.files}).ServeHTTP)
	v.url, v.authority = server.URL, authority
	v.files["/1.0.0/tool.tgz"] = string(v.tool)
	v.spec = ToolSpec{URL: v.url + "/{version}/tool.tgz", Version: "1.0.0", Bin: []string{"tool"}, Vouching: Vouching{Policy: evidence.Policy{
		At: fault.Position{File: "sandwright.yaml", Line: 5, Column: 3}, Tool: "tool"}}}
	return v
}

// sums is a checksum file that names the tool.
func (v *vault) sums() []byte {
	sum := sha256.Sum256(v.tool)
	return []byte(strings.Repeat("0", 64) + "  other.tgz\n" + hex.EncodeToString(sum[:]) + " *tool.tgz\n")
}

// resolve locks the tool, and wants it to be refused where fault is given.
func (v *vault) resolve(t *testing.T, want []lock.Evidence, refused string) {
	t.Helper()
	f := trusting(t, v.authority).With(Settings{Tools: map[string]ToolSpec{"tool": v.spec}})
	f.now = time.Now
	a, err := f.ResolveTool(t.Context(), "tool", v.spec, amd64)
	if refused != "" {
		if err == nil || !strings.Contains(err.Error(), refused) || !strings.Contains(err.Error(), v.url) || fault.All(err)[0].Hint == "" {
			t.Fatalf("got  %v\nwant %s", err, refused)
		}
		nothingKept(t, f.store)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, proofless(a.Evidence)); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	v.again(t, a)
}

// again fetches the tool in a new store, where all evidence is gone but what
// the lock has.
func (v *vault) again(t *testing.T, a lock.Artifact) {
	t.Helper()
	for path := range v.files {
		if !strings.HasSuffix(path, "tool.tgz") {
			delete(v.files, path)
		}
	}
	f := trusting(t, v.authority).With(Settings{Tools: map[string]ToolSpec{"tool": v.spec}})
	tool := lock.Tool{Source: "url:" + v.spec.URL, Platforms: map[string]lock.Artifact{amd64: a}}
	if _, err := f.ToolLayer(t.Context(), "tool", tool, amd64); err != nil {
		t.Errorf("it is not taken again: %v", err)
	}
}

func signMinisign(t *testing.T, key minisign.PrivateKey, message []byte) string {
	t.Helper()
	r := minisign.NewReader(bytes.NewReader(message))
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	return string(r.Sign(key))
}

func TestMinisignOfAnAddress(t *testing.T) {
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := []lock.Evidence{{Kind: "minisign", Verdict: lock.Verified, Key: public.String()}}
	for _, c := range []struct {
		name    string
		serve   func(*vault)
		refused string
	}{
		{"beside it", func(v *vault) { v.files["/1.0.0/tool.tgz.minisig"] = signMinisign(t, private, v.tool) }, ""},
		{"elsewhere", func(v *vault) {
			v.spec.Vouching.Minisign.Signature = v.url + "/signatures/{version}-{arch}"
			v.files["/signatures/1.0.0-amd64"] = signMinisign(t, private, v.tool)
		}, ""},
		{"checksum file", func(v *vault) {
			v.spec.Vouching.Minisign.Sums = v.url + "/{version}/SHA256SUMS"
			v.files["/1.0.0/SHA256SUMS"], v.files["/1.0.0/SHA256SUMS.minisig"] = string(v.sums()), signMinisign(t, private, v.sums())
		}, ""},
		{"absent", func(*vault) {}, "sandwright.yaml names who vouches for it with minisign, and "},
		{"checksum file without signature", func(v *vault) {
			v.spec.Vouching.Minisign.Sums = v.url + "/{version}/SHA256SUMS"
			v.files["/1.0.0/SHA256SUMS"] = string(v.sums())
		}, "serves no such evidence"},
		{"swapped key", func(v *vault) { v.files["/1.0.0/tool.tgz.minisig"] = signMinisign(t, other, v.tool) }, "cannot take its key: expected "},
		{"of other bytes", func(v *vault) { v.files["/1.0.0/tool.tgz.minisig"] = signMinisign(t, private, v.sums()) }, "is of something else or forged"},
		{"of a checksum file that does not name it", func(v *vault) {
			v.spec.Vouching.Minisign.Sums = v.url + "/SHA256SUMS"
			v.files["/SHA256SUMS"], v.files["/SHA256SUMS.minisig"] = "x", signMinisign(t, private, []byte("x"))
		}, "it does not name tool.tgz"},
		{"a flood", func(v *vault) { v.files["/1.0.0/tool.tgz.minisig"] = strings.Repeat("x", maxEvidence+1) }, "it gives more than 4194304 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newVault(t)
			v.spec.Vouching.Policy.Minisign = public.String()
			c.serve(v)
			v.resolve(t, good, c.refused)
		})
	}
}

func TestPGPOfAnAddress(t *testing.T) {
	key, other := evidencetest.NewPGP(t, time.Now().Add(-time.Hour), 0), evidencetest.NewPGP(t, time.Now().Add(-time.Hour), 0)
	keys, err := evidence.ParsePGPKeys("key.asc", key.Public())
	if err != nil {
		t.Fatal(err)
	}
	good := []lock.Evidence{{Kind: "pgp", Verdict: lock.Verified, Key: keys.String()}}
	for _, c := range []struct {
		name    string
		sums    string
		serve   func(*vault)
		refused string
	}{
		{"beside it", "", func(v *vault) { v.files["/1.0.0/tool.tgz.asc"] = string(key.Detached(v.tool)) }, ""},
		{"clear-signed checksum file", "/SHASUMS256.txt.asc", func(v *vault) { v.files["/SHASUMS256.txt.asc"] = string(key.Clear(v.sums())) }, ""},
		{"checksum file", "/SHA256SUMS", func(v *vault) {
			v.files["/SHA256SUMS"], v.files["/SHA256SUMS.asc"] = string(v.sums()), string(key.Detached(v.sums()))
		}, ""},
		{"swapped key", "/SHASUMS256.txt.asc", func(v *vault) { v.files["/SHASUMS256.txt.asc"] = string(other.Clear(v.sums())) },
			"cannot verify it: expected a signature of these bytes with key " + keys.String()},
		{"checksums of other bytes", "/SHASUMS256.txt.asc", func(v *vault) {
			v.files["/SHASUMS256.txt.asc"] = string(key.Clear([]byte(strings.Repeat("0", 64) + "  tool.tgz\n")))
		}, "it says that tool.tgz has " + strings.Repeat("0", 64)},
		{"absent", "/SHASUMS256.txt.asc", func(*vault) {}, "names who vouches for it with pgp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newVault(t)
			v.spec.Vouching.Policy.PGP = keys
			if c.sums != "" {
				v.spec.Vouching.PGP.Sums = v.url + c.sums
			}
			c.serve(v)
			v.resolve(t, good, c.refused)
		})
	}
}

func TestSigstoreOfAnAddress(t *testing.T) {
	store := evidencetest.NewSigstore(t)
	roots, err := evidence.ParseRoots("roots", store.Root())
	if err != nil {
		t.Fatal(err)
	}
	good := []lock.Evidence{{Kind: "sigstore", Verdict: lock.Verified, Identity: "dev@acme.example", Issuer: "https://accounts.example"}}
	for _, c := range []struct {
		name    string
		serve   func(*vault)
		refused string
	}{
		{"beside it", func(v *vault) {
			v.files["/1.0.0/tool.tgz.sigstore.json"] = string(store.Sign("dev@acme.example", "https://accounts.example", v.tool))
		}, ""},
		{"elsewhere", func(v *vault) {
			v.spec.Vouching.Bundle = "{url}.bundle"
			v.files["/1.0.0/tool.tgz.bundle"] = string(store.Sign("dev@acme.example", "https://accounts.example", v.tool))
		}, ""},
		{"a list of checksums", func(v *vault) {
			v.spec.Vouching.Sums, v.spec.Vouching.Policy.Sums = v.url+"/{version}/SUMS", true
			sum := sha256.Sum256(v.tool)
			list := hex.EncodeToString(sum[:]) + "  tool.tgz\n"
			v.files["/1.0.0/SUMS"] = list
			v.files["/1.0.0/SUMS.sigstore.json"] = string(store.Sign("dev@acme.example", "https://accounts.example", []byte(list)))
		}, ""},
		{"a list of other bytes", func(v *vault) {
			v.spec.Vouching.Sums, v.spec.Vouching.Policy.Sums = v.url+"/{version}/SUMS", true
			list := strings.Repeat("ab", 32) + "  tool.tgz\n"
			v.files["/1.0.0/SUMS"] = list
			v.files["/1.0.0/SUMS.sigstore.json"] = string(store.Sign("dev@acme.example", "https://accounts.example", []byte(list)))
		}, "it says that tool.tgz has abab"},
		{"by somebody else", func(v *vault) {
			v.files["/1.0.0/tool.tgz.sigstore.json"] = string(store.Sign("eve@acme.example", "https://accounts.example", v.tool))
		}, "cannot take it from eve@acme.example"},
		{"absent", func(*vault) {}, "names who vouches for it with sigstore"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newVault(t)
			v.spec.Vouching.Policy.Roots = roots
			v.spec.Vouching.Policy.Sigstore = &evidence.Identity{Name: "dev@acme.example", Issuer: "https://accounts.example"}
			c.serve(v)
			v.resolve(t, good, c.refused)
		})
	}
}

func TestAttestationsOfGitHub(t *testing.T) {
	const builder = "https://github.com/me/tool/.github/workflows/release.yml"
	store := evidencetest.NewSigstore(t)
	roots, err := evidence.ParseRoots("roots", store.Root())
	if err != nil {
		t.Fatal(err)
	}
	data := "#!/bin/sh\necho tool\n"
	sum := sha256.Sum256([]byte(data))
	statement := evidencetest.Statement{Predicate: evidencetest.SLSA, Subject: "tool", Digest: map[string]string{"sha256": hex.EncodeToString(sum[:])}}
	verified := lock.Evidence{Kind: "provenance", Verdict: lock.Verified, Identity: builder, Issuer: actions}
	for _, c := range []struct {
		name    string
		bundle  []byte
		want    lock.Evidence
		refused string
	}{
		{"stored elsewhere", store.Attest(builder+"@refs/tags/v1.2.0", actions, statement), verified, ""},
		{"stored elsewhere, forged", evidencetest.NewSigstore(t).Attest(builder, actions, statement), verified, "cannot verify it: "},
		{"its own workflow", store.Attest(builder+"@refs/tags/v1.2.0", actions, statement), verified, ""},
		{"none", nil, absentProvenance, ""},
		{"another repository's workflow", store.Attest(tagged, actions, statement), verified, "cannot take it from " + tagged},
		{"forged", evidencetest.NewSigstore(t).Attest(builder, actions, statement), verified, "cannot verify it: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, authority := newGitHub(t)
			g.release("v1.2.0", 40, map[string]string{"tool": data})
			if c.bundle != nil {
				one := map[string]any{"bundle": json.RawMessage(c.bundle)}
				if strings.HasPrefix(c.name, "stored") { // as GitHub stores it, compressed
					g.files["/blobs/1.json.sn"] = string(snappy.Encode(nil, c.bundle))
					one = map[string]any{"bundle": nil, "bundle_url": g.url + "/blobs/1.json.sn?sig=x"}
				}
				answer, err := json.Marshal(map[string]any{"attestations": []any{one}})
				if err != nil {
					t.Fatal(err)
				}
				g.files["/api/v3/repos/me/tool/attestations/sha256:"+hex.EncodeToString(sum[:])] = string(answer)
			}
			f := g.fetcher(t, authority)
			spec := ToolSpec{GitHub: "me/tool@1.2.0", Asset: "tool", Vouching: Vouching{Policy: evidence.Policy{Tool: "tool", Roots: roots,
				Origin: &evidence.Identity{Name: "https://github.com/me/tool/", Issuer: actions}}}}
			a, err := f.ResolveTool(t.Context(), "tool", spec, amd64)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), g.url) {
					t.Fatalf("got  %v\nwant %s", err, c.refused)
				}
				nothingKept(t, f.store)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := proofless(a.Evidence)[len(a.Evidence)-1]; got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// A signature that is served over a plain connection after a redirect is not
// read.
func TestEvidenceIsNotRedirectedToPlainHTTP(t *testing.T) {
	v := newVault(t)
	public, _, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v.spec.Vouching.Policy.Minisign = public.String()
	v.files["/1.0.0/tool.tgz.minisig"] = "http://127.0.0.1:1/x"
	v.resolve(t, nil, "redirected from https to a plain connection")
}
