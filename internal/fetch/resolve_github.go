package fetch

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/semver"
)

// githubSource takes a tool from the files of a GitHub release.
type githubSource struct{ sourced }

// githubAPI is where GitHub's own API stands. GITHUB_API_URL names another,
// such as that of a GitHub Enterprise server.
const githubAPI = "https://api.github.com"

// A githubRelease is what the API says of a release:
// https://docs.github.com/rest/releases/releases.
type githubRelease struct {
	Tag        string        `json:"tag_name"`
	Draft      bool          `json:"draft"`
	Prerelease bool          `json:"prerelease"`
	Published  string        `json:"published_at"`
	Assets     []githubAsset `json:"assets"`
}

// A githubAsset is one file of a release.
type githubAsset struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`
	Digest  string `json:"digest"` // sha256:…; older assets have none
	Address string `json:"browser_download_url"`
}

// version is a release's tag without the v, or a NAME- before it.
func (r githubRelease) version() string {
	tag := r.Tag
	if i := strings.LastIndexAny(tag, "/"); i >= 0 {
		tag = tag[i+1:]
	}
	if rest, ok := strings.CutPrefix(tag, "v"); ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		return rest
	}
	return tag
}

// maxPages bounds how many releases are looked at, 100 a page.
const maxPages = 10

func (g githubSource) choose(ctx context.Context, _ []string) (string, error) {
	repository, constraint, _ := strings.Cut(g.spec.GitHub, "@")
	if c, err := semver.ParseConstraint(constraint); err == nil && c.Exact() {
		return constraint, nil
	}
	var latest githubRelease
	if err := g.ask(ctx, repository, "releases/latest", &latest); err != nil && !missing(err) {
		return "", g.fault(repository, err)
	}
	var list []candidate
	for page := 1; page <= maxPages; page++ {
		var releases []githubRelease
		if err := g.ask(ctx, repository, fmt.Sprintf("releases?per_page=100&page=%d", page), &releases); err != nil {
			return "", g.fault(repository, err)
		}
		for _, r := range releases {
			parsed, err := semver.Parse(r.version())
			if err == nil && !r.Draft && !r.Prerelease {
				list = append(list, candidate{version: r.version(), parsed: parsed, released: r.Published, first: r.Tag == latest.Tag})
			}
		}
		if len(releases) < 100 {
			break
		}
	}
	if constraint != "latest" {
		var err error
		if list, err = fitting(g.spec.GitHub, constraint, list); err != nil {
			return "", err
		}
	}
	return g.newest(g.spec.GitHub, list, func(string) error { return nil })
}

// find gives the asset of a release, with what the API and the project's own
// list of checksums promise.
func (g githubSource) find(ctx context.Context, version, platform string) (found, error) {
	repository, _, _ := strings.Cut(g.spec.GitHub, "@")
	r, err := g.release(ctx, repository, version)
	if err != nil {
		return found{}, err
	}
	name := g.templated(g.spec.Asset, version, platform)
	asset, ok := r.asset(name)
	if !ok {
		return found{}, noRelease("find %s in release %s of %s, which tool %s asks for", name, r.Tag, repository, g.tool).
			WithHint("correct asset: of the tool; the release has %s", r.names())
	}
	out := found{
		Artifact: lock.Artifact{Package: plainFile(asset.Name), Version: version, Released: utc(r.Published), Size: asset.Size, URLs: []string{asset.Address}},
		promiser: "GitHub", programs: map[string]string{g.tool: g.tool},
	}
	if err := g.oldEnough(repository+"@"+version, r.Published); err != nil {
		return out, err
	}
	if err := out.vouchedByGitHub(asset); err != nil {
		return out, err
	}
	if err := g.vouchedByProject(ctx, r, asset, &out); err != nil {
		return out, err
	}
	released := out.Released
	err = urlSource(g).probe(ctx, &out)
	out.Released = released
	return out, err
}

var githubDigest = regexp.MustCompile(`^sha256:([0-9a-f]{64})$`)

func (f *found) vouchedByGitHub(asset githubAsset) error {
	e := lock.Evidence{Kind: "github-digest", Verdict: lock.Absent}
	if asset.Digest != "" {
		m := githubDigest.FindStringSubmatch(asset.Digest)
		if m == nil {
			return fault.Cannot("use %s: GitHub gives %q as its digest", f, asset.Digest)
		}
		f.SHA256, e.Verdict = m[1], lock.Listed
	}
	f.Evidence = append(f.Evidence, e)
	return nil
}

var checksumFile = regexp.MustCompile(`(?i)^(.*[._-])?(sha256sums?|checksums?)([._-]?(sha256|txt))*$`)

// vouchedByProject looks for the asset in the project's own list of sha256
// sums.
func (g githubSource) vouchedByProject(ctx context.Context, r githubRelease, asset githubAsset, out *found) error {
	e := lock.Evidence{Kind: "sha256sums", Verdict: lock.Absent}
	for _, file := range r.Assets {
		own := strings.EqualFold(file.Name, asset.Name+".sha256") || strings.EqualFold(file.Name, asset.Name+".sha256sum")
		if !own && !checksumFile.MatchString(file.Name) {
			continue
		}
		text, err := g.text(ctx, file)
		if err != nil {
			return err
		}
		sum, ok := sumIn(text, asset.Name, own)
		if !ok {
			continue
		}
		if out.SHA256 != "" && sum != out.SHA256 {
			return fault.Cannot("use %s: GitHub says it has sha256 %s, and %s of the release says %s (%s)", out, out.SHA256, file.Name, sum, file.Address)
		}
		if out.SHA256 == "" {
			out.SHA256, out.promiser = sum, file.Name+" of the release"
		}
		e.Verdict, e.Identity = lock.Listed, file.Name
		break
	}
	out.Evidence = append(out.Evidence, e)
	return nil
}

var (
	sumLine    = regexp.MustCompile(`^([0-9A-Fa-f]{64})(?:\s+[ *]?(?:\./)?(.+?))?\s*$`)
	bsdSumLine = regexp.MustCompile(`^SHA256 \((.+)\) = ([0-9A-Fa-f]{64})\s*$`)
)

// sumIn finds the sha256 of a file in what sha256sum or shasum --tag wrote.
// A list that is the file's own may leave its name out.
func sumIn(text, file string, own bool) (string, bool) {
	for _, line := range lines(text) {
		if m := bsdSumLine.FindStringSubmatch(line); m != nil && m[1] == file {
			return strings.ToLower(m[2]), true
		}
		if m := sumLine.FindStringSubmatch(line); m != nil && (m[2] == file || own && m[2] == "") {
			return strings.ToLower(m[1]), true
		}
	}
	return "", false
}

func (r githubRelease) asset(name string) (githubAsset, bool) {
	for _, a := range r.Assets {
		if a.Name == name {
			return a, true
		}
	}
	return githubAsset{}, false
}

// names lists a few files of the release.
func (r githubRelease) names() string {
	have := map[string]bool{}
	for _, a := range r.Assets {
		have[a.Name] = true
	}
	return some(have)
}

// release asks for one version, whose tag may begin with v.
func (g githubSource) release(ctx context.Context, repository, version string) (r githubRelease, err error) {
	for _, tag := range []string{"v" + version, version} {
		if err = g.ask(ctx, repository, "releases/tags/"+url.PathEscape(tag), &r); !missing(err) {
			break
		}
	}
	if missing(err) {
		return r, noRelease("find release %s of %s, which tool %s asks for: GitHub knows neither v%s nor %s", version, repository, g.tool, version, version).
			WithHint("look at the project's releases; of a private one, set GITHUB_TOKEN")
	}
	if err != nil {
		return r, g.fault(repository, err)
	}
	return r, nil
}

func (g githubSource) fault(repository string, err error) error {
	if missing(err) {
		return noRelease("find repository %s, which tool %s asks for", repository, g.tool).WithHint("check its name; of a private one, set GITHUB_TOKEN")
	}
	u, _ := g.address(repository, "")
	return unreachable("the releases of "+repository, u, err, "check the network, its proxy, GITHUB_API_URL and GITHUB_TOKEN")
}

func (g githubSource) address(repository, what string) (*url.URL, error) {
	text := strings.TrimSuffix(cmp.Or(g.settings.GitHubAPI, githubAPI), "/") + "/repos/" + repository + "/" + what
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fault.Cannot("use GITHUB_API_URL: it is no http or https address").WithCode(fault.ExitUsage)
	}
	return u, nil
}

// ask asks the API once a repository and what. The token goes to no other
// host.
func (g githubSource) ask(ctx context.Context, repository, what string, into any) error {
	u, err := g.address(repository, what)
	if err != nil {
		return err
	}
	header := http.Header{"Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}}
	if g.settings.GitHubToken != "" {
		header.Set("Authorization", "Bearer "+g.settings.GitHubToken)
	}
	ctx, stop := context.WithTimeout(ctx, 3*time.Minute)
	defer stop()
	return g.retried(ctx, func() error { return g.decode(ctx, u, header, into) })
}

// decode asks for JSON.
func (f *Fetcher) decode(ctx context.Context, u *url.URL, header http.Header, into any) error {
	ctx, watch, stop := watched(ctx)
	defer stop()
	resp, err := f.get(ctx, u, header)
	if err != nil {
		return stalled(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(watch(resp.Body), maxPackument)).Decode(into); err != nil {
		return stalled(ctx, fmt.Errorf("the answer is not the JSON that was asked for: %w", err))
	}
	return nil
}

// maxChecksums bounds a list of checksums.
const maxChecksums = 1 << 20

// text downloads a small file of a release.
func (g githubSource) text(ctx context.Context, file githubAsset) (string, error) {
	u, err := url.Parse(file.Address)
	if err != nil || u.Host == "" {
		return "", fault.Cannot("use tool %s: GitHub gives %q as the address of %s", g.tool, file.Address, file.Name)
	}
	var text []byte
	err = g.retried(ctx, func() error {
		ctx, watch, stop := watched(ctx)
		defer stop()
		resp, err := g.Fetcher.get(ctx, u, nil)
		if err != nil {
			return stalled(ctx, err)
		}
		defer func() { _ = resp.Body.Close() }()
		text, err = io.ReadAll(bufio.NewReader(io.LimitReader(watch(resp.Body), maxChecksums)))
		return stalled(ctx, err)
	})
	if err != nil {
		return "", unreachable(file.Name, u, err, urlHint)
	}
	return string(text), nil
}

func (g githubSource) get(ctx context.Context, a lock.Artifact, p parcel) (string, sums, error) {
	return g.fromAddress(ctx, a, p)
}
