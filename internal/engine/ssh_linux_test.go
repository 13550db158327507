package engine

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/tonistiigi/fsutil"

	"github.com/sandwright/sandwright/internal/fault"
)

// startAgent runs an ssh-agent with a key of its own, and gives its socket, the
// key's file and its public line.
func startAgent(t *testing.T) (socket, key, public string) {
	t.Helper()
	dir := t.TempDir()
	socket = filepath.Join(dir, "agent.sock")
	cmd := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start an SSH agent: %v; run: apt-get install openssh-client", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	shell(t, `for i in $(seq 500); do [ -S "$2" ] && break; sleep 0.02; done
		ssh-keygen -q -t ed25519 -N '' -C 'key of the test' -f "$1/key" && SSH_AUTH_SOCK=$2 ssh-add -q "$1/key"`, dir, socket)
	data, err := os.ReadFile(filepath.Join(dir, "key.pub"))
	must(t, err)
	return socket, filepath.Join(dir, "key"), strings.Fields(string(data))[1]
}

// programs is a tree of the machine's own /bin/sh and ssh-add, with what they
// are linked to.
func programs(t *testing.T) fsutil.FS {
	t.Helper()
	dir := t.TempDir()
	shell(t, `for p in /bin/sh /usr/bin/ssh-add; do
			for f in $p $(ldd $p | grep -o '/[^ ]*'); do mkdir -p "$1$(dirname $f)"; cp -L $f "$1$f"; done
		done
		mkdir -p "$1/etc" "$1/out"; echo 'root:x:0:0::/:/bin/sh' > "$1/etc/passwd"`, dir)
	fs, err := fsutil.NewFS(dir)
	must(t, err)
	return fs
}

// TestAStepReachesTheSSHAgent: what asks for one sees the keys of that agent, or
// signs with a key of a file, and what does not ask has no socket.
func TestAStepReachesTheSSHAgent(t *testing.T) {
	socket, _, public := startAgent(t)
	_, key, other := startAgent(t)
	e := open(t, t.TempDir(), io.Discard)
	const at = "/run/agent"
	asks := func(st llb.State, id, into string) llb.State {
		return st.Run(llb.Args([]string{"/bin/sh", "-ec", "ssh-add -L > /out/" + into}), llb.AddEnv("SSH_AUTH_SOCK", at), llb.AddEnv("PATH", "/bin:/usr/bin"),
			llb.AddSSHSocket(llb.SSHID(id), llb.SSHSocketOpt(at, 0, 0, 0o600))).Root()
	}
	st := asks(asks(llb.Scratch().File(llb.Copy(llb.Local("base"), "/", "/")), "default", "keys"), "deploy", "deploy").
		Run(llb.Args([]string{"/bin/sh", "-ec", "[ ! -S " + at + " ]; echo none > /out/without"}))
	def, err := st.Root().Marshal(t.Context(), llb.LinuxAmd64)
	must(t, err)
	r := Request{Image: "image", Definition: def, Trees: map[string]fsutil.FS{"base": programs(t)},
		SSH: []SSHAgent{{"default", []string{socket}}, {"deploy", []string{key}}}}
	res, err := e.Solve(t.Context(), r)
	must(t, err)
	for file, want := range map[string]string{"out/keys": public, "out/deploy": other, "out/without": "none"} {
		if got := readIn(t, res, file); !strings.Contains(got, want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s is %q, not %s", file, got, want)
		}
	}
}

// TestWhatCannotSign is said before anything is built, all of it.
func TestWhatCannotSign(t *testing.T) {
	dir := t.TempDir()
	shell(t, `cd "$1"; mkfifo fifo; echo nonsense > text; mkdir folder
		ssh-keygen -q -t ed25519 -N sesame -f sealed; ssh-keygen -q -t ed25519 -N '' -f open; chmod 000 open`, dir)
	l := listen(t, "unix", filepath.Join(dir, "dead"))
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	want := map[string]string{
		"nobody": "cannot reach the SSH agent at FILE: no such file or directory",
		"dead":   "cannot reach the SSH agent at FILE: ",
		"fifo":   "cannot sign with FILE: it is neither a socket nor a file of a key",
		"folder": "cannot sign with FILE: it is neither",
		"text":   "cannot use the SSH key FILE: it is no private key in a format that is known",
		"sealed": "cannot use the SSH key FILE: it has a passphrase",

		"open.pub": "cannot use the SSH key FILE: it is the public half",
	}
	var all []SSHAgent
	for name := range want {
		all = append(all, SSHAgent{name, []string{filepath.Join(dir, name)}})
	}
	_, err := sshAgents(all)
	if faults := fault.All(err); len(faults) != len(want) {
		t.Errorf("%d faults of %d: %v", len(faults), len(want), err)
	}
	for name, text := range want {
		if text = strings.Replace(text, "FILE", filepath.Join(dir, name), 1); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: got %v, want %s", name, err, text)
		}
	}
	if _, err := sshAgents([]SSHAgent{{"one", []string{filepath.Join(dir, "open")}}, {"one", []string{filepath.Join(dir, "open")}}}); err == nil || !strings.Contains(err.Error(), "duplicate") {
		t.Errorf("one ID twice: %v", err)
	}
}
