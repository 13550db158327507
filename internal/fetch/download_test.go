package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sandwright/sandwright/internal/fault"
)

// fetched downloads data, whose size is known, from a server that answers
// with serve.
func fetched(t *testing.T, f *Fetcher, data string, serve http.HandlerFunc) (string, error) {
	t.Helper()
	server := httptest.NewServer(serve)
	defer server.Close()
	u, err := url.Parse(server.URL + "/thing.tgz?token=s3cret")
	if err != nil {
		t.Fatal(err)
	}
	path, _, err := f.download(t.Context(), parcel{name: "thing", what: "thing", key: "k", url: u, size: int64(len(data)), check: isData(data)})
	f.client().CloseIdleConnections()
	if err != nil {
		return "", err
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(got), nil
}

func isData(data string) func(sums) error {
	sum := sha256.Sum256([]byte(data))
	return func(s sums) error {
		if s.size != int64(len(data)) || s.sha256 != hex.EncodeToString(sum[:]) {
			return fault.Cannot("use thing: it is another one, of %d bytes", s.size)
		}
		return nil
	}
}

func TestDownloadResumes(t *testing.T) {
	data := noise(300_000)
	full := func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", fixedTime(), strings.NewReader(data))
	}
	cut := func(w http.ResponseWriter, r *http.Request) { // ends 100,000 bytes after where it began
		var from int
		_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		if from > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write([]byte(data[from:min(from+100_000, len(data))]))
	}
	for _, c := range []struct {
		name     string
		partial  string
		serve    http.HandlerFunc
		requests int32
	}{
		{"whole", "", full, 1},
		{"truncated twice", "", cut, 3},
		{"after an interruption", data[:250_000], full, 1},
		{"with all there", data, full, 0},
		{"with something else there", strings.Repeat("x", 1000), full, 2},
		{"with something too long there", strings.Repeat("x", 400_000), full, 2},
		{"ignoring Range", data[:1000], func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(data)) }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFetcher(t, npmFrom(nil))
			if c.partial != "" {
				if err := os.WriteFile(filepath.Join(f.store.dir, "partial/k"), []byte(c.partial), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var requests atomic.Int32
			got, err := fetched(t, f, data, func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				c.serve(w, r)
			})
			if err != nil || got != data {
				t.Fatalf("got %d bytes, %v", len(got), err)
			}
			if requests.Load() != c.requests {
				t.Errorf("asked %d times, want %d", requests.Load(), c.requests)
			}
		})
	}
}

func TestDownloadKeepsThePartOfAFailure(t *testing.T) {
	data := noise(50_000)
	f := newFetcher(t, npmFrom(nil))
	_, err := fetched(t, f, data, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write([]byte(data[:20_000]))
	})
	if err == nil || !strings.Contains(err.Error(), "the answer is 503 Service Unavailable") {
		t.Fatalf("got %v", err)
	}
	info, err := os.Stat(filepath.Join(f.store.dir, "partial/k"))
	if err != nil || info.Size() != 20_000 {
		t.Errorf("the part is %v, %v; want 20000 bytes", info, err)
	}
}

func TestDownloadFaults(t *testing.T) {
	data := noise(10_000)
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for _, c := range []struct {
		name     string
		serve    http.HandlerFunc
		requests int32
		want     string
		hint     string
	}{
		{"not there", status(404), 1, "the answer is 404 Not Found", "npm config get registry"},
		{"unauthorized", status(401), 1, "the answer is 401 Unauthorized", "npm login"},
		{"server error", status(500), attempts, "the answer is 500 Internal Server Error", "check the network"},
		{"too many requests", status(429), attempts, "the answer is 429 Too Many Requests", "check the network"},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}, 1, "gives more than 10000 bytes", ""},
		{"another size", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("short")) }, 1, "it is another one, of 5 bytes", ""},
		{"no part said", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write([]byte(data))
		}, attempts, "the answer is another part than asked for", ""},
		{"closed", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, attempts, "cannot fetch thing from http://127.0.0.1:", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var requests atomic.Int32
			f := newFetcher(t, npmFrom(nil))
			_, err := fetched(t, f, data, func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				c.serve(w, r)
			})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			if !strings.Contains(fault.All(err)[0].Hint, c.hint) {
				t.Errorf("hint is %q, want %q", fault.All(err)[0].Hint, c.hint)
			}
			if c.name != "closed" && requests.Load() != c.requests { // net/http may try a closed one again itself
				t.Errorf("asked %d times, want %d", requests.Load(), c.requests)
			}
		})
	}
}

func TestUnreachableServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	f := newFetcher(t, npmFrom(map[string]string{"registry": strings.Replace(server.URL, "://", "://user:hunter2@", 1)}))
	_, err := f.ResolveTool(t.Context(), "greet", ToolSpec{NPM: "greeter@1.0.0"}, amd64)
	want := "cannot fetch npm package greeter from " + server.URL + "/greeter: connection refused"
	if err == nil || err.Error() != want {
		t.Fatalf("got  %v\nwant %s", err, want)
	}
	if hint := fault.All(err)[0].Hint; hint != "check the network, its proxy, and: npm config get registry" {
		t.Errorf("hint is %q", hint)
	}
}

func TestDownloadStopsWithItsContext(t *testing.T) {
	f := newFetcher(t, npmFrom(nil))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	_, _, err := f.download(ctx, parcel{what: "thing", key: "k", url: u})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestEventText(t *testing.T) {
	for want, e := range map[string]Event{
		"tool x: unpacking":                    {Name: "tool x", Text: "unpacking"},
		"tool x: downloading 1.5 MB of 3.0 MB": {Name: "tool x", Text: "downloading", Done: 1_500_000, Total: 3_000_000},
		"tool x: downloading 1.5 MB":           {Name: "tool x", Text: "downloading", Done: 1_500_000},
	} {
		if got := e.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	for attempt, want := range []string{"500ms", "1s", "2s", "4s", "8s", "8s"} {
		if got := backoff(attempt).String(); got != want {
			t.Errorf("attempt %d waits %s, want %s", attempt, got, want)
		}
	}
}
