// Package daytonatest is a Daytona on loopback for tests: the endpoints that
// are used here, and strict about what it is asked. Its states advance with
// each look.
package daytonatest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Key is the one that the server knows.
const Key = "dtn_5f2c0ffee5eed0fda7a5a8dc0ffee"

// A Request is one that came.
type Request struct {
	Method string
	Path   string // with its query
	Header http.Header
	Body   string
}

// A Server is a Daytona.
type Server struct {
	*httptest.Server
	Snapshots []string // the states that a snapshot goes through; the last one stays
	Sandboxes []string // those of a sandbox
	Reason    string   // of a state that is an error
	Access    map[string]string
	// Before sees each request first, with its number from 0, and may answer it.
	Before func(n int, w http.ResponseWriter, r *http.Request, body string) (answered bool)

	mu       sync.Mutex
	requests []Request
	made     map[string]*thing // by path: /snapshots/NAME, /sandbox/NAME
}

// A thing is a snapshot or a sandbox.
type thing struct {
	fields map[string]any
	looks  int
}

// Start runs one until the test ends.
func Start(t *testing.T) *Server {
	t.Helper()
	s := &Server{
		Snapshots: []string{"pending", "pulling", "active"}, Sandboxes: []string{"creating", "starting", "started"},
		made: map[string]*thing{},
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// Change sets fields while requests of another process may come.
func (s *Server) Change(set func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set()
}

// API is the address of the API.
func (s *Server) API() string { return s.URL + "/api" }

// Requests are those that came so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Bodies are those of the requests for one method and path.
func (s *Server) Bodies(method, path string) (out []string) {
	for _, r := range s.Requests() {
		if r.Method == method && r.Path == path {
			out = append(out, r.Body)
		}
	}
	return out
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	path, ok := strings.CutPrefix(r.URL.RequestURI(), "/api")
	s.mu.Lock()
	n := len(s.requests)
	s.requests = append(s.requests, Request{r.Method, path, r.Header.Clone(), string(body)})
	before := s.Before
	s.mu.Unlock()
	switch {
	case before != nil && before(n, w, r, string(body)):
	case err != nil || !ok:
		refuse(w, http.StatusNotFound, "no such path")
	case r.Header.Get("Authorization") != "Bearer "+Key:
		refuse(w, http.StatusUnauthorized, "Invalid credentials")
	default:
		s.answer(w, r, path, body)
	}
}

// SetImage makes the snapshot of that name one of another image; an empty one is
// not said.
func (s *Server) SetImage(name, image string) {
	s.Change(func() {
		fields := s.made["/snapshots/"+name].fields
		if fields["imageName"] = image; image == "" {
			delete(fields, "imageName")
		}
	})
}

func refuse(w http.ResponseWriter, code int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"statusCode": code, "message": message, "path": "/", "error": http.StatusText(code)})
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, path string, body []byte) {
	path, query, _ := strings.Cut(path, "?")
	switch {
	case r.Method == http.MethodPost && path == "/snapshots":
		s.create(w, r, body, "/snapshots", []string{"name", "imageName", "entrypoint", "cpu", "memory", "disk", "regionId"}, []string{"name", "imageName"})
	case r.Method == http.MethodPost && path == "/sandbox":
		s.create(w, r, body, "/sandbox", []string{"name", "snapshot", "env", "labels", "target"}, []string{"name", "snapshot"})
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/activate") && len(body) == 0:
		s.look(w, strings.TrimSuffix(path, "/activate"))
	case r.Method == http.MethodGet && path == "/docker-registry/registry-push-access" && (query == "" || strings.HasPrefix(query, "regionId=")):
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(s.Access)
	case r.Method == http.MethodGet && query == "":
		s.look(w, path)
	default:
		refuse(w, http.StatusMethodNotAllowed, "Cannot "+r.Method+" "+path)
	}
}

// create refuses what it does not know, lacks, or has already.
func (s *Server) create(w http.ResponseWriter, r *http.Request, body []byte, under string, known, required []string) {
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil || r.Header.Get("Content-Type") != "application/json" {
		refuse(w, http.StatusBadRequest, "the body is no JSON object")
		return
	}
	for name := range fields {
		if !slices.Contains(known, name) {
			refuse(w, http.StatusBadRequest, "property "+name+" should not exist")
			return
		}
	}
	for _, name := range required {
		if text, ok := fields[name].(string); !ok || text == "" {
			refuse(w, http.StatusBadRequest, name+" must be a string")
			return
		}
	}
	if image, _ := fields["imageName"].(string); under == "/snapshots" && (strings.HasSuffix(image, ":latest") || !strings.Contains(image[strings.LastIndex(image, "/")+1:], ":")) {
		refuse(w, http.StatusBadRequest, `Snapshots with tag ":latest" are not allowed`)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path := fmt.Sprintf("%s/%s", under, fields["name"])
	if s.made[path] != nil {
		refuse(w, http.StatusConflict, fmt.Sprintf("%s already exists", fields["name"]))
		return
	}
	fields["id"] = fmt.Sprintf("id-of-%s", fields["name"])
	s.made[path] = &thing{fields: fields}
	s.made[under+"/"+fields["id"].(string)] = s.made[path]
	s.write(w, s.made[path], under)
}

// look answers with a thing, one state further.
func (s *Server) look(w http.ResponseWriter, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.made[path]
	if one == nil {
		refuse(w, http.StatusNotFound, "not found")
		return
	}
	one.looks++
	s.write(w, one, path)
}

func (s *Server) write(w http.ResponseWriter, one *thing, path string) {
	states := s.Snapshots
	if strings.HasPrefix(path, "/sandbox") {
		states = s.Sandboxes
	}
	answer := map[string]any{"errorReason": nil, "organizationId": "org", "general": false}
	for name, value := range one.fields {
		answer[name] = value
	}
	answer["state"] = states[min(one.looks, len(states)-1)]
	if s.Reason != "" {
		answer["errorReason"] = s.Reason
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
