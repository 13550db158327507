package engine

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/buildcache"
)

// An actionsCache is the service of GitHub's cache of actions, version 2, and the
// store of blobs that it signs addresses of. It is strict: what is not committed
// is not found, and nobody without the token is answered.
type actionsCache struct {
	*httptest.Server
	token string

	mu      sync.Mutex
	blocks  map[string][]byte // by key and block
	blobs   map[string][]byte // by key
	entries map[string]bool   // those that are committed
	served  int               // downloads
}

func startActionsCache(t *testing.T) *actionsCache {
	t.Helper()
	claims, err := json.Marshal(map[string]any{
		"ac": `[{"Scope": "refs/heads/main", "Permission": 3}]`, "nbf": time.Now().Add(-time.Minute).Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	})
	must(t, err)
	part := base64.RawURLEncoding.EncodeToString
	c := &actionsCache{token: part([]byte(`{"alg": "none"}`)) + "." + part(claims) + ".", blocks: map[string][]byte{}, blobs: map[string][]byte{}, entries: map[string]bool{}}
	mux := http.NewServeMux()
	const service = "POST /twirp/github.actions.results.api.v1.CacheService/"
	mux.HandleFunc(service+"CreateCacheEntry", c.call(func(q cacheQuery) map[string]any {
		if c.entries[q.Key] {
			return map[string]any{"ok": false, "message": "there is one already"}
		}
		return map[string]any{"ok": true, "signed_upload_url": c.URL + "/blobs/" + part([]byte(q.Key))}
	}))
	mux.HandleFunc(service+"FinalizeCacheEntryUpload", c.call(func(q cacheQuery) map[string]any {
		data, ok := c.blobs[q.Key]
		size, err := q.SizeBytes.Int64()
		if !ok || err != nil || int64(len(data)) != size {
			return map[string]any{"ok": false, "message": "it is not what was uploaded"}
		}
		c.entries[q.Key] = true
		return map[string]any{"ok": true, "entry_id": "1"}
	}))
	mux.HandleFunc(service+"GetCacheEntryDownloadURL", c.call(func(q cacheQuery) map[string]any {
		for _, prefix := range append([]string{q.Key}, q.RestoreKeys...) {
			for key := range c.entries {
				if strings.HasPrefix(key, prefix) {
					return map[string]any{"ok": true, "matched_key": key, "signed_download_url": c.URL + "/blobs/" + part([]byte(key))}
				}
			}
		}
		return map[string]any{"ok": false}
	}))
	mux.HandleFunc("/blobs/{key}", c.blob)
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	return c
}

type cacheQuery struct {
	Key         string      `json:"key"`
	RestoreKeys []string    `json:"restore_keys"`
	SizeBytes   json.Number `json:"size_bytes"`
}

func (c *actionsCache) call(answer func(cacheQuery) map[string]any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q cacheQuery
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.Header.Get("Authorization") != "Bearer "+c.token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer(q)) // a client that went away
	}
}

// blob takes and gives a blob as Azure's service does: whole, or in blocks.
func (c *actionsCache) blob(w http.ResponseWriter, r *http.Request) {
	key, err := base64.RawURLEncoding.DecodeString(r.PathValue("key"))
	data, readErr := io.ReadAll(r.Body)
	if err != nil || readErr != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Header().Set("x-ms-request-id", "1")
	switch comp := r.URL.Query().Get("comp"); {
	case r.Method == http.MethodGet && c.entries[string(key)]:
		c.served++
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(c.blobs[string(key)])))
		return
	case r.Method == http.MethodPut && comp == "":
		c.blobs[string(key)] = data
	case r.Method == http.MethodPut && comp == "block":
		c.blocks[string(key)+" "+r.URL.Query().Get("blockid")] = data
	case r.Method == http.MethodPut && comp == "blocklist":
		var list struct{ Latest []string }
		if err := xml.Unmarshal(data, &list); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.blobs[string(key)] = nil
		for _, id := range list.Latest {
			c.blobs[string(key)] = append(c.blobs[string(key)], c.blocks[string(key)+" "+id]...)
		}
	default:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

// TestTheCacheOfActions: what one job writes there, with what its environment
// says, the next job reads.
func TestTheCacheOfActions(t *testing.T) {
	service := startActionsCache(t)
	environment := map[string]string{"ACTIONS_CACHE_SERVICE_V2": "true", "ACTIONS_RESULTS_URL": service.URL + "/", "ACTIONS_RUNTIME_TOKEN": service.token}
	e, err := buildcache.Parse("gha")
	must(t, err)
	e = e.Environ(func(name string) string { return environment[name] })
	for i, want := range []bool{false, true} {
		r, s := request(t, "echo of a job > /job"), scopeOf("demo", "main")
		r.CacheFrom, r.CacheTo = s.Imports(e), []buildcache.Entry{s.Export(e)}
		res, err := open(t, t.TempDir(), io.Discard).Solve(t.Context(), r)
		must(t, err)
		if got := cached(res, "echo of a job"); got != want {
			t.Errorf("job %d: a hit: %t; notices %q", i+1, got, res.Notices)
		}
		if got := readIn(t, res, "job"); got != "of a job\n" {
			t.Errorf("it has %q", got)
		}
		if said := fmt.Sprint(res.Notices); strings.Contains(said, service.token) {
			t.Errorf("the token is told: %s", said)
		}
	}
	if len(service.entries) == 0 || service.served == 0 {
		t.Errorf("%d entries, %d downloads", len(service.entries), service.served)
	}
}
