//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/spec"
)

// startsOver is the spec of a box over the workspace of w, whose service writes
// down that it started.
func (w *workbench) startsOver(do spec.StartAction) spec.Spec {
	s := box1(sh("web", `echo web >>"$LOG"; echo >&3; exec sleep 1000`, func(s *spec.Service) { s.Ready = &spec.Probe{FD: 3} }))
	s.Env = map[string]string{}
	for _, pair := range w.env {
		name, value, _ := strings.Cut(pair, "=")
		s.Env[name] = value
	}
	uid := uint32(os.Geteuid())
	s.AtStart = &spec.AtStart{Do: do, Receipt: w.receipt, User: spec.User{Name: "root", UID: uid, GID: uint32(os.Getegid()), Home: w.home}, Timeout: spec.Duration(time.Minute)}
	return s
}

// runs starts a box, waits until its service runs, and ends it; it gives what it
// said and where its services stood.
func (w *workbench) runs(t *testing.T, p place, s spec.Spec) (said string, status spec.Status) {
	t.Helper()
	b := start(t, p, s)
	b.until("web", spec.StateReady)
	status = b.settled()
	b.finish()
	return b.stderr.String(), status
}

// When a box starts, what differs is run before its services, once.
func TestAtStart(t *testing.T) {
	inBothPlaces(t, func(t *testing.T, p place) {
		w := newWorkbench(t)
		s := w.startsOver(spec.StartInstall)
		said, status := w.runs(t, p, s)
		if !strings.Contains(said, "workspace: nothing to install (compared in ") || len(status.Services) != 1 || w.ran() != "web\n" {
			t.Errorf("as it was: %+v: %s", status, said)
		}
		w.write("docs/package.json", `{"dependencies":{"a":"1","b":"1","c":"1","d":"1"}}`)
		said, status = w.runs(t, p, s)
		for _, want := range []string{"workspace: install docs: dependencies.a 1 added in docs/package.json\n", "workspace: install docs: and 1 more\n", "workspace: build 1: install docs runs again\n"} {
			if !strings.Contains(said, want) {
				t.Errorf("no %q in %s", want, said)
			}
		}
		if got := find(t, status, "workspace"); got.State != spec.StateExited || got.Reason != "exited 0" || !status.Ready {
			t.Errorf("%+v", got)
		}
		if got := w.ran(); got != docsRan+buildRan+"web\n" {
			t.Errorf("it ran %q", got)
		}
		if said, _ = w.runs(t, p, s); !strings.Contains(said, "workspace: nothing to install") || w.ran() != "web\n" {
			t.Errorf("once more: %s", said)
		}
		w.is("in the box", 0, "nothing to install\n", "", "--run")
	})
}

// Why the step runs is where its services are shown, and so is what they wait
// for. A reload does not begin anew.
func TestAtStartIsShown(t *testing.T) {
	w := newWorkbench(t)
	hold := create(t, filepath.Join(w.home, "hold"))
	w.seal(func(r *receipt.Receipt) {
		r.Layers[1].Due = []receipt.Cause{{File: "sandwright.yaml", Change: receipt.Changed}}
		r.Layers[1].Run[0].Argv[2] = "while test -e " + hold + "; do sleep 0.02; done\n" + r.Layers[1].Run[0].Argv[2]
	})
	b := start(t, subreaper, w.startsOver(spec.StartInstall))
	const why = "install: sandwright.yaml changed"
	if got := b.until("workspace", spec.StateStarting); got.Reason != why {
		t.Errorf("%+v", got)
	}
	if got := b.service("web"); got.State != spec.StateWaiting || got.Reason != "waiting for workspace: starting: "+why {
		t.Errorf("%+v", got)
	}
	out, _, _ := command(t, "status", "--socket", b.socket)
	if !strings.Contains(out, why) {
		t.Errorf("status: %s", out)
	}
	if got, err := b.Reload(t.Context()); err != nil || len(got.Unchanged) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if err := os.Remove(hold); err != nil {
		t.Fatal(err)
	}
	b.until("web", spec.StateReady)
	if got := w.ran(); got != "install in src with for install\nweb\n" {
		t.Errorf("it ran %q", got)
	}
	b.logs("workspace", why+"\nrun: /bin/sh -ec")
	if got, err := b.Reload(t.Context()); err != nil || len(got.Unchanged) != 2 || w.ran() != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A step that fails or hangs is said, and keeps services from starting only
// where the spec asks for that.
func TestAtStartFails(t *testing.T) {
	hangs := func(w *workbench, s *spec.Spec) {
		w.hanging("")
		s.AtStart.Timeout = spec.Duration(500 * time.Millisecond)
	}
	fails := func(w *workbench, _ *spec.Spec) {
		w.write("package.json", `{"dependencies":{"a":"1"}}`)
		w.seal(func(r *receipt.Receipt) {
			r.Layers[1].Due, r.Layers[1].Run[0].Argv[2] = []receipt.Cause{{File: "x", Change: receipt.Changed}}, "exit 3"
		})
	}
	for name, tt := range map[string]struct {
		breaks func(*workbench, *spec.Spec)
		log    string
	}{
		"fails": {fails, "cannot run install: /bin/sh ended with exit code 3"},
		"hangs": {hangs, "cannot run install: /bin/sh is not done after 500ms"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkbench(t)
			s := w.startsOver(spec.StartInstall)
			tt.breaks(w, &s)
			b := start(t, subreaper, s)
			b.until("web", spec.StateReady)
			b.logs("workspace", tt.log)
			if status := b.settled(); !status.Ready || status.Failed {
				t.Errorf("%+v", status)
			}
			if got := b.service("workspace"); got.State != spec.StateExited || got.Reason != "failed: exited 1" {
				t.Errorf("%+v", got)
			}
			b.tells("workspace: failed: exited 1")

			w = newWorkbench(t)
			s = w.startsOver(spec.StartRequire)
			tt.breaks(w, &s)
			b = start(t, subreaper, s)
			if got := b.until("workspace", spec.StateFailed); got.Reason != "exited 1" {
				t.Errorf("%+v", got)
			}
			if got := b.service("web"); got.State != spec.StateWaiting || got.Reason != "waiting for workspace: failed: exited 1" {
				t.Errorf("%+v", got)
			}
			// Whoever puts it right starts it once more.
			w.seal(func(*receipt.Receipt) {})
			if _, err := b.Start(t.Context(), "workspace"); err != nil {
				t.Error(err)
			}
			b.until("web", spec.StateReady)
		})
	}
}

// What only is to be said is said; and nothing is where there is nothing to
// compare. Whatever is wrong with the receipt, services start.
func TestAtStartSays(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*workbench, *spec.Spec)
		says   string
	}{
		"check": {func(w *workbench, s *spec.Spec) { s.AtStart.Do = spec.StartCheck }, "workspace: install: dependencies.a 1 added in package.json\nsandwright-init: workspace: to put that right run: sandwright-init sync --run\n"},
		"off":   {func(w *workbench, s *spec.Spec) { s.AtStart = nil }, ""},
		"an image without a receipt": {func(w *workbench, s *spec.Spec) {
			if err := os.Remove(w.receipt); err != nil {
				t.Fatal(err)
			}
		}, ""},
		"a receipt that is none": {func(w *workbench, s *spec.Spec) {
			if err := os.WriteFile(w.receipt, []byte("{"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "workspace: cannot use the receipt "},
		"a manifest that is none": {func(w *workbench, s *spec.Spec) {
			if err := os.Remove(filepath.Join(w.dir, "package.json")); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(filepath.Join(w.dir, "package.json"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "workspace: cannot compare the workspace: "},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkbench(t)
			w.write("package.json", `{"dependencies":{"a":"1"}}`)
			s := w.startsOver(spec.StartInstall)
			tt.change(w, &s)
			said, status := w.runs(t, subreaper, s)
			if len(status.Services) != 1 || w.ran() != "web\n" || tt.says != "" && !strings.Contains(said, tt.says) || tt.says == "" && strings.Contains(said, "workspace") {
				t.Errorf("%+v: %s", status, said)
			}
		})
	}
}

// The comparison reads as the user does: what only root may read decides
// nothing, and shows nowhere.
func TestAtStartReadsAsTheUser(t *testing.T) {
	const nobody = 65534
	w := newWorkbench(t)
	for _, dir := range []string{filepath.Dir(filepath.Dir(w.dir))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(w.home, "secret.json")
	if err := os.WriteFile(secret, []byte(`{"dependencies":{"s3cret":"hunter2"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	a := spec.AtStart{Receipt: w.receipt, User: spec.User{Name: "nobody", UID: nobody, GID: nobody, Home: "/nonexistent"}}
	if todo, err := compareFor(a, nil); err != nil || len(todo) > 0 {
		t.Fatalf("%v, %v", todo, err)
	}
	if err := os.Remove(filepath.Join(w.dir, "package.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(w.dir, "package.json")); err != nil {
		t.Fatal(err)
	}
	todo, err := compareFor(a, nil)
	if err == nil || !strings.Contains(err.Error(), "permission denied") || strings.Contains(fmt.Sprint(todo, err), "hunter2") {
		t.Errorf("%v, %v", todo, err)
	}
	// And this process is who it was.
	if _, err := os.ReadFile(secret); err != nil {
		t.Error(err)
	}
	a.User.UID = 0
	if todo, err = compareFor(a, nil); err != nil || len(todo) != 1 {
		t.Errorf("as root: %v, %v", todo, err)
	}
}

// Where the seal is looked for, what is passed on of our own environment, and
// what the task is called.
func TestAtStartsTask(t *testing.T) {
	own := map[string]string{"https_proxy": "http://p", "AWS_SECRET": "s", "NPM_CONFIG_REGISTRY": "http://r", "PATH": "/x"}
	got := passedOn(func(name string) (string, bool) { value, ok := own[name]; return value, ok })
	if diff := cmp.Diff(map[string]string{"https_proxy": "http://p", "NPM_CONFIG_REGISTRY": "http://r"}, got); diff != "" {
		t.Error(diff)
	}
	services := []spec.Service{{Name: "workspace"}, {Name: "workspace-sync"}, {Name: "web", After: map[string]spec.Condition{"workspace": spec.Ready}}}
	s := spec.Spec{Services: services, AtStart: &spec.AtStart{Timeout: spec.Duration(time.Minute), Do: spec.StartRequire}}
	todo := []receipt.Todo{{Layer: receipt.Layer{Name: "install", Run: make([]receipt.Step, 2)}, Causes: []receipt.Cause{{File: "a\x1b", Change: receipt.Changed}}}}
	first, err := workspaceTask(s, todo)
	if err != nil {
		t.Fatal(err)
	}
	if first.Name != "workspace-sync-sync" || first.Task.Optional || first.Task.Why != "install: a\uFFFD changed" || first.Task.Deadline.Std() != 3*time.Minute+2*stepGrace {
		t.Errorf("%+v %+v", first, first.Task)
	}
	with := preceded(s, first)
	if len(with.Services) != 4 || with.Services[3].After[first.Name] != spec.ExitedOK || len(services[2].After) != 1 {
		t.Errorf("%+v", with.Services)
	}
	if data, err := json.Marshal(preceded(s, nil)); err != nil || strings.Contains(string(data), "sync-sync") {
		t.Errorf("%v: %s", err, data)
	}
}
