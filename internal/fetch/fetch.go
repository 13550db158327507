// Package fetch brings what the lock pins to this machine: it resolves,
// downloads, verifies and unpacks tools and Debian systems into one
// content-addressed store. Nothing unverified is unpacked, run or kept.
package fetch

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/sandwright/sandwright/internal/evidence"
	"github.com/sandwright/sandwright/internal/lock"
)

// A Ref is one image of a store, of a single layer.
type Ref struct {
	Name   string // in the store's layout, such as tool/node
	Digest string // sha256:… of its manifest
}

// String is the form that llb.OCILayout takes, such as tool/node@sha256:….
func (r Ref) String() string { return r.Name + "@" + r.Digest }

// A Fetcher fills a store. Its methods may be called from several goroutines.
type Fetcher struct {
	store    *Store
	npm      *NPM
	client   func() *http.Client
	progress Progress
	pause    func(attempt int) time.Duration // before another attempt
	now      func() time.Time
	settings Settings
	notice   func(text string)

	closureLimit int64 // bytes of the dependencies of one tool

	mu         sync.Mutex
	packuments map[string]packument // by name; what was asked for already
	keys       map[string][]string  // by address; what registries' keys gave to notice
}

// Settings are what sandwright.yaml and the environment say of sources.
type Settings struct {
	Tools          map[string]ToolSpec
	OCI            string // registry of images that name none; empty: the usual one
	Debian         string // archive; empty: as apt is configured
	DebianSecurity string
	GitHubAPI      string // as GITHUB_API_URL; empty: GitHub's own
	GitHubToken    string
	Trust          string          // fingerprint of the files of keys and roots that all tools trust
	Vouching       Vouching        // of tools that are not among Tools
	Base           evidence.Policy // of an image that is the base; without Pinned and Now
}

// New makes a Fetcher. Progress may be nil.
func New(store *Store, npm *NPM, progress Progress) *Fetcher {
	if progress == nil {
		progress = func(Event) {}
	}
	return &Fetcher{
		store: store, npm: npm, client: sync.OnceValue(npm.client), progress: progress, pause: backoff, now: time.Now,
		packuments: map[string]packument{}, keys: map[string][]string{},
		notice: func(string) {}, closureLimit: lock.MaxDownload,
	}
}

// With sets what the Fetcher knows of sources, and gives it back. Call it
// before anything else.
func (f *Fetcher) With(s Settings) *Fetcher {
	f.settings = s
	return f
}

// OnNotice sets what is told, from several goroutines, what a person should
// know of the evidence of what is locked. Call it before anything else.
func (f *Fetcher) OnNotice(notice func(text string)) { f.notice = notice }

// A Progress is told how things go, from several goroutines at once. It must
// return quickly.
type Progress func(Event)

// An Event is one step of one piece of work.
type Event struct {
	Name     string // of the work, such as "tool node" or "base bookworm"
	Text     string // what is being done, such as "downloading"
	Done     int64  // bytes so far; 0 with Total 0 when it is not counted in bytes
	Total    int64  // bytes in all; 0 when not known
	Finished bool   // nothing more comes for Name
}

// String is the event as a plain line.
func (e Event) String() string {
	switch {
	case e.Total > 0:
		return fmt.Sprintf("%s: %s %s of %s", e.Name, e.Text, megabytes(e.Done), megabytes(e.Total))
	case e.Done > 0:
		return fmt.Sprintf("%s: %s %s", e.Name, e.Text, megabytes(e.Done))
	}
	return e.Name + ": " + e.Text
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// backoff doubles from half a second and stops at eight.
func backoff(attempt int) time.Duration {
	return min(500*time.Millisecond<<min(attempt, 4), 8*time.Second)
}
