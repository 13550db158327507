package control

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/logview"
	"github.com/sandwright/sandwright/internal/spec"
)

var update = flag.Bool("update", false, "write the answers into docs/control.md")

// example is the Supervisor of docs/control.md.
type example struct{ *script }

func (e example) find(name string) spec.ServiceStatus {
	for _, svc := range e.statuses[0].Services {
		if svc.Name == name {
			return svc
		}
	}
	return spec.ServiceStatus{}
}

func (e example) Do(_ context.Context, action Action, name string) (spec.ServiceStatus, error) {
	svc := e.find(name)
	if action == Restart {
		svc.State, svc.ReadyBy, svc.ReadyAfter, svc.PID, svc.Restarts = spec.StateStarting, "", 0, 75, 1
		svc.Reason, svc.Since, svc.Usage = "waiting for GET http://127.0.0.1:3000/health", svc.Since.Add(time.Minute), spec.Usage{}
	}
	return svc, nil
}

func (e example) Signal(_ context.Context, name string, _ syscall.Signal, _ bool) (spec.ServiceStatus, error) {
	return e.find(name), nil
}

func (e example) Reload(context.Context) (spec.Reloaded, error) {
	return spec.Reloaded{Started: []string{"mailer"}, Restarted: []string{"web"}, Signaled: []string{"proxy"}, Unchanged: []string{"db"}, Stopped: []string{"worker"}}, nil
}

func (e example) Shutdown() {}

// documented is the box that the page is about.
func documented() example {
	since := time.Date(2026, 11, 24, 17, 20, 0, 0, time.UTC)
	db := spec.ServiceStatus{
		Name: "db", State: spec.StateReady, ReadyBy: "tcp 127.0.0.1:5432", ReadyAfter: spec.Duration(410 * time.Millisecond),
		PID: 12, Since: since, Port: 5432, Log: "/var/log/sandwright/db/current",
	}
	web := spec.ServiceStatus{
		Name: "web", State: spec.StateReady, ReadyBy: "GET http://127.0.0.1:3000/health 200", ReadyAfter: spec.Duration(2 * time.Second),
		PID: 31, Since: since.Add(3 * time.Second), Port: 3000, Log: "/var/log/sandwright/web/current",
		Usage: spec.Usage{Memory: 92 << 20, CPU: spec.Duration(1800 * time.Millisecond), PIDs: 11},
	}
	worker := spec.ServiceStatus{
		Name: "worker", State: spec.StateFailed, Reason: "exited 3", Restarts: 5, Since: since.Add(9 * time.Second),
		Detail: "Error: connect ECONNREFUSED\n    at queue.js:7", Log: "/var/log/sandwright/worker/current",
	}
	status := spec.Status{Name: "iterate", Failed: true, Services: []spec.ServiceStatus{db, web, worker}}
	return example{&script{statuses: []spec.Status{status}, ends: true}}
}

func documentedLogs(t *testing.T) OpenLogs {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"db":     "2026-11-24 17:20:00.100000000  ready to accept connections\n",
		"web":    "2026-11-24 17:20:01.000000000  compiling\n2026-11-24 17:20:02.000000000  listening on 3000\n2026-11-24 17:20:04.000000000  GET / 200\n",
		"worker": "2026-11-24 17:20:09.000000000  Error: connect ECONNREFUSED\n",
	} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "current"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return func(services []string) (LogReader, error) { return logview.Open(dir, services) }
}

// Each question in docs/control.md is answered, and as the page says.
func TestDocumentation(t *testing.T) {
	const page = "../../docs/control.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	c := serve(t, Handler(documented(), documentedLogs(t)))
	asked := map[string]bool{}
	question := regexp.MustCompile("(?s)```sh\ncurl --unix-socket " + spec.SocketPath + " ([^\n]+)\n```\n(?:```(?:json|text)\n(.*?)```\n)?")
	got := question.ReplaceAllStringFunc(string(text), func(block string) string {
		parts := question.FindStringSubmatch(block)
		method, address := asCurl(t, parts[1])
		asked[method+" "+address.Path] = true
		kind, body := documentedAnswer(t, c, method, address.RequestURI())
		head, _, answered := strings.Cut(block, "```\n```")
		if !answered {
			return block
		}
		return head + "```\n```" + kind + "\n" + body + "```\n"
	})
	for _, path := range []string{
		"GET /v1/status", "GET /v1/wait", "GET /v1/events", "GET /v1/logs", "POST /v1/reload", "POST /v1/shutdown", "POST /v1/services/web/signal",
		"POST /v1/services/web/start", "POST /v1/services/web/stop", "POST /v1/services/web/restart",
	} {
		if !asked[path] {
			t.Errorf("%s is not on the page", path)
		}
	}
	if n := strings.Count(string(text), "curl "); n != len(question.FindAllString(string(text), -1)) {
		t.Errorf("not all of %d questions were asked", n)
	}
	if *update {
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(text), got); diff != "" && !*update {
		t.Errorf("docs/control.md (-page +got; -update writes it):\n%s", diff)
	}
}

// asCurl is what curl would do with these arguments.
func asCurl(t *testing.T, args string) (method string, address *url.URL) {
	t.Helper()
	method, args = http.MethodGet, strings.TrimSpace(args)
	if rest, post := strings.CutPrefix(args, "-X POST "); post {
		method, args = http.MethodPost, rest
	}
	address, err := url.Parse(strings.Trim(args, "'"))
	if err != nil || address.Host != "box" {
		t.Fatalf("%s: %v", args, err)
	}
	return method, address
}

// documentedAnswer is an answer as the page shows it, and how it marks it.
func documentedAnswer(t *testing.T, c *Client, method, path string) (kind, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://box"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := browser(c).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode == http.StatusMethodNotAllowed || resp.StatusCode >= 500 || strings.Contains(string(text), "docs/control.md") {
		t.Errorf("%s %s: %d, %v", method, path, resp.StatusCode, err)
	}
	switch resp.Header.Get("Content-Type") {
	case "application/json":
		var indented bytes.Buffer
		if err := json.Indent(&indented, text, "", "  "); err != nil {
			t.Errorf("%s %s: %v", method, path, err)
		}
		return "json", indented.String()
	case "application/x-ndjson":
		return "json", string(text)
	}
	return "text", string(text)
}
