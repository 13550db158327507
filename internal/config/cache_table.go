package config

import (
	"github.com/sandwright/sandwright/internal/buildcache"
	"github.com/sandwright/sandwright/internal/fault"
)

// When layers are written to the cache.
const (
	ExportNever  = "never"
	ExportCI     = "ci" // where the variable CI is set
	ExportAlways = "always"
)

// A Cache is where builds on several machines share their layers. Its zero
// value is none.
type Cache struct {
	At     string // as buildcache.Parse reads it
	Export string // ExportNever, ExportCI or ExportAlways
}

func cacheShape() object[Cache] {
	return object[Cache]{fields: []field[Cache]{
		key("at", func(c *Cache) *string { return &c.At }, anyText("a cache"),
			"A repository of a registry, or type=registry, local, s3 or gha with attributes as Docker takes them. Each project, platform and branch has a tag of its own there, and a branch without one starts from the default branch's.").must().such("registry.example.com/team/cache"),
		key("export", func(c *Cache) *string { return &c.Export }, oneOf(ExportNever, ExportCI, ExportAlways),
			"When new layers are written there: never, where the variable CI is set, or always. They are read in any case.").or(ExportNever).such(ExportCI),
	}}
}

// checkCache refuses what is no cache, and credentials, which the faults of
// single values would show.
func checkCache(f *File) (faults fault.List) {
	if !f.has("cache", "at") {
		return nil
	}
	e, err := buildcache.Parse(f.Cache.At)
	if err != nil {
		return fault.List{f.At("cache", "at").Cannot("use the cache: %v", err).WithHint("such as registry.example.com/team/cache")}
	}
	if key := e.Secret(); key != "" {
		return fault.List{f.At("cache", "at").Cannot("use the cache: %s is a credential, which does not belong into a file", key).
			WithHint("leave it out: it is taken from the environment")}
	}
	return nil
}
