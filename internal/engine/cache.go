package engine

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/ociindex"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/sandwright/sandwright/internal/buildcache"
	"github.com/sandwright/sandwright/internal/fault"
)

// importing starts the name of the step in which BuildKit reads a cache.
const importing = "importing cache manifest from "

// cacheOptions are entries as the client takes them, less those that are not
// wanted. The client writes into what it is given.
func cacheOptions(entries []buildcache.Entry, want func(buildcache.Entry) bool) (list []client.CacheOptionsEntry) {
	for _, e := range entries {
		if want(e) {
			attrs := map[string]string{}
			for key, value := range e.Attrs {
				attrs[key] = value
			}
			list = append(list, client.CacheOptionsEntry{Type: e.Type, Attrs: attrs})
		}
	}
	return list
}

func inImage(e buildcache.Entry) bool { return e.Type == buildcache.Inline }
func written(e buildcache.Entry) bool { return !inImage(e) }

// cacheImports are the caches that the solve reads, as the client has completed
// them.
func cacheImports(c gateway.Client) (list []gateway.CacheOptionsEntry) {
	_ = json.Unmarshal([]byte(c.BuildOpts().Opts["cache-imports"]), &list) // the client's own words
	return list
}

// exportCache writes the layers of what r has built to its caches, unless all
// of it was found in one: it has nothing new.
func (e *Engine) exportCache(ctx context.Context, r Request, steps []Step) error {
	exports := cacheOptions(r.CacheTo, written)
	if len(exports) == 0 || allCached(steps) {
		return nil
	}
	j, err := e.newJob(ctx, r)
	if err != nil {
		return err
	}
	j.opt.CacheExports = exports
	if _, _, err := e.build(ctx, j); err != nil {
		return fault.Cannot("write the cache %s: %w", r.CacheTo[0], err)
	}
	return nil
}

// allCached tells whether every step that works on something was a hit.
func allCached(steps []Step) bool {
	return !slices.ContainsFunc(steps, func(s Step) bool { return !s.source && !s.Cached })
}

// missingFolders says which caches in folders are not there yet: the client
// passes over them in silence.
func missingFolders(from []buildcache.Entry) (notices []string) {
	for _, e := range from {
		if e.Type != buildcache.Local {
			continue
		}
		if desc, err := ociindex.NewStoreIndex(e.Attrs["src"]).Get(e.Attrs["tag"]); err != nil || desc == nil {
			notices = append(notices, "the cache "+e.String()+" is not there yet")
		}
	}
	return notices
}

// cacheNotices says which caches gave nothing, and why. A cache that is not
// there yet is the usual case of a new branch.
func cacheNotices(steps []Step) (notices []string) {
	for _, s := range steps {
		where, ok := strings.CutPrefix(s.Name, importing)
		switch {
		case !ok || s.failed == "":
		case strings.Contains(s.failed, "not found") || strings.Contains(s.failed, "404"):
			notices = append(notices, "the cache "+where+" is not there yet")
		default:
			notices = append(notices, "the cache "+where+" cannot be read: "+s.failed)
		}
	}
	return notices
}

// checkCaches refuses what the embedded engine does not carry.
func checkCaches(r Request, b Builder) error {
	for _, e := range slices.Concat(r.CacheFrom, r.CacheTo) {
		if e.Type == buildcache.S3 && b.embedded() {
			return fault.Cannot("use the cache %s: the embedded engine has no client of S3", e).
				WithHint("use a registry, or a buildkitd with --builder ADDRESS: that has one").WithCode(fault.ExitUsage)
		}
	}
	return nil
}
