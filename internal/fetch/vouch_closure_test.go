package fetch

import (
	"slices"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/evidence/evidencetest"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
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

// The signatures on a closure are in the lock, and are verified again before a
// byte of it is downloaded for a build.
func TestClosureIsVouchedForAgain(t *testing.T) {
	n := newNotary(t)
	publishClosure(t, n.registry)
	n.registry.signAll(n.key)
	n.spec = ToolSpec{NPM: "app@1.0.0", Closure: true, Vouching: n.spec.Vouching}
	n.spec.Vouching.Policy.Require, n.spec.Vouching.Policy.Tool = evidence.Signed, "greet"
	host := hostPlatform()
	good, err := n.fetcher().ResolveTool(t.Context(), "greet", n.spec, host)
	if err != nil {
		t.Fatal(err)
	}
	var other string
	for _, d := range good.Closure {
		if d.Proof == "" {
			t.Fatalf("%s has no proof", d.Path)
		}
		if d.Name == "@x/right" {
			other = d.Proof
		}
	}
	of := func(a lock.Artifact) lock.Tool {
		return lock.Tool{Source: "npm:app@1.0.0", Platforms: map[string]lock.Artifact{host: a}}
	}
	if _, err := n.fetcher().ToolLayer(t.Context(), "greet", of(good), host); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		edit func(*lock.Dependency)
		want string
	}{
		{"another package's", func(d *lock.Dependency) { d.Proof = other }, "cannot trust left@1.1.0: its npm-signature from sandwright.lock: cannot verify it: expected a signature of left@1.1.0:"},
		{"none", func(d *lock.Dependency) { d.Proof = "" }, "sandwright.yaml:5:3: cannot trust left@1.1.0: it requires signature, and what sandwright.lock says is integrity only"},
		{"garbage", func(d *lock.Dependency) { d.Proof = "e30=" }, "cannot trust left@1.1.0: the proof that sandwright.lock has of it is none"},
		{"of other bytes", func(d *lock.Dependency) { d.SHA512 = strings.Repeat("0", 128) }, "cannot verify it: expected a signature of left@1.1.0:sha512-AAAA"},
	} {
		a := good
		a.Closure = slices.Clone(good.Closure)
		for i := range a.Closure {
			if a.Closure[i].Name == "left" {
				c.edit(&a.Closure[i])
			}
		}
		asked := len(n.registry.asked("/left-"))
		f := n.fetcher()
		_, err := f.ToolLayer(t.Context(), "greet", of(a), host)
		n.refused(t, f, err, c.want)
		if len(n.registry.asked("/left-")) != asked {
			t.Errorf("%s: it was downloaded", c.name)
		}
		l := &lock.Lock{Tools: map[string]lock.Tool{"greet": of(a)}}
		if err := f.settings.Vouched(l); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the lock alone: %v", c.name, err)
		}
	}
	if err := n.fetcher().settings.Vouched(&lock.Lock{Tools: map[string]lock.Tool{"greet": of(good)}}); err != nil {
		t.Error(err)
	}
}

// The packages of a closure are few enough, and together small enough.
func TestClosureHasALimit(t *testing.T) {
	r := newRegistry(t)
	publishClosure(t, r)
	f := r.fetcher(t)
	f.closureLimit = 500
	_, err := f.ResolveTool(t.Context(), "app", ToolSpec{NPM: "app@1.0.0", Closure: true}, amd64)
	if err == nil || !strings.Contains(err.Error(), "cannot fetch the dependencies of tool app: it is more than 500 bytes in all") {
		t.Errorf("got %v", err)
	}
	nothingKept(t, f.store)
}
