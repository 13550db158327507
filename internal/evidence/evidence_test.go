package evidence_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/fault"
)

// from is where the tests' evidence comes from.
const from = "http://registry.example/tool"

// artifact is the bytes that the tests sign.
func artifact() []byte { return []byte("#!/bin/sh\necho a tool of 1.2.3\n") }

// subject is artifact, as it was fetched.
func subject(t *testing.T) evidence.Subject {
	t.Helper()
	path := filepath.Join(t.TempDir(), "artifact")
	if err := os.WriteFile(path, artifact(), 0o600); err != nil {
		t.Fatal(err)
	}
	s := subjectOf(artifact())
	s.Path = path
	return s
}

func subjectOf(data []byte) evidence.Subject {
	s256, s512 := sha256.Sum256(data), sha512.Sum512(data)
	return evidence.Subject{What: "tool@1.2.3", NPM: "tool@1.2.3", File: "tool.tgz", From: from,
		SHA256: hex.EncodeToString(s256[:]), SHA512: hex.EncodeToString(s512[:])}
}

func jsonOf(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// policy is one that trusts nobody yet.
func policy() evidence.Policy {
	return evidence.Policy{At: fault.Position{File: "sandwright.yaml", Line: 7, Column: 3}, Tool: "tool", Now: time.Now()}
}

// A judged is a case of a table: evidence, and what must come of it.
type judged struct {
	name   string
	edit   func(*evidence.Policy, *evidence.Subject)
	pieces []evidence.Piece
	level  evidence.Level
	notice string // in the notices
	fault  string // in the fault; empty: none
}

func (c judged) run(t *testing.T, p evidence.Policy, s evidence.Subject) {
	t.Run(c.name, func(t *testing.T) {
		if c.edit != nil {
			c.edit(&p, &s)
		}
		v, err := p.Judge(s, c.pieces)
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Fatalf("got  %v\nwant %s", err, c.fault)
			}
			for _, f := range fault.All(err) {
				if f.Hint == "" || !strings.Contains(f.Error(), from) || !strings.Contains(f.Error(), "tool@1.2.3") {
					t.Errorf("the fault does not say what, from where or what next: %v (%s)", f, f.Hint)
				}
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if v.Level() != c.level {
			t.Errorf("level is %s, want %s", v.Level(), c.level)
		}
		if notices := strings.Join(v.Notices, "\n"); !strings.Contains(notices, c.notice) || (c.notice == "" && notices != "") {
			t.Errorf("notices are %q, want %q", notices, c.notice)
		}
		for _, r := range v.Records {
			if err := p.Recheck(s, v.Records); err != nil {
				t.Errorf("%s does not verify again: %v", r, err)
			}
			other := subjectOf([]byte("other bytes"))
			other.Path = filepath.Join(t.TempDir(), "other")
			if err := os.WriteFile(other.Path, []byte("other bytes"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := p.Recheck(other, v.Records); err == nil {
				t.Errorf("%s verifies other bytes too", r)
			}
		}
	})
}

func TestNoEvidenceIsIntegrityOnly(t *testing.T) {
	v, err := policy().Judge(subject(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"tool@1.2.3: integrity only: nobody's signature on it was verified"}
	if diff := cmp.Diff(want, v.Notices); diff != "" || v.Level() != evidence.IntegrityOnly {
		t.Errorf("level %s, notices (-want +got):\n%s", v.Level(), diff)
	}
}

func TestRequireIsAMinimum(t *testing.T) {
	for require, want := range map[evidence.Level]string{
		"":                     "",
		evidence.IntegrityOnly: "",
		evidence.Signed:        "sandwright.yaml:7:3: cannot trust tool@1.2.3: it requires signature, and what " + from + " serves is integrity only",
		evidence.Attested:      "sandwright.yaml:7:3: cannot trust tool@1.2.3: it requires provenance, and what " + from + " serves is integrity only",
	} {
		p := policy()
		p.Require = require
		if _, err := p.Judge(subject(t), nil); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("require %q: got %v, want %q", require, err, want)
		}
	}
}

func TestWhatThePinNamesMayNotGoMissing(t *testing.T) {
	pinned := evidence.Record{Kind: evidence.NPMSignature, Signer: "SHA256:abc"}
	for require, want := range map[evidence.Level]string{
		"": "sandwright.yaml:7:3: cannot trust tool@1.2.3: sandwright.lock pins npm-signature by key SHA256:abc, and what " + from + " serves is integrity only",
		evidence.Signed: "sandwright.yaml:7:3: cannot trust tool@1.2.3: it requires signature, and what " + from + " serves is integrity only\n" +
			"sandwright.yaml:7:3: cannot trust tool@1.2.3: sandwright.lock pins npm-signature by key SHA256:abc, and what " + from + " serves is integrity only",
		evidence.IntegrityOnly: "", // the file says that it may be weaker
	} {
		p := policy()
		p.Require, p.Pinned = require, []evidence.Record{pinned}
		_, err := p.Judge(subject(t), nil)
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("require %q: got\n%v\nwant\n%s", require, err, want)
		}
		if err != nil && require == "" && fault.All(err)[0].Hint != "see why; if it may be weaker from now on, say so in sandwright.yaml: tools.tool.require: integrity" {
			t.Errorf("hint is %q", fault.All(err)[0].Hint)
		}
	}
}

func TestHostilePieces(t *testing.T) {
	for _, kind := range []evidence.Kind{evidence.NPMSignature, evidence.Minisign, evidence.PGP, evidence.Sigstore, evidence.Provenance, evidence.Cosign, "vibes"} {
		for name, data := range map[string][]byte{"empty": nil, "garbage": []byte("\x00\xff{"), "null": []byte("null"), "list": []byte("[[]]"),
			"deep": []byte(strings.Repeat("[", 1<<16)), "huge": make([]byte, 5<<20)} {
			v, err := policy().Judge(subject(t), []evidence.Piece{{Kind: kind, Data: data, From: from}})
			if err == nil && len(v.Records) > 0 {
				t.Errorf("%s, %s: it is taken for %v", kind, name, v.Records)
			}
		}
	}
}
