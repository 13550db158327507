package fetch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/lock"
)

func TestWhatTheFileAloneSays(t *testing.T) {
	digest := "busybox@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct {
		spec          ToolSpec
		exact, within string
		want          lock.Expected
	}{
		"npm":         {ToolSpec{NPM: "@a/tool@1.2.3", Bin: []string{"./bin/tool"}}, "1.2.3", "", lock.Expected{Bin: []string{"bin/tool"}}},
		"npm range":   {ToolSpec{NPM: "tool@>=1 <2"}, "", ">=1 <2", lock.Expected{}},
		"npm tag":     {ToolSpec{NPM: "tool@latest"}, "", "", lock.Expected{}},
		"npm closure": {ToolSpec{NPM: "tool@^1.0.0", Closure: true, Bin: []string{"x"}}, "", "^1.0.0", lock.Expected{Package: "tool", Version: "1.2.3"}},
		"github": {ToolSpec{GitHub: "acme/tool@~1.2", Asset: "tool_{version}_{os}_{arch}.tar.gz", Arch: map[string]string{"amd64": "x86_64"}, Files: []string{"bin/*"}}, "", "~1.2",
			lock.Expected{Package: "tool_1.2.3_linux_x86_64.tar.gz", Version: "1.2.3", Keep: []string{"bin/*"}}},
		"github's one": {ToolSpec{GitHub: "acme/tool@1.2.3", Asset: "tool"}, "1.2.3", "", lock.Expected{Package: "tool", Version: "1.2.3"}},
		"url": {ToolSpec{URL: "https://example.com/{version}/tool-{arch}", Version: "2024-01"}, "2024-01", "",
			lock.Expected{Package: "tool-amd64", Version: "1.2.3", URL: "https://example.com/1.2.3/tool-amd64"}},
		"image":           {ToolSpec{OCI: "ghcr.io/acme/tool:1.37", Files: []string{"x"}}, "1.37", "", lock.Expected{Package: "acme/tool", Version: "1.2.3", Keep: []string{"x"}}},
		"image by digest": {ToolSpec{OCI: digest, Files: []string{"x"}}, "0123456789ab", "", lock.Expected{Package: "busybox", Version: "1.2.3", Keep: []string{"x"}}},
		"deb":             {ToolSpec{Deb: "ripgrep"}, "", "", lock.Expected{Package: "ripgrep"}},
		"deb's one":       {ToolSpec{Deb: "ripgrep=13.0.0-4+b2"}, "13.0.0-4+b2", "", lock.Expected{Package: "ripgrep", Version: "13.0.0-4+b2"}},
		"deb of a suite":  {ToolSpec{Deb: "ripgrep/bookworm"}, "", "", lock.Expected{Package: "ripgrep"}},
	} {
		exact, within := c.spec.Asked()
		if exact != c.exact || within != c.within {
			t.Errorf("%s: asks for %q, %q", name, exact, within)
		}
		if diff := cmp.Diff(c.want, c.spec.Expected("1.2.3", amd64)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
