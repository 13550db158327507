package config

import (
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

func TestNPMSpec(t *testing.T) {
	tried(t, "npmSpec", npmSpec,
		[]string{
			"pnpm@10.28.0", "@a/b@1.2.3", "node-linux-{arch}@22.23.3", "@openai/codex@0.98.0-linux-{arch}",
			"a@1.0.0-rc.1", "a@1.0.0+build.5", "lodash.merge@4.6.2",
			"pnpm@10", "pnpm@10.28", "pnpm@latest", "pnpm@next-11", "pnpm@^1.0.0", "pnpm@~1.0.0", "pnpm@1.x", "pnpm@>=1.0.0 <2", "pnpm@v1.0.0", "pnpm@*", "pnpm@1 || 2",
		},
		[]string{
			"", "@", "pnpm", "pnpm@", "@a/b", "PNPM@1.0.0", "a b@1.0.0", "../a@1.0.0", "@a@1.0.0", "a/b@1.0.0", "npm:a@1.0.0@", "file:x@1.0.0",
			"a@1.0.0\n", "https://example.org/a@1.0.0", "a@1.0.0 ", "{os}@1.0.0", "a@^", "a@1.2.3.4", "a@Latest", "a@../x",
		})
}

func TestGitHubSpec(t *testing.T) {
	tried(t, "githubSpec", githubSpec,
		[]string{"cli/cli@2.83.0", "cli/cli@^2", "BurntSushi/ripgrep@latest", "a/b.c@1.x"},
		[]string{"", "cli", "cli/cli", "cli/cli@", "https://github.com/cli/cli@1.0.0", "a/b/c@1.0.0", "../x@1.0.0", "a/b@1.0.0 ", "-a/b@1.0.0"})
}

func TestAssetName(t *testing.T) {
	tried(t, "assetName", assetName,
		[]string{"gh_{version}_{os}_{arch}.tar.gz", "tool", "a+b~c.zip"},
		[]string{"", "a/b", "{name}.zip", "a{version", "a b", "a\nb"})
}

func TestToolURL(t *testing.T) {
	tried(t, "toolURL", toolURL,
		[]string{"https://example.org/{version}/a-{os}-{arch}.tar.gz", "http://127.0.0.1:8080/x"},
		[]string{"", "example.org/x", "ftp://example.org/x", "https://user:pw@example.org/x", "https://example.org/{name}", "https://example.org/x?token=1", "https://example.org/x#y", "file:///etc/passwd"})
}

func TestImageReference(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("a", 64)
	tried(t, "imageReference", imageReference,
		[]string{"debian:bookworm-slim", "debian" + digest, "debian:12" + digest, "example.com:5000/a/b_c:1", "localhost/x:1", "ghcr.io/a/b-c.d:v1.0"},
		[]string{"", "debian", "example.com:5000/debian", "Debian:12", "debian:", "debian@sha256:abc", "../x:1", "a//b:1", "https://example.com/x:1", "a:1 "})
}

func TestDebSpec(t *testing.T) {
	tried(t, "debSpec", debSpec,
		[]string{"ripgrep", "libstdc++6", "ripgrep=13.0.0-4+b2", "git=1:2.39.5-0+deb12u3", "ripgrep/bookworm-backports"},
		[]string{"", "a", "Ripgrep", "ripgrep=", "ripgrep/", "-y", "ripgrep ", "../x.deb", "./x.deb", "ripgrep=1;2"})
}

func TestAge(t *testing.T) {
	day := spec.Duration(24 * time.Hour)
	reads(t, age(), map[string]any{
		"7d": 7 * day, "0d": spec.Duration(0), "36h": day + day/2, "3650d": 3650 * day,
		"": nil, "7": nil, "-1d": nil, "3651d": nil, "1.5d": nil, "week": nil, "d": nil, "99999999999999999999d": nil,
	})
	if got, err := ParseAge("2d"); err != nil || got != 48*time.Hour {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := ParseAge("soon"); err == nil || !strings.Contains(err.Error(), `cannot use age "soon"`) {
		t.Errorf("got %v", err)
	}
}
