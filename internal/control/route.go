package control

import (
	"net/http"
	"net/url"
	"strings"
)

// serviceName is the path value that a route's * is.
const serviceName = "name"

// A route is one question that is answered. The error of give is answered too,
// and it may then have written nothing.
type route struct {
	method, path string // a * in the path is a service's name
	give         func(http.ResponseWriter, *http.Request) error
}

// routes is an http.Handler of a dozen paths, each with one method, that
// answers with an object also what none fits. http.ServeMux knows much more,
// and would be 25 KB of sandwright-init.
type routes []route

func (rs routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := segments(r.URL.EscapedPath())
	for _, rt := range rs {
		name, ok := rt.match(path)
		if !ok {
			continue
		}
		if !rt.takes(r.Method) {
			rt.refuse(w, r.Method)
			return
		}
		r.SetPathValue(serviceName, name)
		if err := rt.give(w, r); err != nil {
			answerError(w, err)
		}
		return
	}
	answer(w, http.StatusNotFound, problem{Error: "cannot find " + quote(r.URL.Path), Hint: "look at docs/control.md"})
}

// segments are the parts of a path, each without its escapes: a / that is
// escaped belongs to a name.
func segments(escaped string) []string {
	parts := strings.Split(escaped, "/")
	for i, part := range parts {
		if plain, err := url.PathUnescape(part); err == nil {
			parts[i] = plain
		}
	}
	return parts
}

// match tells whether path is rt's, and the service that it names.
func (rt route) match(path []string) (name string, ok bool) {
	want := strings.Split(rt.path, "/")
	if len(want) != len(path) {
		return "", false
	}
	for i, part := range path {
		if want[i] == "*" {
			name = part
		} else if want[i] != part {
			return "", false
		}
	}
	return name, true
}

// takes tells whether rt answers method; whoever has GET has HEAD.
func (rt route) takes(method string) bool {
	return method == rt.method || method == http.MethodHead && rt.method == http.MethodGet
}

// refuse answers a method that is not rt's.
func (rt route) refuse(w http.ResponseWriter, method string) {
	allow := rt.method
	if rt.takes(http.MethodHead) {
		allow += ", " + http.MethodHead
	}
	w.Header().Set("Allow", allow)
	answer(w, http.StatusMethodNotAllowed, problem{Error: "cannot " + quote(method) + " here", Hint: "it is " + allow})
}
