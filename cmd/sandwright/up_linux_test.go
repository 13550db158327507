package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/lock"
)

const (
	daemon   = "iterate-server"
	serviceA = "example-service-a"
	serviceB = "example-service-b-depends-on-a"
)

// TestUp takes the example from empty caches through a working day. The parts
// build on each other: one cold build serves them all.
func TestUp(t *testing.T) {
	b := exampleBox(t)
	_, v := b.up(t)
	t.Run("three services are ready and answer", func(t *testing.T) { answers(t, v) })
	t.Run("up again changes nothing", func(t *testing.T) {
		_, again := b.up(t)
		for i := range v.Services {
			if again.Services[i].PID != v.Services[i].PID {
				t.Errorf("%s has another process", v.Services[i].Service)
			}
		}
	})
	t.Run("a source edit does not install", func(t *testing.T) { sourceEdit(t, b) })
	t.Run("a scripts edit does not install", func(t *testing.T) {
		b.edit(t, "apps/daemon/package.json", `"scripts": {`, `"scripts": {"hello": "echo hello",`)
		progress, _ := b.up(t)
		installCached(t, progress)
		if out, _, _ := b.run(t, "exec", "pnpm", "--filter", "daemon", "run", "hello"); !strings.Contains(out, "hello") {
			t.Errorf("the new script is not in the box:\n%s", out)
		}
	})
	t.Run("an edit that no command reads builds nothing", func(t *testing.T) { edits(t, b) })
	t.Run("why says what is made again", func(t *testing.T) { why(t, b) })
	t.Run("sync brings in what changed", func(t *testing.T) { syncs(t, b) })
	t.Run("syncs and ups take turns", func(t *testing.T) { turns(t, b) })
	t.Run("the box is what the file says", func(t *testing.T) { inside(t, b) })
	t.Run("the box is a repository", func(t *testing.T) { repository(t, b) })
	t.Run("the tools are what the lock pins", func(t *testing.T) { toolsVerify(t, b) })
	t.Run("logs, restart and exec", func(t *testing.T) { control(t, b) })
	t.Run("up starts what was stopped", func(t *testing.T) {
		if _, stderr, code := b.run(t, "stop", serviceB); code != 0 {
			t.Fatal(stderr)
		}
		_, v := b.up(t)
		answers(t, v)
	})
	t.Run("two ups at once agree", func(t *testing.T) { twoUps(t, b) })
	t.Run("two sandboxes of one project", func(t *testing.T) { second(t, b) })
	t.Run("services of every kind", func(t *testing.T) { everyKind(t, b) })
	t.Run("secrets leave no trace", func(t *testing.T) { noTrace(t, b) })
	t.Run("a service that is never ready", func(t *testing.T) { neverReady(t, b) })
	t.Run("a tool whose hash differs", func(t *testing.T) { otherHash(t, b) })
	t.Run("real agents are locked for two platforms", func(t *testing.T) { realAgents(t, b) })
	t.Run("the other package managers", func(t *testing.T) { otherManagers(t, b) })
	t.Run("a box that starts again installs what differs", func(t *testing.T) { atStart(t, b) })
	t.Run("down waits for a sync", func(t *testing.T) { downWaits(t, b) })
	t.Run("a build with the network off", func(t *testing.T) { networkOff(t, b) })
	t.Run("variables go where they are declared", func(t *testing.T) { variables(t, b) })
	t.Run("down leaves nothing", func(t *testing.T) {
		if _, stderr, code := b.run(t, "down"); code != 0 {
			t.Fatal(stderr)
		}
		b.clean(t, "down")
	})
	t.Run("Ctrl-C at any moment leaves nothing", func(t *testing.T) { interrupts(t, b) })
}

func answers(t *testing.T, v view) {
	if !v.Ready || len(v.Services) != 3 {
		t.Errorf("got %+v", v)
	}
	if got := v.get(t, daemon, "/api/health"); !strings.Contains(got, "ok") {
		t.Errorf("health is %s", got)
	}
	if got := v.get(t, daemon, "/"); !strings.Contains(got, "<script") {
		t.Errorf("the built page is %s", got)
	}
	v.get(t, serviceA, "/health")
	if got := v.get(t, serviceB, "/"); !strings.Contains(got, serviceA) {
		t.Errorf("b does not proxy a: %s", got)
	}
}

// installCached holds when BuildKit said so of the install.
func installCached(t *testing.T, progress string) {
	t.Helper()
	cached(t, progress, "install the workspace's dependencies")
}

func cached(t *testing.T, progress, step string) {
	t.Helper()
	if !regexp.MustCompile(`(?m)^#(\d+) ` + regexp.QuoteMeta(step) + `\n#\d+ CACHED$`).MatchString(progress) {
		t.Errorf("%s ran:\n%s", step, tail(progress))
	}
}

// sourceEdit keeps the size and the time of the file: contents decide.
func sourceEdit(t *testing.T, b *box) {
	file := filepath.Join(b.dir, "apps/daemon/server/app.js")
	before, err := os.Stat(file)
	must(t, err)
	b.edit(t, "apps/daemon/server/app.js", "Hello from the Iterate daemon", "HELLO from the Iterate daemon")
	must(t, os.Chtimes(file, before.ModTime(), before.ModTime()))
	b.edit(t, "apps/daemon/src/App.tsx", "Iterate daemon", "Edited daemon")
	progress, v := b.up(t)
	installCached(t, progress)
	if got := v.get(t, daemon, "/api/hello"); !strings.Contains(got, "HELLO") {
		t.Errorf("the server still says %s", got)
	}
	asset := regexp.MustCompile(`/assets/[^"]+\.js`).FindString(v.get(t, daemon, "/"))
	if !strings.Contains(v.get(t, daemon, asset), "Edited daemon") {
		t.Error("the front end was not built again")
	}
}

// inside looks at the box from within.
func inside(t *testing.T, b *box) {
	for _, c := range []struct{ script, want string }{
		{"id -un; pwd", "^iterate\n/home/iterate/src/app\n$"},
		{"node --version; pnpm --version; opencode --version", `^v22\.23\.3\n10\.28\.0\n1\.18\.18\n$`},
		{"ls /proc | grep -c '^[0-9]'", `^[0-9]{1,2}\n$`}, // a pid namespace of its own
		{"cat /etc/hostname", "^iterate-sandbox\n$"},
		{"ls /sys/class/net | tr '\n' ' '", `^\w+ lo $`},
		{"cat /run/secrets/npmrc /run/secrets/ca.pem 2>&1; true", "No such file"},
		{"stat -c %U:%Y package.json", "^iterate:0\n$"},
	} {
		out, stderr, code := b.run(t, "exec", "sh", "-c", c.script)
		if code != 0 || !regexp.MustCompile(c.want).MatchString(out) {
			t.Errorf("%s: %d: %q, want %q; %s", c.script, code, out, c.want, stderr)
		}
	}
}

// toolsVerify finds a byte that was changed in the box, and nothing before.
func toolsVerify(t *testing.T, b *box) {
	const file = "/opt/sandwright/tools/pnpm/package.json"
	out, stderr, code := b.run(t, "tools", "verify")
	if code != 0 || !regexp.MustCompile(`(?m)^node: \d+ files, \d+\.\d MB, as sandwright.lock says$`).MatchString(out) {
		t.Errorf("%d: %s%s", code, out, stderr)
	}
	edit := func(script string) {
		if _, stderr, code := b.run(t, "exec", "--root", "--", "sh", "-c", script); code != 0 {
			t.Error(stderr)
		}
	}
	edit("cp " + file + " /root/kept; tr n N < /root/kept > " + file)
	_, stderr, code = b.run(t, "tools", "verify")
	if code != 1 || !strings.Contains(stderr, "cannot trust "+file+" of tool pnpm: it has sha256 ") || strings.Count(stderr, "error: ") != 1 {
		t.Errorf("%d: %s", code, stderr)
	}
	edit("cat /root/kept > " + file)
}

func control(t *testing.T, b *box) {
	if _, _, code := b.run(t, "exec", "sh", "-c", "exit 7"); code != 7 {
		t.Errorf("exec gave %d, not 7", code)
	}
	if out, stderr, _ := b.run(t, "exec", "-w", "apps/daemon", "pwd"); out != "/home/iterate/src/app/apps/daemon\n" {
		t.Errorf("exec -w gave %q, %s", out, stderr)
	}
	before, _, _ := b.run(t, "ps", "--json")
	if _, stderr, code := b.run(t, "restart", serviceA); code != 0 {
		t.Fatal(stderr)
	}
	after, _, _ := b.run(t, "ps", "--json")
	for i, s := range parse(t, after).Services {
		if same := s.PID == parse(t, before).Services[i].PID; same == (s.Service == serviceA) {
			t.Errorf("%s: same process %t after the restart of %s", s.Service, same, serviceA)
		}
	}
	out, _, _ := b.run(t, "logs", serviceA)
	if strings.Count(out, "listening") != 2 {
		t.Errorf("the log does not tell of both starts:\n%s", out)
	}
	follow := b.command("logs", "-f", "--tail", "0", daemon)
	var live lockedBuffer
	follow.Stdout = &live
	must(t, follow.Start())
	for end := time.Now().Add(10 * time.Second); !strings.Contains(live.String(), "/api/hello"); time.Sleep(50 * time.Millisecond) {
		parse(t, after).get(t, daemon, "/api/hello")
		if time.Now().After(end) {
			t.Fatal("logs -f shows nothing new")
		}
	}
	must(t, follow.Process.Signal(syscall.SIGINT))
	if err := follow.Wait(); err != nil {
		t.Errorf("logs -f ended with %v", err)
	}
	if _, stderr, code := b.run(t, "restart", "example-service-q"); code == 0 || !strings.Contains(stderr, "did you mean example-service-a?") {
		t.Errorf("%d: %s", code, stderr)
	}
}

// twoUps builds and starts once; the second joins what the first started.
func twoUps(t *testing.T, b *box) {
	b.edit(t, "apps/daemon/server/app.js", "HELLO", "HELLO twice")
	var outs [2]lockedBuffer
	var cmds []*exec.Cmd
	for i := range outs {
		cmd := b.command("up", "--publish-all")
		cmd.Stdout, cmd.Stderr = &outs[i], &outs[i]
		must(t, cmd.Start())
		cmds = append(cmds, cmd)
	}
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v:\n%s", err, tail(outs[i].String()))
		}
	}
	_, v := b.up(t)
	answers(t, v)
}

func second(t *testing.T, b *box) {
	first, _, _ := b.run(t, "ps", "--json")
	_, v := b.up(t, "--sandbox", "second")
	answers(t, v)
	answers(t, parse(t, first))
	// A port that is taken is named, before anything starts.
	taken := strconv.Itoa(v.Services[0].HostPort)
	_, stderr, code := b.run(t, "up", "--sandbox", "third", "--publish-all", "--publish", taken+":3001")
	if code != 1 || !strings.Contains(stderr, "cannot publish port "+taken) || !strings.Contains(stderr, `sandbox "second"`) {
		t.Errorf("%d: %s", code, tail(stderr))
	}
	if _, stderr, code := b.run(t, "down", "--sandbox", "second"); code != 0 {
		t.Error(stderr)
	}
	answers(t, parse(t, first))
}

// everyKind puts the rest of what a service can be beside the example's own.
func everyKind(t *testing.T, b *box) {
	const mark, more = "\nports: [3000", `
  migrate:
    command: [sh, -c, "echo migrated > /tmp/migrated"]
    task: {deadline: 30s}
  worker:
    command: [sh, -c, "umask; cat /tmp/migrated; echo working; exec sleep 1000"]
    after: {migrate: exited-ok}
    ready: {log: ^working$}
    live: {exec: [test, -e, /tmp/migrated], interval: 1s}
    umask: "0027"
    no-new-privileges: true
    cap-drop: [ALL]
    ulimits: {nofile: 512}
  legacy:
    s6: sandbox/legacy
    after: {worker: ready}

ports: [3000`
	b.edit(t, "sandwright.yaml", mark, more)
	defer b.edit(t, "sandwright.yaml", more, mark)
	b.write(t, "sandbox/legacy/run", "#!/bin/sh\necho legacy up; echo >&3; exec sleep 1000\n")
	b.write(t, "sandbox/legacy/notification-fd", "3\n")
	must(t, os.Chmod(filepath.Join(b.dir, "sandbox/legacy/run"), 0o755))
	defer os.RemoveAll(filepath.Join(b.dir, "sandbox"))
	_, v := b.up(t)
	states := map[string]string{}
	for _, s := range v.Services {
		states[s.Service] = s.State
	}
	for name, want := range map[string]string{"migrate": "exited", "worker": "ready", "legacy": "ready", daemon: "ready"} {
		if states[name] != want {
			t.Errorf("%s is %s, want %s", name, states[name], want)
		}
	}
	for name, want := range map[string]string{"worker": "0027", "legacy": "legacy up"} {
		if out, stderr, _ := b.run(t, "logs", name); !strings.Contains(out, want) {
			t.Errorf("no %q in the log of %s:\n%s%s", want, name, out, stderr)
		}
	}
	if out, stderr, code := b.run(t, "restart", "legacy"); code != 0 {
		t.Errorf("restart: %s%s", out, stderr)
	}
}

func neverReady(t *testing.T, b *box) {
	const good, bad = `ready: {http: "http://127.0.0.1:3001/health"}`, `ready: {http: "http://127.0.0.1:3999/health", timeout: 3s}`
	b.edit(t, "sandwright.yaml", good, bad)
	defer b.edit(t, "sandwright.yaml", bad, good)
	out, stderr, code := b.run(t, "up", "--publish-all")
	if code != 1 {
		t.Errorf("up ended with %d", code)
	}
	const why = "failed: not ready after 3s: GET http://127.0.0.1:3999/health: connection refused"
	for _, want := range []string{serviceA + ": " + why, "waiting for " + serviceA + ": " + why, "hint:  run: sandwright logs " + serviceA} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in:\n%s", want, tail(stderr))
		}
	}
	if !regexp.MustCompile(serviceA + ` +failed +not ready after 3s`).MatchString(out) {
		t.Errorf("the table is:\n%s", out)
	}
	installCached(t, stderr)
}

// otherHash empties the store first: what is in it was verified when it came.
func otherHash(t *testing.T, b *box) {
	path := filepath.Join(b.dir, "sandwright.lock")
	text, err := os.ReadFile(path)
	must(t, err)
	defer b.write(t, "sandwright.lock", string(text))
	l, err := lock.Load(path)
	must(t, err)
	for platform, a := range l.Tools["pnpm"].Platforms {
		a.SHA256, a.SHA512, a.Tree = "00000000"+a.SHA256[8:], "00000000"+a.SHA512[8:], "00000000"+a.Tree[8:]
		l.Tools["pnpm"].Platforms[platform] = a
	}
	must(t, lock.Save(path, l))
	_, stderr, code := b.run(t, "up", "--publish-all")
	if code != 1 || !regexp.MustCompile(`error: cannot use tool pnpm: .*pnpm@10\.28\.0 .*sandwright\.lock`).MatchString(stderr) {
		t.Errorf("%d: %s", code, tail(stderr))
	}
}

// interrupts sends SIGINT after ever longer times, through staging, building,
// starting and waiting, each time with something to build.
func interrupts(t *testing.T, b *box) {
	for i, after := range []int{20, 150, 400, 800, 1500, 2500, 4000, 6000, 8000} {
		b.edit(t, "apps/daemon/server/app.js", "HELLO", "HELLO"+strconv.Itoa(i))
		cmd := b.command("up", "--publish-all")
		var out lockedBuffer
		cmd.Stdout, cmd.Stderr = &out, &out
		must(t, cmd.Start())
		time.Sleep(time.Duration(after) * time.Millisecond)
		must(t, cmd.Process.Signal(syscall.SIGINT))
		err := cmd.Wait()
		t.Logf("interrupted after %d ms: %v: %s", after, err, lastLine(out.String()))
		if err == nil {
			if _, stderr, code := b.run(t, "down"); code != 0 {
				t.Error(stderr)
			}
		} else if !strings.Contains(out.String(), "interrupted") && after > 20 {
			t.Errorf("it ended with %v:\n%s", err, tail(out.String()))
		}
		b.clean(t, "Ctrl-C after "+strconv.Itoa(after)+" ms")
	}
	_, v := b.up(t)
	answers(t, v)
}

// TestCtrlCWhenCold interrupts the first up of a machine, while it downloads,
// bootstraps and unpacks.
func TestCtrlCWhenCold(t *testing.T) {
	b := exampleBox(t)
	for _, after := range []int{1500, 5000, 12000} {
		cmd := b.command("up", "--publish-all")
		var out lockedBuffer
		cmd.Stdout, cmd.Stderr = &out, &out
		must(t, cmd.Start())
		time.Sleep(time.Duration(after) * time.Millisecond)
		must(t, cmd.Process.Signal(syscall.SIGINT))
		err := cmd.Wait()
		t.Logf("interrupted after %d ms: %v", after, err)
		if err == nil || !strings.Contains(out.String(), "interrupted") {
			t.Errorf("it ended with %v:\n%s", err, tail(out.String()))
		}
		b.clean(t, "Ctrl-C after "+strconv.Itoa(after)+" ms")
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
