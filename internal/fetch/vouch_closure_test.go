package fetch

import (
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
	"github.com/sandwright/sandwright/internal/fault"
)

// signAll serves a signature with every package that is published.
func (r *registry) signAll(key *evidencetest.ECDSA) {
	for name, versions := range r.packages {
		for version, says := range versions {
			dist := says.(map[string]any)["dist"].(map[string]any)
			dist["signatures"] = key.SignNPM(name+"@"+version, r.tarballs[strings.TrimPrefix(dist["tarball"].(string), r.URL)])
		}
	}
}

func TestClosureIsSignedWhereASignatureIsRequired(t *testing.T) {
	n := newNotary(t)
	publishClosure(t, n.registry)
	n.registry.signAll(n.key)
	spec := ToolSpec{NPM: "app@1.0.0", Closure: true, Vouching: n.spec.Vouching}
	spec.Vouching.Policy.Require, spec.Vouching.Policy.Tool = evidence.Signed, "app"
	if _, err := n.fetcher().ResolveTool(t.Context(), "app", spec, amd64); err != nil {
		t.Fatal(err)
	}
	n.registry.signatures("deep", "2.0.0", nil)
	n.registry.signatures("left", "1.1.0", n.key.SignNPM("left@1.1.0", []byte("other bytes")))
	f := n.fetcher()
	_, err := f.ResolveTool(t.Context(), "app", spec, amd64)
	n.refused(t, f, err, "sandwright.yaml:5:3: cannot trust deep@2.0.0: it requires signature, and what ")
	if faults := fault.All(err); len(faults) != 2 || !strings.Contains(err.Error(), "cannot trust left@1.1.0: its npm-signature from ") {
		t.Errorf("got %d faults: %v", len(faults), err)
	}
	spec.Vouching.Policy.Require = ""
	if _, err := n.fetcher().ResolveTool(t.Context(), "app", spec, amd64); err != nil {
		t.Errorf("without require: %v", err)
	}
}

// signatures replaces what is served as dist.signatures of a version.
func (r *registry) signatures(name, version string, signatures any) {
	r.packages[name][version].(map[string]any)["dist"].(map[string]any)["signatures"] = signatures
}
