// Package dockertest runs Docker's engine for tests: Debian's, and a newer one.
// Each has a root of its own, and ends with its test.
package dockertest

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// startDeadline is how long an engine may take until it listens.
const startDeadline = 2 * time.Minute

// Alone leaves an engine without networks of its own.
func Alone() []string { return []string{"--bridge=none", "--iptables=false", "--ip6tables=false"} }

// Debian runs the engine of the distribution, whose images are in a store of its
// own, and gives its DOCKER_HOST. Args are of dockerd.
func Debian(t testing.TB, args ...string) string {
	t.Helper()
	return start(t, "dockerd", "apt-get install docker.io", t.TempDir(), args)
}

// Containerd runs the engine that bin/dockerd is, whose images are in the store
// of a containerd, with a bridge of its own, and gives its DOCKER_HOST. The host's
// packets are filtered and forwarded as before.
func Containerd(t testing.TB) string {
	t.Helper()
	bin, err := built("dockerd")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	store := startContainerd(t, dir)
	return start(t, bin, "make bin/dockerd", dir, []string{"--containerd=" + store, "--bridge=" + bridge(t),
		"--iptables=false", "--ip6tables=false", "--ip-forward=false", "--userland-proxy=false"})
}

// built is a program that make has built for tests.
func built(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "bin", name), nil
		}
	}
	return "", errors.New("cannot find the folder with go.mod")
}

// start runs a dockerd below dir until the test ends.
func start(t testing.TB, bin, install, dir string, args []string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("cannot run the Docker engine: this test needs root")
	}
	socket, config := filepath.Join(dir, "docker.sock"), filepath.Join(dir, "daemon.json")
	write(t, config, "{}")
	daemon(t, "the Docker engine", install, socket, exec.Command(bin, append([]string{"--config-file=" + config, "--host=unix://" + socket,
		"--data-root=" + filepath.Join(dir, "data"), "--exec-root=" + filepath.Join(dir, "exec"), "--pidfile=" + filepath.Join(dir, "pid")}, args...)...))
	return "unix://" + socket
}

// startContainerd runs Debian's containerd, and gives its socket.
func startContainerd(t testing.TB, dir string) string {
	t.Helper()
	socket, config := filepath.Join(dir, "containerd.sock"), filepath.Join(dir, "containerd.toml")
	write(t, config, fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = %q\n",
		filepath.Join(dir, "containerd"), filepath.Join(dir, "containerd-state"), socket))
	daemon(t, "containerd", "apt-get install docker.io", socket, exec.Command("containerd", "--config", config))
	return socket
}

// daemon runs cmd, which listens on socket, until the test ends.
func daemon(t testing.TB, what, install, socket string, cmd *exec.Cmd) {
	t.Helper()
	log, err := os.Create(socket + ".log")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := errors.Join(cmd.Start(), log.Close()); err != nil {
		t.Fatalf("cannot start %s: %v; run: %s", what, err, install)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-ended
		unmount(filepath.Dir(socket))
	})
	for end := time.Now().Add(startDeadline); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return
		}
		why := "it does not listen"
		select {
		case err := <-ended:
			ended <- err
			why = fmt.Sprintf("it ended: %v", err)
		default:
			if time.Now().Before(end) {
				continue
			}
		}
		said, _ := os.ReadFile(log.Name())
		t.Fatalf("cannot run %s: %s\n%s", what, why, said[max(0, len(said)-4<<10):])
	}
}

// bridge makes a bridge until the test ends, and gives its name.
func bridge(t testing.TB) string {
	t.Helper()
	link := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs()}
	link.Name = fmt.Sprintf("swtest%08x", rand.Uint32())
	address, err := netlink.ParseAddr("198.18.0.1/24") // of the networks that RFC 2544 keeps for trials
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkAdd(link); err != nil {
		t.Fatalf("cannot make a bridge: %v", err)
	}
	t.Cleanup(func() { _ = netlink.LinkDel(link) })
	if err := errors.Join(netlink.AddrAdd(link, address), netlink.LinkSetUp(link)); err != nil {
		t.Fatalf("cannot give a bridge its address: %v", err)
	}
	return link.Name
}

// unmount detaches what engines leave mounted below dir, the innermost first.
func unmount(dir string) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return
	}
	defer f.Close()
	var left []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); strings.HasPrefix(fields[4], dir+"/") {
			left = append(left, fields[4])
		}
	}
	for _, dir := range slices.Backward(left) {
		_ = unix.Unmount(dir, unix.MNT_DETACH)
	}
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
