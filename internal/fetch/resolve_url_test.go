package fetch

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// trusting makes a fetcher that trusts the authority in a file.
func trusting(t *testing.T, authority string) *Fetcher {
	t.Helper()
	f := newFetcher(t, npmFrom(map[string]string{"cafile": authority}))
	f.now = today
	return f
}

// A fileServer serves files by path over TLS. A path that maps to an address
// redirects there.
type fileServer struct{ files map[string]string }

func (s *fileServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, ok := s.files[r.URL.Path]
	switch {
	case !ok:
		http.NotFound(w, r)
	case strings.HasPrefix(data, "http"):
		http.Redirect(w, r, data, http.StatusFound)
	default:
		http.ServeContent(w, r, "", today().AddDate(0, 0, -30), strings.NewReader(data))
	}
}

func TestToolOfAnAddress(t *testing.T) {
	s := &fileServer{files: map[string]string{}}
	server, authority := secure(t, s.ServeHTTP)
	s.files["/v1.2.0/tool_linux_x86_64.tar.gz"] = server.URL + "/assets/1?signature=secret"
	s.files["/assets/1"] = server.URL + "/assets/2"
	s.files["/assets/2"] = string(tarball(t, file{name: "tool-1.2.0/bin/tool", data: "ELF", mode: 0o755}, file{name: "tool-1.2.0/doc", data: "words"}))
	f := trusting(t, authority)
	spec := ToolSpec{URL: server.URL + "/v{version}/tool_{os}_{arch}.tar.gz", Version: "1.2.0", Arch: map[string]string{"amd64": "x86_64"}, MinimumAge: time.Hour}
	a, err := f.ResolveTool(t.Context(), "tool", spec, amd64)
	if err != nil {
		t.Fatal(err)
	}
	want := lock.Artifact{
		Package: "tool_linux_x86_64.tar.gz", Version: "1.2.0", Released: "2026-10-26T12:00:00Z",
		URLs:   []string{server.URL + "/v1.2.0/tool_linux_x86_64.tar.gz", server.URL + "/assets/1", server.URL + "/assets/2"},
		Packed: lock.PackedTarGz, Root: "tool-1.2.0", Size: int64(len(s.files["/assets/2"])),
		SHA256: a.SHA256, SHA512: a.SHA512, Files: 2, Unpacked: 8, Tree: a.Tree, Bin: map[string]string{"tool": "bin/tool"},
	}
	if diff := cmp.Diff(want, a); diff != "" || len(a.SHA512) != 128 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	tool := lock.Tool{Source: "url:" + spec.URL, Platforms: map[string]lock.Artifact{amd64: a}}
	fresh := trusting(t, authority)
	if _, err := fresh.ToolLayer(t.Context(), "tool", tool, amd64); err != nil {
		t.Errorf("from the lock alone: %v", err)
	}
	s.files["/assets/2"] += "tampered"
	other := trusting(t, authority)
	_, err = other.ToolLayer(t.Context(), "tool", tool, amd64)
	if err == nil || !strings.Contains(err.Error(), "has size ") || !strings.Contains(err.Error(), "("+server.URL+"/v1.2.0/") {
		t.Errorf("a tampered file: %v", err)
	}
	nothingKept(t, other.store)
}

func TestProgramsOfAddresses(t *testing.T) {
	s := &fileServer{files: map[string]string{
		"/bare": "#!/bin/sh\necho\n", "/jq.gz": string(gzipped(t, []byte("\x7fELF program"))), "/two.zip": string(zipped(t, file{name: "a/jq", data: "x"}, file{name: "b/jq", data: "y"})),
		"/page": "<html>", "/x.bz2": "BZh9",
	}}
	server, authority := secure(t, s.ServeHTTP)
	for path, want := range map[string]string{
		"/bare": "jq", "/jq.gz": "jq",
		"/two.zip": "cannot use tool jq: two.zip@1.0.0: cannot find program jq in it",
		"/page":    "it is neither a tar, zip, gz or deb, nor a program",
		"/x.bz2":   "it is neither a tar, zip, gz or deb, nor a program",
		"/gone":    "cannot fetch tool jq from " + server.URL + "/gone: the answer is 404 Not Found",
	} {
		f := trusting(t, authority)
		a, err := f.ResolveTool(t.Context(), "jq", ToolSpec{URL: server.URL + path, Version: "1.0.0"}, amd64)
		got := a.Bin["jq"]
		if err != nil {
			got = err.Error()
			nothingKept(t, f.store)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestARedirectToHTTPIsRefused(t *testing.T) {
	plain := httptest.NewServer(&fileServer{files: map[string]string{"/x": "#!x"}})
	defer plain.Close()
	server, authority := secure(t, (&fileServer{files: map[string]string{"/x": plain.URL + "/x"}}).ServeHTTP)
	f := trusting(t, authority)
	_, err := f.ResolveTool(t.Context(), "t", ToolSpec{URL: server.URL + "/x", Version: "1"}, amd64)
	if err == nil || !strings.Contains(err.Error(), "cannot fetch tool t from "+server.URL+"/x: redirected from https to a plain connection") {
		t.Errorf("got %v", err)
	}
	if hint := fault.All(err)[0].Hint; !strings.Contains(hint, "address and version of the tool") {
		t.Errorf("hint is %s", hint)
	}
	nothingKept(t, f.store)
}

func TestAnAddressWithoutATime(t *testing.T) {
	server, authority := secure(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("#!x")) })
	_, err := trusting(t, authority).ResolveTool(t.Context(), "t", ToolSpec{URL: server.URL + "/x", Version: "1", MinimumAge: time.Hour}, amd64)
	if err == nil || !strings.Contains(err.Error(), "nobody says when x@1 was released, and minimum-age is 1 hour") {
		t.Errorf("got %v", err)
	}
}

func TestALockWithoutAnAddress(t *testing.T) {
	for _, urls := range [][]string{nil, {"file:///etc/passwd"}, {"::"}} {
		tool := lock.Tool{Source: "url:https://example.com", Platforms: map[string]lock.Artifact{amd64: {Package: "x", Version: "1", URLs: urls, SHA256: "aa"}}}
		if _, err := newFetcher(t, npmFrom(nil)).ToolLayer(t.Context(), "t", tool, amd64); err == nil || !strings.Contains(err.Error(), "cannot use tool t: ") {
			t.Errorf("%v: %v", urls, err)
		}
	}
}
