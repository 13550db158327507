package daytona

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider/daytona/daytonatest"
)

// quick waits as little as can be.
var quick = Timing{Attempt: 10 * time.Second, Retry: time.Millisecond, Poll: time.Millisecond, Ready: 20 * time.Second}

func client(t *testing.T, s *daytonatest.Server, timing Timing) *Client {
	t.Helper()
	c, err := New(Options{URL: s.API(), Key: daytonatest.Key, Secrets: map[string]string{"TOKEN": "a token of the box"}, Timing: timing})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func demo() Snapshot {
	return Snapshot{Name: "demo-0123456789ab", Image: "registry.example.com/team/app:sandwright-1", Entrypoint: []string{"/usr/local/bin/sandwright-init"}, CPU: 2, Memory: 4, Disk: 10, Region: "eu"}
}

func TestMakeSnapshot(t *testing.T) {
	s := daytonatest.Start(t)
	c := client(t, s, quick)
	for range 2 { // the second time it is there: 409 means done
		got, err := c.MakeSnapshot(t.Context(), demo())
		if err != nil || got.State != "active" || got.ID != "id-of-demo-0123456789ab" || got.Name != demo().Name {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	const want = `{"name":"demo-0123456789ab","imageName":"registry.example.com/team/app:sandwright-1","entrypoint":["/usr/local/bin/sandwright-init"],"cpu":2,"memory":4,"disk":10,"regionId":"eu"}`
	if diff := cmp.Diff([]string{want, want}, s.Bodies(http.MethodPost, "/snapshots")); diff != "" {
		t.Error(diff)
	}
}

// TestASnapshotOfAnotherImage has our name, and was made by somebody else: it is
// neither woken nor waited for.
func TestASnapshotOfAnotherImage(t *testing.T) {
	for there, want := range map[string]string{
		"registry.example.com/team/app:v1\x1b[31m": "cannot use snapshot demo-0123456789ab: Daytona has one of that name already, of the image registry.example.com/team/app:v1 [31m, not of registry.example.com/team/app:sandwright-1",
		"docker.io/" + demo().Image:                "",
		"":                                         "", // it does not say
	} {
		s := daytonatest.Start(t)
		s.Snapshots = []string{"inactive", "active"}
		other := demo()
		other.Image = "registry.example.com/team/app:v1"
		c := client(t, s, quick)
		if _, err := c.MakeSnapshot(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		s.Snapshots = []string{"inactive"}
		s.SetImage(demo().Name, there)
		woken := len(s.Bodies(http.MethodPost, "/snapshots/"+demo().Name+"/activate"))
		if want == "" {
			s.Snapshots = []string{"active"}
		}
		_, err := c.MakeSnapshot(t.Context(), demo())
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: got %v, want %q", there, err, want)
		}
		if got := len(s.Bodies(http.MethodPost, "/snapshots/"+demo().Name+"/activate")); got != woken {
			t.Errorf("%q: it was woken", there)
		}
	}
}

func TestASnapshotThatSleepsIsWoken(t *testing.T) {
	s := daytonatest.Start(t)
	s.Snapshots = []string{"inactive", "inactive", "inactive", "pulling", "active"}
	if _, err := client(t, s, quick).MakeSnapshot(t.Context(), demo()); err != nil {
		t.Fatal(err)
	}
	if got := len(s.Bodies(http.MethodPost, "/snapshots/id-of-demo-0123456789ab/activate")); got != 1 {
		t.Errorf("it was woken %d times", got)
	}
}

func TestASnapshotThatFails(t *testing.T) {
	for _, state := range []string{"error", "build_failed", "removing"} {
		s := daytonatest.Start(t)
		s.Snapshots = []string{"pulling", state}
		s.Reason = "unauthorized: pull access denied\x1b[31m for registry.example.com, key " + daytonatest.Key
		_, err := client(t, s, quick).MakeSnapshot(t.Context(), demo())
		want := "cannot use snapshot demo-0123456789ab: Daytona says it is " + state +
			": unauthorized: pull access denied [31m for registry.example.com, key [redacted DAYTONA_API_KEY]"
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestASnapshotThatIsNeverActive(t *testing.T) {
	s := daytonatest.Start(t)
	s.Snapshots = []string{"pulling"}
	short := quick
	short.Ready = 50 * time.Millisecond
	_, err := client(t, s, short).MakeSnapshot(t.Context(), demo())
	if err == nil || !strings.Contains(err.Error(), "cannot wait longer than 50ms for snapshot demo-0123456789ab") {
		t.Error(err)
	}
}

func TestStartSandbox(t *testing.T) {
	s := daytonatest.Start(t)
	c := client(t, s, quick)
	sandbox := Sandbox{Name: "first", Snapshot: demo().Name, Env: map[string]string{"PORT": "3000", "TOKEN": "a token of the box"}, Target: "eu"}
	got, err := c.StartSandbox(t.Context(), sandbox)
	if err != nil || got.ID != "id-of-first" || got.State != "started" {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, r := range s.Requests() {
		where := r.Path + fmt.Sprint(r.Header)
		if strings.Contains(where, "a token") || strings.Contains(r.Path+r.Body, daytonatest.Key) {
			t.Errorf("a secret stands in %s %s %v", r.Method, r.Path, r.Header)
		}
		outside := strings.Replace(r.Body, `"env":{"PORT":"3000","TOKEN":"a token of the box"}`, "", 1)
		if strings.Contains(outside, "a token") {
			t.Errorf("a secret stands outside of env: %s", r.Body)
		}
	}
	_, err = c.StartSandbox(t.Context(), sandbox)
	if err == nil || !strings.Contains(err.Error(), "there is one of that name") {
		t.Errorf("the name is taken: %v", err)
	}
}

// TestALostAnswerMakesNoSecondSandbox: the sandbox was made, its answer lost;
// the second attempt finds the first one's.
func TestALostAnswerMakesNoSecondSandbox(t *testing.T) {
	s := daytonatest.Start(t)
	s.Before = func(n int, w http.ResponseWriter, r *http.Request, body string) bool {
		if n == 0 {
			again, _ := http.NewRequestWithContext(r.Context(), r.Method, s.API()+"/sandbox", strings.NewReader(body))
			again.Header = r.Header.Clone()
			if res, err := http.DefaultClient.Do(again); err == nil {
				_ = res.Body.Close()
			}
			panic(http.ErrAbortHandler)
		}
		return false
	}
	got, err := client(t, s, quick).StartSandbox(t.Context(), Sandbox{Name: "once", Snapshot: "x"})
	if err != nil || got.ID != "id-of-once" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestASandboxThatFails(t *testing.T) {
	for _, state := range []string{"error", "build_failed", "destroyed", "stopped"} {
		s := daytonatest.Start(t)
		s.Sandboxes = []string{"creating", state}
		s.Reason = "it said: a token of the box"
		_, err := client(t, s, quick).StartSandbox(t.Context(), Sandbox{Name: "first", Snapshot: "x", Env: map[string]string{"TOKEN": "a token of the box"}})
		if err == nil || !strings.HasSuffix(err.Error(), "Daytona says it is "+state+": it said: [redacted TOKEN]") {
			t.Errorf("got %v", err)
		}
	}
}

func TestPushAccess(t *testing.T) {
	s := daytonatest.Start(t)
	s.Access = map[string]string{"registryUrl": "registry.example.com", "project": "org-1", "username": "robot", "secret": "s3cret of it", "registryId": "1", "expiresAt": "2026-12-31 23:59:59+00:00"}
	got, err := client(t, s, quick).PushAccess(t.Context(), "e u")
	if err != nil || got.Registry != "registry.example.com" || got.Project != "org-1" || got.Secret != "s3cret of it" || got.Expires.Year() != 2026 {
		t.Errorf("%+v, %v", got, err)
	}
	if path := s.Requests()[0].Path; path != "/docker-registry/registry-push-access?regionId=e+u" {
		t.Errorf("asked %s", path)
	}
	s.Access["secret"] = ""
	if _, err := client(t, s, quick).PushAccess(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "names no registry, user or secret") {
		t.Error(err)
	}
}

// TestAServerThatIsSlowToAgree is asked again, a bounded number of times.
func TestAServerThatIsSlowToAgree(t *testing.T) {
	for name, c := range map[string]struct {
		code, times int
		want        string
	}{
		"too many at first":   {http.StatusTooManyRequests, 2, ""},
		"a bad gateway":       {http.StatusBadGateway, 4, ""},
		"down":                {http.StatusServiceUnavailable, 100, "cannot make snapshot demo-0123456789ab at 127.0.0.1: the answer is 503 Service Unavailable: come later"},
		"refused once":        {http.StatusForbidden, 1, "the answer is 403 Forbidden: come later"},
		"moved somewhere":     {http.StatusTemporaryRedirect, 1, "the answer is 307 Temporary Redirect: come later"},
		"a hanging beginning": {0, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := daytonatest.Start(t)
			s.Before = func(n int, w http.ResponseWriter, r *http.Request, _ string) bool {
				if n >= c.times {
					return false
				}
				if c.code == 0 {
					<-r.Context().Done()
					return true
				}
				w.Header().Set("Retry-After", "0")
				w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
				w.WriteHeader(c.code)
				fmt.Fprint(w, `{"message": ["come", "later"]}`)
				return true
			}
			timing := quick
			if c.code == 0 {
				timing.Attempt = 300 * time.Millisecond
			}
			_, err := client(t, s, timing).MakeSnapshot(t.Context(), demo())
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(portless(err.Error()), c.want)):
				t.Errorf("got  %v\nwant %s", err, c.want)
			case c.times == 100 && len(s.Requests()) != attempts:
				t.Errorf("asked %d times", len(s.Requests()))
			}
		})
	}
}

// portless leaves out the port of the test's server.
func portless(text string) string {
	host, rest, _ := strings.Cut(text, "127.0.0.1:")
	_, rest, _ = strings.Cut(rest, ":")
	return host + "127.0.0.1:" + rest
}

func TestRetryAfter(t *testing.T) {
	c := &Client{timing: Timing{}.filled()}
	for text, want := range map[string]time.Duration{"": time.Second, "0": time.Second, "7": 7 * time.Second, "86400": time.Minute, "-1": time.Second, "soon": time.Second} {
		h := http.Header{"Retry-After": {text}}
		if got := c.delay(0, retryAfter(h)); got != want {
			t.Errorf("Retry-After %q waits %s, want %s", text, got, want)
		}
	}
	later := time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)
	if got := retryAfter(http.Header{"Retry-After": {later}}); got < 20*time.Second || got > 31*time.Second {
		t.Errorf("a date in 30 s waits %s", got)
	}
}

// TestHostileServers: whatever comes, the call ends, and shows no secret.
func TestHostileServers(t *testing.T) {
	for name, serve := range map[string]func(w http.ResponseWriter, r *http.Request){
		"echoes the key": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"message": "bad key %s and token a token of the box", "error": "x"}`, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		},
		"echoes it in base64": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"message": "ZHRuXzVmMmMwZmZlZTVlZWQwZmRhN2E1YThkYzBmZmVl"}`)
		},
		"a flood": func(w http.ResponseWriter, _ *http.Request) {
			for range 3 << 10 {
				fmt.Fprint(w, strings.Repeat(" ", 1<<10))
			}
		},
		"a flood of a message": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"message": %q}`, strings.Repeat("x", 100_000))
		},
		"no JSON":     func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"other JSON":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[1, 2]`) },
		"a deep nest": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("[", 100_000)) },
		"a broken body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "{")
		},
		"a huge header": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 200_000)) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.invalid/", http.StatusFound)
		},
		"an unknown state": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"id": "../../x", "state": "dancing"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			s := daytonatest.Start(t)
			s.Before = func(_ int, w http.ResponseWriter, r *http.Request, _ string) bool { serve(w, r); return true }
			timing := quick
			timing.Ready = 200 * time.Millisecond
			_, err := client(t, s, timing).MakeSnapshot(t.Context(), demo())
			if err == nil {
				t.Fatal("it succeeded")
			}
			for _, f := range fault.All(err) {
				text := f.Error() + f.Hint
				if strings.Contains(text, daytonatest.Key) || strings.Contains(text, "ZHRuXz") || strings.Contains(text, "a token") || len(text) > 2000 {
					t.Errorf("it shows %q", text)
				}
			}
		})
	}
}

func TestCancelEndsWaiting(t *testing.T) {
	s := daytonatest.Start(t)
	s.Snapshots = []string{"pulling"}
	ctx, cancel := context.WithCancel(t.Context())
	s.Before = func(n int, _ http.ResponseWriter, _ *http.Request, _ string) bool {
		if n == 2 {
			cancel()
		}
		return false
	}
	if _, err := client(t, s, quick).MakeSnapshot(ctx, demo()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	const key = daytonatest.Key
	for name, o := range map[string]Options{
		"no address":            {Key: key},
		"another scheme":        {URL: "ftp://host/api", Key: key},
		"a password":            {URL: "https://u:hunter2hunter2@host/api", Key: key},
		"no TLS to a far place": {URL: "http://daytona.example/api", Key: key},
		"no key":                {URL: "https://host/api"},
		"a key of two lines":    {URL: "https://host/api", Key: "first line\nX-Other: second"},
	} {
		_, err := New(o)
		if err == nil || fault.Code(err) != fault.ExitConfig || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "first line") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
