package engine

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/tonistiigi/fsutil"
)

// startAgent runs an ssh-agent with a key of its own, and gives its socket and
// the key's public line.
func startAgent(t *testing.T) (socket, public string) {
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
	return socket, strings.Fields(string(data))[1]
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

// TestAStepReachesTheSSHAgent: what asks for it sees the keys of the agent, and
// what does not ask has no socket.
func TestAStepReachesTheSSHAgent(t *testing.T) {
	socket, public := startAgent(t)
	e := open(t, t.TempDir(), io.Discard)
	base := llb.Scratch().File(llb.Copy(llb.Local("base"), "/", "/"))
	const at = "/run/agent"
	st := base.Run(llb.Args([]string{"/bin/sh", "-ec", "ssh-add -L > /out/keys"}), llb.AddEnv("SSH_AUTH_SOCK", at), llb.AddEnv("PATH", "/bin:/usr/bin"),
		llb.AddSSHSocket(llb.SSHSocketOpt(at, 0, 0, 0o600))).
		Run(llb.Args([]string{"/bin/sh", "-ec", "[ ! -S " + at + " ]; echo none > /out/without"}))
	def, err := st.Root().Marshal(t.Context(), llb.LinuxAmd64)
	must(t, err)
	r := Request{Image: "image", Definition: def, Trees: map[string]fsutil.FS{"base": programs(t)}, SSHAgent: socket}
	res, err := e.Solve(t.Context(), r)
	must(t, err)
	if keys := readIn(t, res, "out/keys"); !strings.Contains(keys, public) {
		t.Errorf("the step sees %q, not %s", keys, public)
	}
	readIn(t, res, "out/without")
	r.SSHAgent = filepath.Join(t.TempDir(), "nobody")
	if _, err := e.Solve(t.Context(), r); err == nil || !strings.Contains(err.Error(), "cannot reach the SSH agent at "+r.SSHAgent) {
		t.Errorf("got %v", err)
	}
}
