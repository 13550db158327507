package engine

import (
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/moby/buildkit/cache/remotecache"
	"github.com/moby/buildkit/cache/remotecache/gha"
	"github.com/moby/buildkit/cache/remotecache/inline"
	"github.com/moby/buildkit/cache/remotecache/local"
	"github.com/moby/buildkit/cache/remotecache/registry"
	"github.com/moby/buildkit/session"
)

// cacheExporters are the kinds of cache that the embedded engine writes.
func cacheExporters(sessions *session.Manager, hosts docker.RegistryHosts) map[string]remotecache.ResolveCacheExporterFunc {
	return map[string]remotecache.ResolveCacheExporterFunc{
		"registry": registry.ResolveCacheExporterFunc(sessions, hosts),
		"local":    local.ResolveCacheExporterFunc(sessions),
		"gha":      gha.ResolveCacheExporterFunc(nil, nil),
		"inline":   inline.ResolveCacheExporterFunc(),
	}
}

// cacheImporters are those that it reads. What was cached inline is read from
// the registry.
func cacheImporters(sessions *session.Manager, store content.Store, hosts docker.RegistryHosts) map[string]remotecache.ResolveCacheImporterFunc {
	return map[string]remotecache.ResolveCacheImporterFunc{
		"registry": registry.ResolveCacheImporterFunc(sessions, store, hosts),
		"local":    local.ResolveCacheImporterFunc(sessions),
		"gha":      gha.ResolveCacheImporterFunc(nil, nil),
	}
}
