package main

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/redact"
)

// Values that are nowhere else on this machine.
const (
	runSecret   = "r9-tK4/run+secret qZ7w"
	buildSecret = "b3-xP8/build+secret mN2v"
	laterSecret = "l5-wQ1/later+secret hJ6c"
)

// noTrace has secrets given, used, printed and failed with in every way that a
// project can, and then looks for them in all that is left of it.
func noTrace(t *testing.T, b *box) {
	file, err := os.ReadFile(filepath.Join(b.dir, "sandwright.yaml"))
	must(t, err)
	defer b.write(t, "sandwright.yaml", string(file))
	token := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(token, []byte(runSecret+"\n"), 0o600))
	t.Setenv("BUILD_TOKEN", buildSecret)
	t.Setenv("ITERATE_TOKEN_FILE", token)
	const build = "    - {run: pnpm build, dir: apps/daemon, outputs: [apps/daemon/dist]}\n    - {run: pnpm build, dir: apps/os, outputs: [apps/os/dist]}\n"
	b.edit(t, "sandwright.yaml", build, "    - run: echo with $BUILD_TOKEN; pnpm --filter daemon --filter os build\n      env: [BUILD_TOKEN]\n")
	b.edit(t, "sandwright.yaml", "    services: [iterate-server]\n    description: Signs", "    services: [iterate-server, teller, crier]\n    on-change: restart\n    description: Signs")
	b.edit(t, "sandwright.yaml", "\nservices:\n", `
  BUILD_TOKEN: {secret: true, scope: build}

services:
  teller:
    command: [sh, -c, 'echo "it is $ITERATE_TOKEN"; echo "$ITERATE_TOKEN" | base64; exec sleep 1000']
  crier:
    command: [sh, -c, 'echo "dying of $ITERATE_TOKEN"; exit 3']
    restart: never
    ready: {tcp: "127.0.0.1:9", timeout: 20s}
`)
	var said strings.Builder
	say := func(want int, args ...string) string {
		t.Helper()
		out, stderr, code := b.run(t, args...)
		said.WriteString(out + stderr)
		if code != want {
			t.Errorf("%v ended with %d: %s", args, code, tail(stderr))
		}
		return out + stderr
	}
	if got := say(1, "up", "--publish-all"); !strings.Contains(got, "with [redacted BUILD_TOKEN]") {
		t.Errorf("the build's display: %s", tail(got))
	}
	if got := say(0, "logs", "teller"); strings.Count(got, "[redacted ITERATE_TOKEN]") < 2 {
		t.Errorf("the log: %s", got)
	}
	say(0, "ps")
	view := parse(t, say(0, "ps", "--json"))
	say(78, "up", "--env", "PORT=lots")
	say(0, "env", "explain", "ITERATE_TOKEN")
	t.Run("a secret that changes on the host", func(t *testing.T) { changesOnHost(t, b, token, view) })
	b.find(t, said.String())
	t.Run("a layer with a secret", func(t *testing.T) {
		b.edit(t, "sandwright.yaml", "echo with $BUILD_TOKEN;", "echo $BUILD_TOKEN > leak.txt;")
		got := say(1, "build", "--output", "oci:"+filepath.Join(b.home, "image.tar"))
		if !strings.Contains(got, "the value of BUILD_TOKEN stands in the text of /home/iterate/src/app/leak.txt, in the layer of echo $BUILD_TOKEN > leak.txt") {
			t.Errorf("build said: %s", tail(got))
		}
		if _, err := os.Stat(filepath.Join(b.home, "image.tar")); err == nil {
			t.Error("the image was written")
		}
	})
	b.write(t, "sandwright.yaml", string(file))
	b.up(t)
	got := say(0, "gc", "--keep", "1kB")
	b.find(t, said.String())
	for _, want := range []string{"notice: ", " of layers stay, more than --keep 1kB: ", " of them are held by what runs (iterate-sandbox of " + b.dir + "); to free them, run there: sandwright down", "; 1 sandboxes run"} {
		if !strings.Contains(got, want) {
			t.Errorf("gc beside a sandbox did not say %q: %s", want, tail(got))
		}
	}
	say(0, "exec", "true") // it has lost nothing
}

// changesOnHost replaces the file of a secret: the service that asked for it is
// restarted with the new value.
func changesOnHost(t *testing.T, b *box, token string, before view) {
	must(t, os.WriteFile(token+".new", []byte(laterSecret), 0o600))
	must(t, os.Rename(token+".new", token))
	pid := func(v view) int {
		for _, s := range v.Services {
			if s.Service == "teller" {
				return s.PID
			}
		}
		return 0
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(500 * time.Millisecond) {
		out, _, _ := b.run(t, "ps", "--json")
		now := pid(parse(t, out))
		if now != 0 && now != pid(before) {
			environ, _, _ := b.run(t, "exec", "sh", "-c", "cat /run/sandwright/given/ITERATE_TOKEN")
			if strings.Contains(environ, "secret") {
				t.Error("the box's user reads the secret's file")
			}
			return
		}
		if time.Now().After(end) {
			t.Fatal("the service still has the old secret")
		}
	}
}

// find fails for every place that has one of the secrets, in any form: what was
// said, every process's arguments, and every file of the project and of the home,
// which are logs, states, layers and BuildKit's cache.
func (b *box) find(t *testing.T, said string) {
	t.Helper()
	values := map[string]string{"run": runSecret, "build": buildSecret, "later": laterSecret}
	set := redact.New(values)
	look := func(where string, text []byte) {
		for name, value := range values {
			for _, form := range []string{value, base64.StdEncoding.EncodeToString([]byte(value))} {
				if bytes.Contains(text, []byte(form)) {
					t.Errorf("%s has the %s secret", where, name)
				}
			}
		}
		if name, found := set.Holds(text); found {
			t.Errorf("%s has the %s secret, encoded", where, name)
		}
	}
	look("what was said", []byte(said))
	cmdlines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(t, err)
	for _, path := range cmdlines {
		text, _ := os.ReadFile(path) // the process may have ended
		look(path, text)
	}
	files := 0
	for _, dir := range []string{b.home, b.dir} {
		must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil && !os.IsNotExist(err) {
				return err
			}
			look(path+"'s name", []byte(filepath.Base(path)))
			if d == nil || !d.Type().IsRegular() {
				return nil
			}
			files++
			f, err := os.Open(path)
			if err != nil {
				return nil // a temporary one that is gone
			}
			defer f.Close()
			if name, found, err := set.Scan(f); found || err != nil {
				t.Errorf("%s has the %s secret: %v", path, name, err)
			}
			return nil
		}))
	}
	if files < 1000 {
		t.Errorf("only %d files were looked at", files)
	}
}
