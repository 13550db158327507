package dockertest

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

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
	t.Cleanup(func() { unmount(dir) })
	socket, config := filepath.Join(dir, "docker.sock"), filepath.Join(dir, "daemon.json")
	write(t, config, "{}")
	daemon(t, "the Docker engine", install, "unix", socket, exec.Command(bin, append([]string{"--config-file=" + config, "--host=unix://" + socket,
		"--data-root=" + filepath.Join(dir, "data"), "--exec-root=" + filepath.Join(dir, "exec"), "--pidfile=" + filepath.Join(dir, "pid")}, args...)...))
	return "unix://" + socket
}

// startContainerd runs Debian's containerd, and gives its socket.
func startContainerd(t testing.TB, dir string) string {
	t.Helper()
	t.Cleanup(func() { unmount(dir) })
	socket, config := filepath.Join(dir, "containerd.sock"), filepath.Join(dir, "containerd.toml")
	write(t, config, fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = %q\n",
		filepath.Join(dir, "containerd"), filepath.Join(dir, "containerd-state"), socket))
	daemon(t, "containerd", "apt-get install docker.io", "unix", socket, exec.Command("containerd", "--config", config))
	return socket
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
