package fetch

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// urlSource takes a tool from one address.
type urlSource struct{ sourced }

func (u urlSource) choose(context.Context, []string) (string, error) {
	if u.spec.Version == "" {
		return "", fault.Cannot("lock tool %s: its url has no version", u.tool).WithHint("add version: 1.0.0").WithCode(fault.ExitConfig)
	}
	return u.spec.Version, nil
}

// find asks for the address, without its body, for where it leads and when it
// was made.
func (u urlSource) find(ctx context.Context, version, platform string) (found, error) {
	address := u.templated(u.spec.URL, version, platform)
	out := found{
		Artifact: lock.Artifact{Package: plainFile(lastPart(address)), Version: version, URLs: []string{address}},
		promiser: "its source", programs: map[string]string{u.tool: u.tool},
	}
	if err := u.probe(ctx, &out); err != nil {
		return out, err
	}
	return out, u.oldEnough(out.String(), out.Released)
}

// probe follows the redirects of an address and notes them.
func (u urlSource) probe(ctx context.Context, what *found) error {
	at, err := url.Parse(what.URLs[0])
	if err != nil {
		return fault.Cannot("use tool %s: its address is none", u.tool).WithCode(fault.ExitConfig)
	}
	err = u.retried(ctx, func() error {
		ctx, _, stop := watched(ctx)
		defer stop()
		resp, err := u.Fetcher.get(ctx, at, nil)
		if err != nil {
			return stalled(ctx, err)
		}
		defer func() { _ = resp.Body.Close() }()
		what.URLs = append([]string{what.URLs[0]}, redirects(resp)...)
		what.Released = utc(resp.Header.Get("Last-Modified"), http.TimeFormat)
		return nil
	})
	if err != nil {
		return unreachable("tool "+u.tool, at, err, urlHint)
	}
	return nil
}

// urlHint is for an address that gives nothing.
const urlHint = "check the network, its proxy, and the address and version of the tool"

// redirects are the addresses that an answer was led to, without credentials
// and queries, which hold signatures that expire.
func redirects(resp *http.Response) (list []string) {
	for req := resp.Request; req.Response != nil; req = req.Response.Request {
		list = append(list, bare(req.URL))
	}
	slices.Reverse(list)
	return list
}

func (u urlSource) get(ctx context.Context, a lock.Artifact, p parcel) (string, sums, error) {
	return u.fromAddress(ctx, a, p)
}

// fromAddress downloads an artifact from the first of its addresses.
func (s sourced) fromAddress(ctx context.Context, a lock.Artifact, p parcel) (string, sums, error) {
	if len(a.URLs) == 0 {
		return "", sums{}, fault.Cannot("use tool %s: %s has no address for it", s.tool, lock.Name).
			WithHint("run: sandwright lock --update %s", s.tool)
	}
	at, err := url.Parse(a.URLs[0])
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" {
		return "", sums{}, fault.Cannot("use tool %s: %q is no http or https address", s.tool, a.URLs[0])
	}
	p.url, p.hint = at, urlHint
	return s.download(ctx, p)
}

// plainFile is a file's name as the lock may have it.
func plainFile(file string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("._~+-", r)) {
			return r
		}
		return '-'
	}, file), ".-+")
}
