package fetch

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// A githubServer speaks the part of GitHub's release API that is documented
// at https://docs.github.com/rest/releases, over TLS, as a GitHub Enterprise
// server does below /api/v3.
type githubServer struct {
	url      string
	releases []githubRelease
	files    map[string]string // of /download/TAG/NAME
	tokens   map[string]string // path -> Authorization that came
}

func newGitHub(t *testing.T) (*githubServer, string) {
	t.Helper()
	g := &githubServer{files: map[string]string{}, tokens: map[string]string{}}
	server, authority := secure(t, g.ServeHTTP)
	g.url = server.URL
	return g, authority
}

func (g *githubServer) fetcher(t *testing.T, authority string) *Fetcher {
	return trusting(t, authority).With(Settings{GitHubAPI: g.url + "/api/v3", GitHubToken: "TOKEN"})
}

// release publishes files under a tag, that many days before today.
func (g *githubServer) release(tag string, age int, files map[string]string) *githubRelease {
	r := githubRelease{Tag: tag, Published: today().AddDate(0, 0, -age).Format(time.RFC3339)}
	for name, data := range files {
		path := "/download/" + tag + "/" + name
		g.files[path] = data
		r.Assets = append(r.Assets, githubAsset{
			Name: name, Size: int64(len(data)), Digest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(data))), Address: g.url + path,
		})
	}
	g.releases = append([]githubRelease{r}, g.releases...)
	return &g.releases[0]
}

func (g *githubServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.tokens[r.URL.Path] = r.Header.Get("Authorization")
	what, isAPI := strings.CutPrefix(r.URL.Path, "/api/v3/repos/me/tool/releases")
	if !isAPI {
		data, ok := g.files[r.URL.Path]
		switch stored, redirected := strings.CutPrefix(r.URL.Path, "/download/"); {
		case ok && redirected:
			g.files["/storage/"+stored] = data
			http.Redirect(w, r, "/storage/"+stored+"?signed=1", http.StatusFound)
		case ok:
			_, _ = w.Write([]byte(data))
		default:
			http.NotFound(w, r)
		}
		return
	}
	tag, tagged := strings.CutPrefix(what, "/tags/")
	switch {
	case what == "":
		g.page(w, r)
		return
	case what == "/latest":
		for _, release := range g.releases {
			if !release.Prerelease && !release.Draft {
				_ = json.NewEncoder(w).Encode(release)
				return
			}
		}
	case tagged:
		for _, release := range g.releases {
			if release.Tag == tag {
				_ = json.NewEncoder(w).Encode(release)
				return
			}
		}
	}
	http.NotFound(w, r)
}

func (g *githubServer) page(w http.ResponseWriter, r *http.Request) {
	size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	from := min((page-1)*size, len(g.releases))
	_ = json.NewEncoder(w).Encode(g.releases[from:min(from+size, len(g.releases))])
}

func TestGitHubAsset(t *testing.T) {
	g, authority := newGitHub(t)
	archive := string(tarball(t, file{name: "tool_1.2.0_linux_amd64/bin/tool", data: "ELF", mode: 0o755}))
	const name = "tool_1.2.0_linux_amd64.tar.gz"
	g.release("v1.2.0", 30, map[string]string{
		name:                       archive,
		"tool_1.2.0_checksums.txt": fmt.Sprintf("%064d  other\n%x *%s\n", 0, sha256.Sum256([]byte(archive)), name),
	})
	spec := ToolSpec{GitHub: "me/tool@^1.0.0", Asset: "tool_{version}_{os}_{arch}.tar.gz"}
	f := g.fetcher(t, authority)
	a, err := f.ResolveTool(t.Context(), "tool", spec, amd64)
	if err != nil {
		t.Fatal(err)
	}
	want := lock.Artifact{
		Package: name, Version: "1.2.0", Released: "2026-10-26T12:00:00Z", Packed: lock.PackedTarGz, Root: "tool_1.2.0_linux_amd64",
		URLs: []string{g.url + "/download/v1.2.0/" + name, g.url + "/storage/v1.2.0/" + name},
		Size: int64(len(archive)), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(archive))), SHA512: a.SHA512, Files: 1, Unpacked: 3, Tree: a.Tree,
		Bin: map[string]string{"tool": "bin/tool"},
		Evidence: []lock.Evidence{
			{Kind: "github-digest", Verdict: lock.Listed},
			{Kind: "sha256sums", Verdict: lock.Listed, Identity: "tool_1.2.0_checksums.txt"},
		},
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for path, token := range g.tokens {
		if wanted := strings.HasPrefix(path, "/api/"); wanted != (token == "Bearer TOKEN") {
			t.Errorf("%s was asked with %q", path, token)
		}
	}
	tool := lock.Tool{Source: "github:me/tool@^1.0.0", Platforms: map[string]lock.Artifact{amd64: a}}
	if _, err := trusting(t, authority).ToolLayer(t.Context(), "tool", tool, amd64); err != nil {
		t.Errorf("from the lock alone: %v", err)
	}
}

func TestGitHubVersions(t *testing.T) {
	g, authority := newGitHub(t)
	for i := range 130 { // more than a page
		g.release(fmt.Sprintf("v0.%d.0", i), 400-i, nil)
	}
	g.release("v1.0.0", 20, nil)
	g.release("1.1.0", 10, nil)
	g.release("tool/v1.2.0", 9, nil)
	g.release("v2.0.0-rc.1", 8, nil).Prerelease = true
	g.release("v2.0.0", 7, nil).Draft = true
	g.release("nightly", 0, nil).Prerelease = true
	g.release("v1.3.0", 1, nil)
	for constraint, want := range map[string]string{
		"latest": "1.3.0", "^1.0.0": "1.3.0", "~1.0": "1.0.0", "1.1.x": "1.1.0", "1.2.x": "1.2.0", "0.3.x": "0.3.0", "7.0.0": "7.0.0",
		"^2.0.0": "cannot find a version for tool t: none fits me/tool@^2.0.0",
	} {
		got, err := g.fetcher(t, authority).ChooseVersion(t.Context(), "t", ToolSpec{GitHub: "me/tool@" + constraint}, []string{amd64})
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", constraint, got, want)
		}
	}
	got, err := g.fetcher(t, authority).ChooseVersion(t.Context(), "t", ToolSpec{GitHub: "me/tool@latest", MinimumAge: 48 * time.Hour}, []string{amd64})
	if err != nil || got != "1.2.0" {
		t.Errorf("two days old: %s, %v", got, err)
	}
}

func TestGitHubRefuses(t *testing.T) {
	const name = "tool-linux-amd64"
	for _, c := range []struct {
		what string
		edit func(*githubServer, *githubRelease)
		spec ToolSpec
		want string
	}{
		{"another digest", func(_ *githubServer, r *githubRelease) { r.Assets[0].Digest = "sha256:" + strings.Repeat("0", 64) }, ToolSpec{},
			"cannot use tool-linux-amd64@1.0.0: it has sha256 "},
		{"a digest that is none", func(_ *githubServer, r *githubRelease) { r.Assets[0].Digest = "md5:x" }, ToolSpec{}, `GitHub gives "md5:x" as its digest`},
		{"another size", func(_ *githubServer, r *githubRelease) { r.Assets[0].Size++ }, ToolSpec{}, "it has size 3, and GitHub promises 4"},
		{"a list of sums that disagrees", func(g *githubServer, r *githubRelease) {
			g.files["/sums"] = strings.Repeat("a", 64) + "  " + name
			r.Assets = append(r.Assets, githubAsset{Name: "SHA256SUMS", Address: g.url + "/sums"})
		}, ToolSpec{}, "GitHub says it has sha256 "},
		{"a tampered file", func(g *githubServer, _ *githubRelease) { g.files["/download/v1.0.0/"+name] = "#!y" }, ToolSpec{}, "and GitHub promises "},
		{"no such asset", func(*githubServer, *githubRelease) {}, ToolSpec{Asset: "tool.zip"}, "cannot find tool.zip in release v1.0.0 of me/tool, which tool t asks for"},
		{"no such release", func(*githubServer, *githubRelease) {}, ToolSpec{GitHub: "me/tool@9.0.0"}, "GitHub knows neither v9.0.0 nor 9.0.0"},
		{"no such repository", func(*githubServer, *githubRelease) {}, ToolSpec{GitHub: "me/other@latest"}, "cannot find repository me/other, which tool t asks for"},
		{"too young", func(*githubServer, *githubRelease) {}, ToolSpec{MinimumAge: 365 * 24 * time.Hour}, "me/tool@1.0.0 was released on 2026-11-05, 20 days ago"},
	} {
		g, authority := newGitHub(t)
		c.edit(g, g.release("v1.0.0", 20, map[string]string{name: "#!x"}))
		c.spec.GitHub, c.spec.Asset = first(c.spec.GitHub, "me/tool@1.0.0"), first(c.spec.Asset, "tool-{os}-{arch}")
		f := g.fetcher(t, authority)
		_, err := f.ResolveTool(t.Context(), "t", c.spec, amd64)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.what, err, c.want)
		}
		nothingKept(t, f.store)
	}
}

func first(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func TestGitHubWithoutDigests(t *testing.T) {
	g, authority := newGitHub(t)
	r := g.release("v1.0.0", 20, map[string]string{"t": "#!x"})
	r.Assets[0].Digest = ""
	spec := ToolSpec{GitHub: "me/tool@1.0.0", Asset: "t"}
	a, err := g.fetcher(t, authority).ResolveTool(t.Context(), "t", spec, amd64)
	want := []lock.Evidence{{Kind: "github-digest", Verdict: lock.Absent}, {Kind: "sha256sums", Verdict: lock.Absent}}
	if diff := cmp.Diff(want, a.Evidence); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	// The project's own list is what promises then.
	g.files["/t.sha256"] = strings.Repeat("A", 64) + "\n"
	r.Assets = append(r.Assets, githubAsset{Name: "t.sha256", Address: g.url + "/t.sha256"})
	_, err = g.fetcher(t, authority).ResolveTool(t.Context(), "t", spec, amd64)
	if err == nil || !strings.Contains(err.Error(), "and t.sha256 of the release promises "+strings.Repeat("a", 64)) {
		t.Errorf("got %v", err)
	}
}

func TestGitHubThatDoesNotAnswer(t *testing.T) {
	f := newFetcher(t, npmFrom(nil)).With(Settings{GitHubAPI: "https://127.0.0.1:1/api/v3"})
	_, err := f.ChooseVersion(t.Context(), "t", ToolSpec{GitHub: "me/tool@latest"}, []string{amd64})
	if err == nil || !strings.Contains(err.Error(), "connection refused") || !strings.Contains(fault.All(err)[0].Hint, "GITHUB_API_URL") {
		t.Errorf("got %v", err)
	}
}

func TestSumIn(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	for text, want := range map[string]bool{
		sum + "  tool\n": true, sum + " *tool\n": true, strings.ToUpper(sum) + "  ./tool\r\n": true, "x\n\n" + sum + "\ttool": true,
		"SHA256 (tool) = " + sum: true, sum: false, sum + "  other": false, sum + "0  tool": false, sum + "  tool.sig": false, "": false,
	} {
		if got, ok := sumIn(text, "tool", false); ok != want || ok && got != sum {
			t.Errorf("%q: %v", text, ok)
		}
	}
	if _, ok := sumIn(sum+"\n", "tool", true); !ok {
		t.Error("a file's own list needs its name")
	}
}
