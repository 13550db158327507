//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/receipt"
)

// A bench is a workspace with a receipt, and a home in which seals are kept.
type workbench struct {
	t                  *testing.T
	dir, home, receipt string
	env                []string
}

// bench makes a workspace of two manifests whose steps write down that they ran.
func newWorkbench(t *testing.T) *workbench {
	t.Helper()
	top := t.TempDir()
	w := &workbench{t: t, dir: filepath.Join(top, "src"), home: filepath.Join(top, "home"), receipt: filepath.Join(top, "receipt.json")}
	for _, dir := range []string{w.home, filepath.Join(w.dir, "docs")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.home, "GORACE=" + noSleep, "LOG=" + filepath.Join(top, "log")}
	w.write("package.json", "{}")
	w.write("docs/package.json", "{}")
	w.seal(func(*receipt.Receipt) {})
	return w
}

// note is a step that writes down that it ran, where, and what it was given.
func note(name, dir string) receipt.Step {
	return receipt.Step{Argv: []string{"/bin/sh", "-ec", `echo "` + name + ` in ${PWD##*/} with $GIVEN" >>"$LOG"`}, Dir: dir, Env: map[string]string{"GIVEN": "for " + name}}
}

// seal writes the receipt of the workspace as it stands.
func (w *workbench) seal(change func(*receipt.Receipt)) {
	w.t.Helper()
	manifest := func(name string) []receipt.File {
		data, err := os.ReadFile(filepath.Join(w.dir, name))
		if err != nil {
			w.t.Fatal(err)
		}
		return []receipt.File{{Path: name, Kind: receipt.Manifest, Sum: receipt.SumOf(data), Seen: receipt.SumOf([]byte(name)), Fields: receipt.FieldsOf(name, data)}}
	}
	r := receipt.Receipt{Version: receipt.Version, Target: w.dir, UID: uint32(os.Geteuid()), Layers: []receipt.Layer{
		{Name: "base"},
		{Name: "install", On: []string{"base"}, Run: []receipt.Step{note("install", "")}, Fields: []string{"dependencies"}, Files: manifest("package.json")},
		{Name: "install docs", On: []string{"base"}, Run: []receipt.Step{note("docs", "docs"), note("rebuild", "docs")}, Fields: []string{"dependencies"}, Files: manifest("docs/package.json")},
		{Name: "build 1", On: []string{"install docs"}, Run: []receipt.Step{note("build", "")}},
	}}
	change(&r)
	data, err := receipt.Encode(r)
	if err == nil {
		err = os.WriteFile(w.receipt, data, 0o644)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *workbench) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// command is sandwright-init sync.
func (w *workbench) command(args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	cmd := exec.Command(os.Getenv(binaryEnv), append([]string{"sync", "--receipt", w.receipt}, args...)...)
	cmd.Env = w.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	return cmd, &out, &errs
}

func (w *workbench) sync(args ...string) (stdout, stderr string, code int) {
	w.t.Helper()
	cmd, out, errs := w.command(args...)
	_ = cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// ran is what has run since it was asked last.
func (w *workbench) ran() string {
	w.t.Helper()
	file := filepath.Join(filepath.Dir(w.dir), "log")
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	if err := os.Remove(file); err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// is fails the test unless a sync ended so.
func (w *workbench) is(what string, code int, stdout, ran string, args ...string) {
	w.t.Helper()
	out, stderr, got := w.sync(args...)
	if diff := cmp.Diff([]string{stdout, ran}, []string{out, w.ran()}); diff != "" || got != code {
		w.t.Errorf("%s: %d, %s%s", what, got, stderr, diff)
	}
}

const (
	docsRan  = "docs in docs with for docs\nrebuild in docs with for rebuild\n"
	buildRan = "build in src with for build\n"
)

// What differs is run as the image did, once, and what stands on it; then there
// is nothing to do until something differs again.
func TestSyncRuns(t *testing.T) {
	w := newWorkbench(t)
	w.is("as it was", 0, "nothing to install\n", "", "--run")
	w.write("docs/package.json", `{"dependencies":{"a":"1"}}`)
	out, stderr, code := w.sync("--run")
	for _, want := range []string{"install docs: dependencies.a 1 added in docs/package.json\nrun: /bin/sh", "build 1: install docs runs again\nrun: "} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%d: no %q in %s%s", code, want, out, stderr)
		}
	}
	if got := w.ran(); got != docsRan+buildRan {
		t.Errorf("it ran %q", got)
	}
	w.is("once more", 0, "nothing to install\n", "", "--run")
	w.is("asked", 0, "nothing to install\n", "")
	w.is("asked in JSON", 0, "[]\n", "", "--json")
	w.write("package.json", `{"dependencies":{"b":"1"}}`)
	out, stderr, code = w.sync("--run", "--json")
	var ran []staleLayer
	if err := json.Unmarshal([]byte(out), &ran); err != nil || code != 0 || len(ran) != 1 || ran[0].Layer != "install" || !strings.Contains(stderr, "install: dependencies.b 1 added") {
		t.Errorf("%d, %v: %s%s", code, err, out, stderr)
	}
	if got := w.ran(); got != "install in src with for install\n" {
		t.Errorf("it ran %q", got)
	}
	// What was installed is gone, as with a volume in the workspace's place.
	w.seal(func(r *receipt.Receipt) {
		r.Layers[1].Leaves = []string{"node_modules"}
		r.Layers[1].Run[0].Argv[2] += "; mkdir node_modules"
	})
	if out, _, code := w.sync(); code != 1 || !strings.HasPrefix(out, "install: node_modules removed\nrun: ") {
		t.Errorf("%d: %s", code, out)
	}
	if _, stderr, code := w.sync("--run"); code != 0 || w.ran() != "install in src with for install\n" {
		t.Errorf("%d: %s", code, stderr)
	}
	w.is("it is there", 0, "nothing to install\n", "", "--run")
	// Another image: what was run in the box of this one says nothing of it.
	w.seal(func(r *receipt.Receipt) { r.Name = "other" })
	w.is("another image", 0, "nothing to install\n", "", "--run")
	w.write("package.json", "{}")
	if _, _, code := w.sync("--run"); code != 0 || w.ran() == "" {
		t.Error("what differs from another image is not run")
	}
}

// What did not end well is said, leaves what comes after it to be done, and is
// run again.
func TestSyncFails(t *testing.T) {
	w := newWorkbench(t)
	w.seal(func(r *receipt.Receipt) {
		r.Layers[2].Run[1].Argv[2] = "test -e ok || exit 7\n" + r.Layers[2].Run[1].Argv[2]
	})
	w.write("docs/package.json", `{"dependencies":{"a":"1"}}`)
	out, stderr, code := w.sync("--run")
	if code != 1 || !strings.Contains(stderr, "cannot run install docs: /bin/sh ended with exit code 7\nhint:  see what it said above") || strings.Contains(out, "build 1") {
		t.Errorf("%d: %s%s", code, out, stderr)
	}
	if got := w.ran(); got != "docs in docs with for docs\n" {
		t.Errorf("it ran %q", got)
	}
	// Also where nothing differs any more.
	w.write("docs/package.json", "{}")
	if out, _, code := w.sync(); code != 1 || !strings.HasPrefix(out, "install docs: its last run did not end\n") {
		t.Errorf("%d: %s", code, out)
	}
	w.write("docs/ok", "")
	if out, stderr, code := w.sync("--run"); code != 0 || w.ran() != docsRan+buildRan {
		t.Errorf("%d: %s%s", code, out, stderr)
	}
	w.is("then", 0, "nothing to install\n", "", "--run")
	for name, change := range map[string]func(*receipt.Receipt){
		"cannot run install: it needs TOKEN, which is not in the image\nhint:  set it, or on the host run: sandwright up": func(r *receipt.Receipt) { r.Layers[1].Run[0].Needs = []string{"TOKEN"} },
		"cannot run install: nothing-of-that-name did not start: cannot find nothing-of-that-name in PATH":                func(r *receipt.Receipt) { r.Layers[1].Run[0].Argv[0] = "nothing-of-that-name" },
		"cannot run install: /bin/sh was ended by SIGKILL":                                                                func(r *receipt.Receipt) { r.Layers[1].Run[0].Argv[2] = "kill -9 $$" },
		"cannot run install: /bin/sh did not start: cannot start in " + w.dir + "/gone":                                   func(r *receipt.Receipt) { r.Layers[1].Run[0].Dir = "gone" },
	} {
		w.seal(func(r *receipt.Receipt) {
			change(r)
			r.Layers[1].Due = []receipt.Cause{{File: "x", Change: receipt.Changed}}
		})
		if _, stderr, code := w.sync("--run"); code != 1 || !strings.Contains(stderr, name) || w.ran() != "" {
			t.Errorf("%d: no %q in %s", code, name, stderr)
		}
	}
	w.env = append(w.env, "TOKEN=t")
	w.seal(func(r *receipt.Receipt) {
		r.Layers[1].Run[0].Needs, r.Layers[1].Due = []string{"TOKEN"}, []receipt.Cause{{File: "x", Change: receipt.Changed}}
	})
	if _, stderr, code := w.sync("--run"); code != 0 {
		t.Errorf("with what it needs: %d: %s", code, stderr)
	}
}

// Two in one box take turns, and the second finds that nothing is left to do.
func TestSyncTakesTurns(t *testing.T) {
	w := newWorkbench(t)
	hold := filepath.Join(w.home, "hold")
	w.seal(func(r *receipt.Receipt) {
		r.Layers[1].Due = []receipt.Cause{{File: "x", Change: receipt.Changed}}
		r.Layers[1].Run[0].Argv[2] = "touch " + hold + "; while test -e " + hold + "; do sleep 0.02; done\n" + r.Layers[1].Run[0].Argv[2]
	})
	first, _, firstErrs := w.command("--run")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	waitForFile(t, hold)
	second, out, _ := w.command("--run")
	said := &buffer{}
	second.Stderr = said
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); !strings.Contains(said.String(), "waiting for another sync in this box to end\n"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not wait: %s", said)
		}
	}
	if err := os.Remove(hold); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Errorf("%v: %s", err, firstErrs)
	}
	if err := second.Wait(); err != nil || out.String() != "nothing to install\n" {
		t.Errorf("%v: %s%s", err, out, said)
	}
	if got := w.ran(); got != "install in src with for install\n" {
		t.Errorf("they ran %q", got)
	}
}

// Whoever holds the lock of turns and does not let go, be it a process of the box's
// user, is waited for no longer than what is to be run could take.
func TestSyncTurnsEnd(t *testing.T) {
	w := newWorkbench(t)
	w.seal(func(r *receipt.Receipt) {
		r.Layers[1].Due = []receipt.Cause{{File: "x", Change: receipt.Changed}}
	})
	dir := filepath.Join(w.home, ".local/state/sandwright")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(filepath.Join(dir, "seal.json.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := w.sync("--run", "--timeout", "10ms"); code != 1 || !strings.Contains(stderr, "cannot take turns: another sync in this box has not ended after 2.01s\nhint: ") {
		t.Errorf("%d: %s", code, stderr)
	}
	if got := w.ran(); got != "" {
		t.Errorf("it ran %q", got)
	}
}

// Root runs the steps as the user whose they are, and leaves nothing of its own.
func TestSyncAsRoot(t *testing.T) {
	const nobody = 65534
	w := newWorkbench(t)
	for _, dir := range []string{filepath.Dir(os.Getenv(binaryEnv)), filepath.Dir(filepath.Dir(w.dir))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	log := filepath.Join(filepath.Dir(w.dir), "log")
	for _, name := range []string{w.home, create(t, log)} {
		if err := os.Chown(name, nobody, nobody); err != nil {
			t.Fatalf("this test needs root: %v", err)
		}
	}
	w.seal(func(r *receipt.Receipt) {
		r.UID = nobody
		r.Layers[1].Run[0].Argv[2] = `echo "$(id -u) $(id -g) $HOME" >>"$LOG"`
	})
	w.env = append(w.env, "XDG_STATE_HOME="+w.home)
	w.write("package.json", `{"dependencies":{"a":"1"}}`)
	// nobody's home is one that does not exist: there is no place for a seal.
	out, stderr, code := w.sync("--run")
	if code != 1 || !strings.Contains(stderr, "cannot remember what was run") {
		t.Errorf("%d: %s%s", code, out, stderr)
	}
	cmd, _, errs := w.command("--run")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs)
	}
	if got := w.ran(); got != "65534 65534 "+w.home+"\n" {
		t.Errorf("it ran as %q", got)
	}
	cmd, _, errs = w.command("--run")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1, Gid: 1}}
	cmd.Env = append(cmd.Env, "XDG_STATE_HOME=/nowhere")
	if err := cmd.Run(); err == nil || !strings.Contains(errs.String(), "they are user 65534's to run, and this is user 1") {
		t.Errorf("%v: %s", err, errs)
	}
}

// sandwright sync gives the addresses of registries, and is told what has run.
func TestSyncForTheHost(t *testing.T) {
	w := newWorkbench(t)
	w.seal(func(r *receipt.Receipt) {
		r.Layers[1].Run[0].Argv[2] = `cat "$NPM_CONFIG_USERCONFIG" "$SSL_CERT_FILE" >>"$LOG"; test "$SSL_CERT_FILE" = "$NODE_EXTRA_CA_CERTS"; ls -ld "${SSL_CERT_FILE%/*}" | cut -c 1-10 >>"$LOG"; echo "${SSL_CERT_FILE%/*}" >` + w.home + `/where`
	})
	w.write("package.json", `{"dependencies":{"a":"1"}}`)
	cmd, out, errs := w.command("--run", "--for-host")
	cmd.Stdin = strings.NewReader(`{"npmrc":"registry=x\n","ca":"certificates\n"}`)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs)
	}
	var report rerun
	if err := json.Unmarshal(out.Bytes(), &report); err != nil || len(report.Ran) != 1 || len(report.Seal.Layers) != 1 || len(report.Seal.Due) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	if got := w.ran(); got != "registry=x\ncertificates\ndrwx------\n" {
		t.Errorf("it was given %q", got)
	}
	where, err := os.ReadFile(w.home + "/where")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(strings.TrimSpace(string(where))); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", where, err)
	}
	sealed, _, _ := w.sync("--sealed")
	if seal, err := json.Marshal(report.Seal); err != nil || strings.TrimSpace(sealed) != string(seal) {
		t.Errorf("%v: %s, and before %s", err, sealed, seal)
	}
	if cmd, _, errs = w.command("--run", "--for-host"); cmd.Run() == nil || !strings.Contains(errs.String(), "cannot read where packages come from") {
		t.Errorf("without: %s", errs)
	}
}
