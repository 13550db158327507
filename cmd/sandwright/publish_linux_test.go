package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sandwright/sandwright/internal/provider/daytona/daytonatest"
)

// A published is what publish --json prints.
type published struct {
	DryRun            bool
	Image, Digest     string
	Snapshot, Sandbox *struct{ ID, Name, State string }
}

const (
	sessionKey = "the session key/of the box+"
	publishEnv = `env:
  DAYTONA_API_URL: {type: url, required: true, scope: publish}
  DAYTONA_API_KEY: {secret: true, required: true, scope: publish}
  SESSION_KEY:     {secret: true, required: true}
  PORT:            {type: port, default: 3000}
services:
  app: {command: [sh, app.sh], env: {}}
`
)

// TestPublish: the environment is checked before anything is built; then the
// image is in the registry, a snapshot made of it, and a sandbox started.
func TestPublish(t *testing.T) {
	s := newShipment(t, publishEnv+"publish: {registry: REGISTRY/team/app, daytona: {cpu: 2, memory: 4, region: eu}}\n")
	d := daytonatest.Start(t)
	s.bad(78, []string{"publish", "--start", "first"}, "a value for DAYTONA_API_KEY: it is required", "a value for DAYTONA_API_URL: it is required", "a value for SESSION_KEY: it is required")
	s.env = []string{"DAYTONA_API_URL=http://daytona.invalid/api", "DAYTONA_API_KEY=" + daytonatest.Key}
	s.bad(78, []string{"publish"}, "the key would travel to daytona.invalid without TLS")
	s.env = []string{"DAYTONA_API_URL=" + d.API(), "DAYTONA_API_KEY=" + daytonatest.Key, "SESSION_KEY=" + sessionKey, "PORT=3001"}

	var would, did, again published
	s.good(&would, "publish", "--dry-run", "--start", "first")
	if len(s.tags("team/app")) > 0 || len(d.Requests()) > 0 {
		t.Fatalf("a dry run left %v, and asked Daytona %d times", s.tags("team/app"), len(d.Requests()))
	}
	s.good(&did, "publish", "--start", "first")
	if !would.DryRun || would.Image != did.Image || would.Snapshot.Name != did.Snapshot.Name || would.Sandbox.Name != "first" {
		t.Errorf("it would %+v, and did %+v", would, did)
	}
	if did.Snapshot.State != "active" || did.Sandbox.State != "started" || did.Sandbox.ID != "id-of-first" {
		t.Errorf("did %+v %+v", did.Snapshot, did.Sandbox)
	}
	s.good(&again, "publish")
	if again.Image != did.Image || again.Digest != did.Digest || again.Snapshot.Name != did.Snapshot.Name || len(s.tags("team/app")) != 1 {
		t.Errorf("publishing again made another: %+v, %v", again, s.tags("team/app"))
	}
	t.Run("what the registry has", func(t *testing.T) {
		img, err := remote.Image(s.reference(strings.TrimPrefix(did.Image, s.registry+"/")))
		must(t, err)
		if digest, err := img.Digest(); err != nil || digest.String() != did.Digest {
			t.Errorf("it has %s, %v", digest, err)
		}
	})
	t.Run("what Daytona was asked", func(t *testing.T) { askedOf(t, d, did) })
	t.Run("a fault of Daytona", func(t *testing.T) {
		d.Change(func() {
			d.Before = func(_ int, w http.ResponseWriter, r *http.Request, body string) bool {
				w.WriteHeader(http.StatusBadRequest)
				_ = json.NewEncoder(w).Encode(map[string]string{"message": "no: " + r.Header.Get("Authorization") + " " + body})
				return true
			}
		})
		_, errs, code := s.run("publish", "--start", "second")
		if code != 1 || !strings.Contains(errs, "[redacted DAYTONA_API_KEY]") || strings.Contains(errs, daytonatest.Key) || strings.Contains(errs, sessionKey) {
			t.Errorf("%d: %s", code, tail(errs))
		}
	})
}

// askedOf holds the requests: what they ask, and where secrets stand in them.
func askedOf(t *testing.T, d *daytonatest.Server, did published) {
	var snapshot map[string]any
	must(t, json.Unmarshal([]byte(d.Bodies(http.MethodPost, "/snapshots")[0]), &snapshot))
	want := map[string]any{"name": did.Snapshot.Name, "imageName": did.Image, "entrypoint": []any{"/usr/local/bin/sandwright-init"}, "cpu": 2.0, "memory": 4.0, "regionId": "eu"}
	if diff := cmp.Diff(want, snapshot); diff != "" {
		t.Error(diff)
	}
	var sandbox struct {
		Name, Snapshot, Target string
		Env                    map[string]string
	}
	body := d.Bodies(http.MethodPost, "/sandbox")[0]
	must(t, json.Unmarshal([]byte(body), &sandbox))
	if diff := cmp.Diff(map[string]string{"SESSION_KEY": sessionKey, "PORT": "3001"}, sandbox.Env); diff != "" || sandbox.Snapshot != did.Snapshot.Name {
		t.Errorf("%s\n%+v", diff, sandbox)
	}
	for _, r := range d.Requests() {
		outside := r.Body
		if r.Path == "/sandbox" {
			outside = strings.Replace(outside, `"SESSION_KEY":"`+sessionKey+`"`, "", 1)
		}
		for name, values := range r.Header {
			if name != "Authorization" {
				outside += strings.Join(values, " ")
			}
		}
		if strings.Contains(outside+r.Path, daytonatest.Key) || strings.Contains(outside+r.Path, sessionKey) {
			t.Errorf("a secret stands in the wrong place of %s %s: %s", r.Method, r.Path, outside)
		}
	}
}

// TestPublishWithoutARegistry pushes to the one that Daytona gives access to,
// as the user that it names, and says what the file lacks.
func TestPublishWithoutARegistry(t *testing.T) {
	s := newShipment(t, "publish: {daytona: {}}\n")
	s.bad(78, []string{"publish"}, "cannot reach Daytona: DAYTONA_API_KEY is not declared with the scope publish",
		"add to env: DAYTONA_API_KEY: {secret: true, required: true, scope: publish}", "DAYTONA_API_URL is not declared")
	d := daytonatest.Start(t)
	d.Change(func() {
		d.Access = map[string]string{"registryUrl": "http://" + s.registry, "project": "org-1", "username": "robot", "secret": "the secret of the robot", "expiresAt": "2126-12-31T23:59:59Z"}
	})
	s.env = []string{"DAYTONA_API_URL=" + d.API(), "DAYTONA_API_KEY=" + daytonatest.Key}
	s.write("sandwright.yaml", strings.Replace(yamlOf(t, s), "publish: {daytona: {}}\n", publishEnv+"publish: {daytona: {name: box}}\n", 1))
	s.env = append(s.env, "SESSION_KEY="+sessionKey)
	var did published
	s.good(&did, "publish")
	if len(s.tags("org-1/demo")) != 1 || did.Image != s.registry+"/org-1/demo:"+s.tags("org-1/demo")[0] || !strings.HasPrefix(did.Snapshot.Name, "box-") {
		t.Errorf("%+v %+v, tags %v", did, did.Snapshot, s.tags("org-1/demo"))
	}
	d.Change(func() { d.Access["registryUrl"] = "somewhere else" })
	s.bad(1, []string{"publish"}, "cannot push to the registry that Daytona gives access to: it has no usable name")
}
