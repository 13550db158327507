package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// synced is what sync --json prints.
type synced struct {
	Files      int
	Ran, Later []reason
}

// sync must succeed; it gives what was done, and the layers whose steps ran.
func (b *box) sync(t *testing.T, args ...string) (s synced, ran []string) {
	t.Helper()
	out, stderr, code := b.run(t, append([]string{"sync", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &s); err != nil || code != 0 {
		t.Fatalf("%d, %v: %s%s", code, err, out, tail(stderr))
	}
	for _, l := range s.Ran {
		ran = append(ran, l.Layer)
	}
	return s, ran
}

// inBox is what a shell says in the box.
func (b *box) inBox(t *testing.T, script string) string {
	t.Helper()
	out, stderr, _ := b.run(t, "exec", "sh", "-c", script)
	return out + stderr
}

// onHost runs a shell in the project.
func (b *box) onHost(t *testing.T, script string) {
	t.Helper()
	cmd := exec.Command("sh", "-euc", script)
	cmd.Dir = b.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", script, err, out)
	}
}

// syncs brings a running box up to date: what is needed, and nothing else.
func syncs(t *testing.T, b *box) {
	before, _, _ := b.run(t, "ps", "--json")
	if s, ran := b.sync(t); s.Files != 0 || len(ran) > 0 {
		t.Errorf("nothing has changed, and it did %+v", s)
	}
	const hooked, made = "apps/daemon/server/synced.js", "services/made-by-agent.txt"
	b.write(t, hooked, "// of the host\n")
	s, ran := b.sync(t)
	if s.Files != 1 || !slices.Equal(ran, []string{"build 1"}) {
		t.Errorf("one file is new, and it did %+v", s)
	}
	if got := b.inBox(t, "cat "+hooked); got != "// of the host\n" {
		t.Errorf("in the box is %q", got)
	}
	// What an agent wrote stays, and nothing else is brought in meanwhile.
	b.inBox(t, "echo agent > "+hooked+"; echo agent > "+made+"; rm -f apps/daemon/server/extra.js; ln -s /etc/passwd apps/daemon/server/extra.js")
	b.write(t, hooked, "// of the host, edited\n")
	b.write(t, made, "host\n")
	b.write(t, "apps/daemon/server/extra.js", "// host\n")
	b.write(t, "services/other.txt", "other\n")
	_, stderr, code := b.run(t, "sync")
	for _, want := range []string{hooked + " into the sandbox: it was changed in the box", made + " into the sandbox: it was made in the box", "extra.js into the sandbox: it was changed in the box", "sync --force"} {
		if code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%d: no %q in %s", code, want, tail(stderr))
		}
	}
	if got := b.inBox(t, "cat "+hooked+" "+made+"; ls services/other.txt"); !strings.HasPrefix(got, "agent\nagent\n") || !strings.Contains(got, "No such file") {
		t.Errorf("in the box is %q", got)
	}
	b.sync(t, "--force")
	if got := b.inBox(t, "cat "+hooked+" "+made+" apps/daemon/server/extra.js; head -c 4 /etc/passwd"); got != "// of the host, edited\nhost\n// host\nroot" {
		t.Errorf("in the box is %q", got)
	}
	// A path may become a folder, a link and a file again.
	const kind = "services/kind"
	for _, step := range []struct{ host, box string }{
		{"echo file > services/kind", "cat services/kind"},
		{"rm services/kind; mkdir -p services/kind/in; echo file > services/kind/in/side", "cat services/kind/in/side"},
		{"rm -r services/kind; ln -s other.txt services/kind; echo file > services/other.txt", "readlink services/kind >/dev/null && cat services/kind"},
		{"rm services/kind; mkdir services/kind; echo file > services/kind/again", "cat services/kind/again"},
	} {
		b.onHost(t, step.host)
		b.sync(t)
		if got := b.inBox(t, step.box); got != "file\n" {
			t.Errorf("%s: in the box is %q", step.host, got)
		}
	}
	b.inBox(t, "echo agent > services/kind/made")
	b.onHost(t, "rm -r services/kind; echo file > services/kind")
	if _, stderr, code := b.run(t, "sync"); code != 1 || !strings.Contains(stderr, kind+"/made into the sandbox: it was made in the box") {
		t.Errorf("%d: %s", code, tail(stderr))
	}
	b.sync(t, "--force")
	if got := b.inBox(t, "cat services/kind; ls -A | grep sandwright-"); got != "file\n" {
		t.Errorf("in the box is %q", got)
	}
	// An install is needed: the box can tell, and sync runs it.
	if got := b.inBox(t, "sandwright-init sync"); got != "nothing to install\n" {
		t.Errorf("the box says %q", got)
	}
	b.edit(t, "apps/daemon/package.json", `"node": ">=20"`, `"node": ">=18"`)
	if s, ran = b.sync(t); !slices.Equal(ran, []string{"install", "build 1", "build 2"}) {
		t.Errorf("a field of a manifest has changed, and it did %+v", s)
	}
	if got := b.inBox(t, `sandwright-init sync; sed -i 's/"node": ">=18"/"node": ">=16"/' apps/daemon/package.json; sandwright-init sync`); !strings.HasPrefix(got, "nothing to install\ninstall: engines.node >=18 → >=16 in apps/daemon/package.json\nrun: pnpm install ") {
		t.Errorf("the box says %q", got)
	}
	after, _, _ := b.run(t, "ps", "--json")
	for i, one := range parse(t, after).Services {
		if one.PID != parse(t, before).Services[i].PID {
			t.Errorf("%s was started again", one.Service)
		}
	}
	// What sync has put there is not taken for what was built.
	b.up(t)
	b.write(t, hooked, "// of a moment\n")
	b.sync(t)
	b.write(t, hooked, "// of the host, edited\n")
	b.up(t)
	if got := b.inBox(t, "cat "+hooked); got != "// of the host, edited\n" {
		t.Errorf("after up, in the box is %q", got)
	}
}

// turns runs several commands on one box at once: each comes after the other,
// says that it waits, and ends its wait with Ctrl-C.
func turns(t *testing.T, b *box) {
	b.edit(t, "apps/daemon/package.json", `"build": "vite build"`, `"build": "while test -e /tmp/hold; do sleep 0.1; done; vite build"`)
	b.inBox(t, "touch /tmp/hold")
	const waits = "waiting for another sync or up to end"
	first, firstSaid := b.begin(t, "build 1: apps/daemon/package.json changed", "sync")
	stopped, stoppedSaid := b.begin(t, waits, "sync")
	must(t, stopped.Process.Signal(os.Interrupt))
	if err := stopped.Wait(); stopped.ProcessState.ExitCode() != 1 || !strings.Contains(stoppedSaid.String(), "interrupted") {
		t.Errorf("%v: %s", err, tail(stoppedSaid.String()))
	}
	b.write(t, "services/second.txt", "of the second\n")
	second, secondSaid := b.begin(t, waits, "sync")
	up, upSaid := b.begin(t, waits, "up", "--publish-all", "--recreate")
	if out := b.inBox(t, "ls services/second.txt"); !strings.Contains(out, "No such file") {
		t.Errorf("the second sync did not wait: %s", out)
	}
	b.inBox(t, "rm /tmp/hold")
	for cmd, said := range map[*exec.Cmd]*lockedBuffer{first: firstSaid, second: secondSaid, up: upSaid} {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v: %s", cmd.Args, err, tail(said.String()))
		}
	}
	// Whoever came last, what stands there is known.
	b.sync(t)
	if s, ran := b.sync(t); s.Files != 0 || len(ran) > 0 || b.inBox(t, "cat services/second.txt") != "of the second\n" {
		t.Errorf("nothing has changed, and it did %+v", s)
	}
	b.edit(t, "apps/daemon/package.json", `while test -e /tmp/hold; do sleep 0.1; done; `, "")
	b.up(t)
}
