package fetch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/lock"
)

// TestADebianTool takes a real package from the archive that this machine's
// apt is configured for.
func TestADebianTool(t *testing.T) {
	needApt(t)
	f := newFetcher(t, npmFrom(nil))
	spec := ToolSpec{Deb: "hello", Suite: "bookworm", Files: []string{"usr/bin/*"}}
	a, err := f.ResolveTool(t.Context(), "hello", spec, hostPlatform())
	if err != nil {
		t.Fatal(err)
	}
	if a.Package != "hello" || a.Packed != lock.PackedDeb || a.Bin["hello"] != "usr/bin/hello" || a.Files != 1 || a.Size < 10_000 || len(a.SHA512) != 128 || len(a.URLs) != 0 {
		t.Errorf("got %+v", a)
	}
	if len(a.Evidence) != 1 || a.Evidence[0] != (lock.Evidence{Kind: "apt", Verdict: lock.Listed, Identity: "Debian bookworm"}) {
		t.Errorf("evidence is %+v", a.Evidence)
	}
	tool := lock.Tool{Source: "deb:hello", Platforms: map[string]lock.Artifact{hostPlatform(): a}}
	fresh := newFetcher(t, npmFrom(nil)).With(Settings{Tools: map[string]ToolSpec{"hello": spec}})
	ref, err := fresh.ToolLayer(t.Context(), "hello", tool, hostPlatform())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := layerOf(t, fresh.store, ref)["opt/sandwright/tools/hello/usr/bin/hello"]; !ok {
		t.Error("the program is not in its layer")
	}
	tampered := a
	tampered.SHA512 = strings.Repeat("0", 128)
	tool.Platforms[hostPlatform()] = tampered
	must(t, os.RemoveAll(filepath.Join(fresh.store.dir, "refs")))
	must(t, os.MkdirAll(filepath.Join(fresh.store.dir, "refs"), 0o755))
	if _, err = fresh.ToolLayer(t.Context(), "hello", tool, hostPlatform()); err == nil || !strings.Contains(err.Error(), "has sha512 ") {
		t.Errorf("got %v", err)
	}
	spec.Deb = "no-such-package-anywhere"
	if _, err = f.ChooseVersion(t.Context(), "t", spec, []string{hostPlatform()}); err == nil || !strings.Contains(err.Error(), "cannot find Debian package no-such-package-anywhere, which tool t asks for: ") {
		t.Errorf("got %v", err)
	}
}

func TestDebianPackageWithoutASuite(t *testing.T) {
	for text, want := range map[string][3]string{
		"ripgrep": {"ripgrep", "", "bookworm"}, "git=1:2-3": {"git", "1:2-3", "bookworm"}, "rg/trixie": {"rg", "", "trixie"},
	} {
		name, version, suite, err := debSource{sourced{spec: ToolSpec{Deb: text, Suite: "bookworm"}}}.split()
		if got := [3]string{name, version, suite}; err != nil || got != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	_, err := newFetcher(t, npmFrom(nil)).ChooseVersion(t.Context(), "rg", ToolSpec{Deb: "ripgrep"}, []string{amd64})
	if err == nil || !strings.Contains(err.Error(), "cannot lock tool rg: its deb names no suite") {
		t.Errorf("got %v", err)
	}
}
