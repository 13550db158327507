package daytona

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/provider/daytona/daytonatest"
)

// openapi is Daytona's own document, which is no part of this project.
var openapi = flag.String("openapi", "../../../../shared/daytona-openapi.json", "Daytona's OpenAPI document")

// A contract is what the document says.
type contract struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]*bodySchema }
}

type operation struct {
	Parameters  []struct{ Name, In string }
	RequestBody *struct {
		Content map[string]struct{ Schema *bodySchema }
	}
}

type bodySchema struct {
	Ref                  string `json:"$ref"`
	Type                 string
	Properties           map[string]*bodySchema
	Required             []string
	Items                *bodySchema
	AllOf                []*bodySchema
	Enum                 []any
	AdditionalProperties json.RawMessage
}

// TestRequestsFitTheDocument holds every request that the client makes against
// Daytona's document, where that is at hand.
func TestRequestsFitTheDocument(t *testing.T) {
	data, err := os.ReadFile(*openapi)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("Daytona's OpenAPI document is not at %s: the strict server of the other tests is all that looks at requests", *openapi)
	}
	if err != nil {
		t.Fatal(err)
	}
	var doc contract
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	s := daytonatest.Start(t)
	s.Snapshots = []string{"inactive", "inactive", "active"}
	s.Access = map[string]string{"registryUrl": "r.example", "project": "p", "username": "u", "secret": "s"}
	c := client(t, s, quick)
	for _, err := range []error{
		second(c.MakeSnapshot(t.Context(), demo())),
		second(c.StartSandbox(t.Context(), Sandbox{Name: "first", Snapshot: demo().Name, Env: map[string]string{"A": "b"}, Target: "eu"})),
		second(c.PushAccess(t.Context(), "eu")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range s.Requests() {
		if err := doc.check(r); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.Path, err)
		}
	}
	for _, field := range []string{"id", "name", "state", "errorReason", "imageName"} {
		if doc.Components.Schemas["SnapshotDto"].Properties[field] == nil {
			t.Errorf("the answer for a snapshot has no %s, which is read", field)
		}
	}
	for body, why := range map[string]string{`{"name": 1, "imageName": "x"}`: "a number for a text", `{"imageName": "x"}`: "no name", `{"name": "x", "cpus": 2}`: "an unknown field"} {
		if err := doc.check(daytonatest.Request{Method: http.MethodPost, Path: "/snapshots", Body: body}); err == nil {
			t.Errorf("the check does not see %s", why)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func (c contract) check(r daytonatest.Request) error {
	address, err := url.Parse(r.Path)
	if err != nil {
		return err
	}
	op, ok := c.find(r.Method, address.Path)
	if !ok {
		return errors.New("there is no such operation")
	}
	for name := range address.Query() {
		if !slices.ContainsFunc(op.Parameters, func(p struct{ Name, In string }) bool { return p.In == "query" && p.Name == name }) {
			return fmt.Errorf("it has no parameter %s", name)
		}
	}
	if op.RequestBody == nil {
		if r.Body != "" {
			return errors.New("it has a body, and takes none")
		}
		return nil
	}
	var body any
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
		return err
	}
	return c.fits("the body", op.RequestBody.Content["application/json"].Schema, body)
}

// find prefers the path itself to one with a part that may be anything.
func (c contract) find(method, path string) (operation, bool) {
	if op, ok := c.Paths[path][strings.ToLower(method)]; ok {
		return op, true
	}
	for template, methods := range c.Paths {
		want, got := strings.Split(template, "/"), strings.Split(path, "/")
		if !slices.EqualFunc(want, got, func(w, g string) bool { return w == g || strings.HasPrefix(w, "{") }) {
			continue
		}
		if op, ok := methods[strings.ToLower(method)]; ok {
			return op, true
		}
	}
	return operation{}, false
}

// fits holds a value against a schema; a property that is not listed is none.
func (c contract) fits(at string, s *bodySchema, value any) error {
	if s == nil {
		return nil
	}
	if s.Ref != "" {
		return c.fits(at, c.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]], value)
	}
	for _, part := range s.AllOf {
		if err := c.fits(at, part, value); err != nil {
			return err
		}
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, value) {
		return fmt.Errorf("%s is %v, which is none of %v", at, value, s.Enum)
	}
	switch v := value.(type) {
	case map[string]any:
		return c.fitsObject(at, s, v)
	case []any:
		if s.Type != "array" {
			return fmt.Errorf("%s is a list, not %s", at, s.Type)
		}
		for i, item := range v {
			if err := c.fits(fmt.Sprintf("%s/%d", at, i), s.Items, item); err != nil {
				return err
			}
		}
	case string:
		if s.Type != "string" {
			return fmt.Errorf("%s is a text, not %s", at, s.Type)
		}
	case float64:
		if s.Type != "number" && (s.Type != "integer" || v != float64(int64(v))) {
			return fmt.Errorf("%s is %v, not %s", at, v, s.Type)
		}
	}
	return nil
}

func (c contract) fitsObject(at string, s *bodySchema, v map[string]any) error {
	if s.Type != "object" {
		return fmt.Errorf("%s is an object, not %s", at, s.Type)
	}
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			return fmt.Errorf("%s has no %s", at, name)
		}
	}
	var others *bodySchema
	open := len(s.AdditionalProperties) > 0 && json.Unmarshal(s.AdditionalProperties, &others) == nil
	for name, field := range v {
		property, known := s.Properties[name]
		if !known && !open {
			return fmt.Errorf("%s has no property %s", at, name)
		}
		if !known {
			property = others
		}
		if err := c.fits(at+"/"+name, property, field); err != nil {
			return err
		}
	}
	return nil
}
