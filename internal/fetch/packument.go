package fetch

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/semver"
)

// A packument is what a registry says of one package.
type packument struct {
	Versions map[string]release `json:"versions"`
	Tags     map[string]string  `json:"dist-tags"`
	Times    map[string]any     `json:"time"` // of versions, mostly
}

// A release is one version of a package.
type release struct {
	Name     string            `json:"name"`
	Version  string            `json:"version"`
	Bin      binField          `json:"bin"`
	OS       words             `json:"os"`
	CPU      words             `json:"cpu"`
	Libc     words             `json:"libc"`
	Optional map[string]string `json:"optionalDependencies"`
	Scripts  map[string]any    `json:"scripts"`
	Retired  any               `json:"deprecated"` // a reason, or false
	released string            // RFC 3339; empty where the registry does not say
	Dist     struct {
		Tarball   string `json:"tarball"`
		Integrity string `json:"integrity"`
		// Signatures are what evidence.SignedNPM describes.
		Signatures   json.RawMessage `json:"signatures"`
		Attestations struct {
			URL string `json:"url"`
		} `json:"attestations"`
	} `json:"dist"`
}

// String is the release as people ask for it: NAME@VERSION.
func (r release) String() string { return r.Name + "@" + r.Version }

// words is a string or a list of them.
type words []string

// UnmarshalJSON takes either form, and anything else as no words.
func (w *words) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*w = words{one}
		return nil
	}
	var many []string
	_ = json.Unmarshal(data, &many)
	*w = many
	return nil
}

// allows follows npm's rule for os, cpu and libc: an empty list allows all,
// "!x" forbids x, and any other word must be among those named.
func (w words) allows(word string) bool {
	if slices.Contains(w, "!"+word) {
		return false
	}
	named := slices.DeleteFunc(slices.Clone(w), func(s string) bool { return strings.HasPrefix(s, "!") })
	return len(named) == 0 || slices.Contains(named, word) || slices.Contains(named, "any")
}

// maxPackument bounds what a registry may say of one package.
const maxPackument = 64 << 20

// packageURL is where a registry tells of a package.
func (n *NPM) packageURL(name string) (*url.URL, error) {
	u, err := n.registry(name)
	if err != nil {
		return nil, err
	}
	u.RawPath = u.EscapedPath() + strings.Replace(url.PathEscape(name), "%40", "@", 1)
	u.Path += name
	return u, nil
}

// packumentOf asks the registry for a package, once a Fetcher. Who is named in
// the fault when there is none.
func (f *Fetcher) packumentOf(ctx context.Context, name, who string) (packument, error) {
	f.mu.Lock()
	known, ok := f.packuments[name]
	f.mu.Unlock()
	if ok {
		return known, nil
	}
	u, err := f.npm.packageURL(name)
	if err != nil {
		return packument{}, err
	}
	ctx, stop := context.WithTimeout(ctx, 3*time.Minute)
	defer stop()
	var p packument
	err = f.retried(ctx, func() error { return f.packument(ctx, u, &p) })
	if missing(err) {
		return packument{}, noRelease("find npm package %s, which %s asks for: %s has none of that name", name, who, bare(u)).
			WithHint("check its name and: npm config get registry")
	}
	if err != nil {
		return packument{}, unreachable("npm package "+name, u, err, "")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.packuments[name] = p
	return p, nil
}

// release asks the registry for one exact version. Who is named in the fault
// when there is no such version.
func (f *Fetcher) release(ctx context.Context, name, version, who string) (release, error) {
	p, err := f.packumentOf(ctx, name, who)
	if err != nil {
		return release{}, err
	}
	r, ok := p.Versions[version]
	if !ok || r.Version != version {
		u, err := f.npm.packageURL(name)
		if err != nil {
			return release{}, err
		}
		return release{}, noRelease("find version %s of npm package %s, which %s asks for: %s has no such version", version, name, who, bare(u)).
			WithHint("run: npm view %s versions", name)
	}
	r.Name = name
	r.released, _ = p.Times[version].(string)
	return r, nil
}

// candidates are the releases that a range allows, or the one of a tag.
// Those that were deprecated are left out, unless nothing else is there.
func (p packument) candidates(name, constraint string) (list []candidate, err error) {
	if tagName.MatchString(constraint) && constraint != "x" {
		version, ok := p.Tags[constraint]
		if !ok {
			return nil, noRelease("find tag %s of npm package %s", constraint, name).WithHint("run: npm view %s dist-tags", name)
		}
		constraint = version
	}
	var retired []candidate
	for version, r := range p.Versions {
		parsed, err := semver.Parse(version)
		if err != nil || r.Version != version {
			continue
		}
		c := candidate{version: version, parsed: parsed, first: version == p.Tags["latest"]}
		c.released, _ = p.Times[version].(string)
		if r.Retired != nil && r.Retired != false && r.Retired != "" {
			retired = append(retired, c)
		} else {
			list = append(list, c)
		}
	}
	list, err = fitting(name+"@"+constraint, constraint, list)
	if err == nil && len(list) == 0 {
		return fitting(name+"@"+constraint, constraint, retired)
	}
	return list, err
}

// errNoRelease is wrapped by release when a registry has no such thing.
var errNoRelease = errors.New("no such release")

func noRelease(format string, args ...any) *fault.Fault {
	f := fault.Cannot(format, args...)
	f.Err = errNoRelease
	return f
}

func (f *Fetcher) packument(ctx context.Context, u *url.URL, p *packument) error {
	ctx, watch, stop := watched(ctx)
	defer stop()
	resp, err := f.get(ctx, u, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return stalled(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	*p = packument{}
	if err := json.NewDecoder(io.LimitReader(watch(resp.Body), maxPackument)).Decode(p); err != nil {
		return stalled(ctx, fmt.Errorf("the answer is not what npm's registries give: %w", err))
	}
	return nil
}

// tarballs are the addresses of a release, best first. A registry may name
// another host than the one configured, when it repeats what another registry
// says; then the configured one is asked first, under the same path.
func (f *Fetcher) tarballs(r release) ([]*url.URL, error) {
	base, err := f.npm.registry(r.Name)
	if err != nil {
		return nil, err
	}
	named, err := url.Parse(r.Dist.Tarball)
	if err != nil || named.Host == "" || (named.Scheme != "http" && named.Scheme != "https") {
		return nil, fault.Cannot("use %s: its registry names no address for it", r)
	}
	if named.Host == base.Host {
		named.Scheme, named.User = base.Scheme, base.User
		return []*url.URL{named}, nil
	}
	_, file, _ := strings.Cut(named.Path, r.Name+"/-/")
	mirror := *base
	mirror.Path, mirror.RawPath = base.Path+r.Name+"/-/"+file, ""
	if file == "" {
		mirror.Path = strings.TrimSuffix(base.Path, "/") + named.Path
	}
	if base.Scheme == "https" && named.Scheme == "http" {
		return []*url.URL{&mirror}, nil
	}
	return []*url.URL{&mirror, named}, nil
}

// integrity is the sha512, in hex, that the registry promises.
func (r release) integrity() (string, error) {
	sum, err := sha512Of(r.Dist.Integrity)
	if err != nil {
		return "", fault.Cannot("use %s: its registry promises no sha512 for it", r)
	}
	return sum, nil
}

// errNoSum is returned by sha512Of where there is none.
var errNoSum = errors.New("no sha512")

// sha512Of is the sha512, in hex, of a subresource integrity:
// https://www.w3.org/TR/SRI/.
func sha512Of(integrity string) (string, error) {
	for _, word := range strings.Fields(integrity) {
		word, _, _ = strings.Cut(word, "?")
		encoded, ok := strings.CutPrefix(word, "sha512-")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if ok && err == nil && len(raw) == 64 {
			return hex.EncodeToString(raw), nil
		}
	}
	return "", errNoSum
}
