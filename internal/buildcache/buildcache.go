// Package buildcache names the caches in which builds on several machines share
// their layers. One cache belongs to one project, platform and branch: BuildKit
// overwrites what it exports to, so that two projects, or two branches, with
// one cache would each lose what they have.
package buildcache

import (
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// The types of caches, in the words of BuildKit.
const (
	Registry = "registry" // a reference of a registry; attribute ref
	Local    = "local"    // a folder; attribute dest or src
	Inline   = "inline"   // within the image that is pushed; no attribute
	S3       = "s3"       // a bucket; attributes bucket and region
	GHA      = "gha"      // GitHub's cache of actions
)

// An Entry is one cache.
type Entry struct {
	Type  string
	Attrs map[string]string
}

// Parse reads a cache as Docker's and BuildKit's own tools take it,
// type=registry,ref=HOST/NAME, or a reference alone. Before the reference,
// http:// says that its registry has no TLS; one on loopback needs no such word.
func Parse(text string) (Entry, error) {
	if !strings.Contains(text, "=") && text != Inline && text != GHA {
		text = "type=" + Registry + ",ref=" + text
	} else if !strings.Contains(text, "=") {
		text = "type=" + text
	}
	fields, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return Entry{}, fmt.Errorf("it is no list of KEY=VALUE")
	}
	e := Entry{Attrs: map[string]string{}}
	for _, field := range fields {
		key, value, ok := strings.Cut(field, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		_, twice := e.Attrs[key]
		switch {
		case !ok || key == "":
			return Entry{}, fmt.Errorf("%q is not KEY=VALUE", field)
		case twice || key == "type" && e.Type != "":
			return Entry{}, fmt.Errorf("it says %s twice", key)
		case key == "type":
			e.Type = value
		default:
			e.Attrs[key] = value
		}
	}
	return e, e.check()
}

func (e Entry) check() error {
	switch e.Type {
	case Registry:
		return e.checkReference()
	case Local:
		if e.folder() == "" {
			return fmt.Errorf("a local cache needs dest=FOLDER")
		}
	case S3:
		if e.Attrs["bucket"] == "" {
			return fmt.Errorf("an s3 cache needs bucket=NAME, and region=NAME")
		}
	case Inline, GHA:
	case "":
		return fmt.Errorf("it has no type")
	default:
		return fmt.Errorf("type %q is none of registry, local, inline, s3 and gha", e.Type)
	}
	return nil
}

func (e Entry) checkReference() error {
	ref := e.Attrs["ref"]
	if plain, ok := strings.CutPrefix(ref, "http://"); ok {
		ref = plain
		e.Attrs["registry.insecure"] = "true"
	}
	ref = strings.TrimPrefix(ref, "https://")
	if _, err := name.ParseReference(ref, name.WithDefaultTag("")); ref == "" || err != nil {
		return fmt.Errorf("%q is no reference HOST/NAME", ref)
	}
	e.Attrs["ref"] = ref
	return nil
}

// Secret gives the first attribute that is a credential, if there is one: those
// belong into the environment, not into a file.
func (e Entry) Secret() string {
	for _, key := range slices.Sorted(maps.Keys(e.Attrs)) {
		if slices.Contains([]string{"token", "ghtoken", "access_key_id", "secret_access_key", "session_token"}, key) {
			return key
		}
	}
	return ""
}

func (e Entry) folder() string {
	if dest := e.Attrs["dest"]; dest != "" {
		return dest
	}
	return e.Attrs["src"]
}

// String is what a person reads of e.
func (e Entry) String() string {
	switch e.Type {
	case Registry:
		return e.Attrs["ref"]
	case Local:
		return e.folder() + ":" + e.Attrs["tag"]
	case S3:
		return "s3 " + e.Attrs["bucket"] + "/" + e.Attrs["name"]
	case GHA:
		return "gha " + e.Attrs["scope"]
	}
	return e.Type
}

// with gives a copy of e in which key is value, unless it says one itself.
func (e Entry) with(key, value string) Entry {
	attrs := maps.Clone(e.Attrs)
	if attrs[key] == "" && value != "" {
		attrs[key] = value
	}
	return Entry{e.Type, attrs}
}

// Environ adds to e what only the environment knows: credentials, which a
// builder elsewhere could not find.
func (e Entry) Environ(getenv func(string) string) Entry {
	from := map[string]string{}
	switch e.Type {
	case GHA:
		from = map[string]string{"token": "ACTIONS_RUNTIME_TOKEN", "url": "ACTIONS_CACHE_URL", "url_v2": "ACTIONS_RESULTS_URL"}
		if getenv("ACTIONS_CACHE_SERVICE_V2") != "" {
			e = e.with("version", "2")
		}
	case S3:
		from = map[string]string{"access_key_id": "AWS_ACCESS_KEY_ID", "secret_access_key": "AWS_SECRET_ACCESS_KEY", "session_token": "AWS_SESSION_TOKEN", "region": "AWS_REGION"}
	}
	for key, variable := range from {
		e = e.with(key, getenv(variable))
	}
	return e
}
