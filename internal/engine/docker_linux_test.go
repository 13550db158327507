package engine

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/dockerhost"
)

// startDocker runs Debian's dockerd with a root of its own.
func startDocker(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	socket := "unix://" + filepath.Join(dir, "docker.sock")
	cmd := exec.Command("dockerd", "--host", socket, "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"),
		"--pidfile", filepath.Join(dir, "pid"), "--bridge", "none", "--iptables=false")
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start Docker: %v; run: apt-get install docker.io", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		_ = clearMounts(dir)
	})
	t.Setenv("DOCKER_HOST", socket)
	host, err := dockerhost.Find([]string{"DOCKER_HOST=" + socket})
	must(t, err)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err = host.About(t.Context()); err == nil {
			return socket
		}
		if time.Now().After(end) {
			t.Fatalf("Docker does not come up: %v", err)
		}
	}
}

// TestDebiansDocker: its BuildKit is reached through its API and builds, but
// cannot build our graphs, and what is missing is said before anything is built.
func TestDebiansDocker(t *testing.T) {
	socket := startDocker(t)
	_, err := tryOpenAt(t, t.TempDir(), Builder{Address: BuilderDocker}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "cannot build in Docker 20.10.") || !strings.Contains(err.Error(), " store, whose BuildKit has no OCI layouts") ||
		!strings.Contains(err.Error(), "Docker 25 or newer with the containerd image store is needed") {
		t.Errorf("got %v", err)
	}
	host, err := dockerhost.Find([]string{"DOCKER_HOST=" + socket})
	must(t, err)
	c, err := dockerClient(t.Context(), host)
	must(t, err)
	defer c.Close()
	// What it can do shows that both doors are the right ones.
	e := &Engine{opts: Options{Layout: filepath.Join(t.TempDir(), "layout")}, backend: &remote{conn: c}}
	j, err := e.newJob(request(t, "echo in docker > /there"))
	must(t, err)
	_, steps, err := e.build(t.Context(), j)
	must(t, err)
	if len(rebuilt(steps)) == 0 {
		t.Errorf("steps %+v", steps)
	}
}

// TestADockerWithContainerdsStore: in front of a BuildKit that has all stand
// Docker's two doors.
func TestADockerWithContainerdsStore(t *testing.T) {
	dir := t.TempDir()
	buildkit, docker := filepath.Join(dir, "buildkitd.sock"), filepath.Join(dir, "docker.sock")
	serveOn(t, t.TempDir(), listen(t, "unix", buildkit), nil)
	calls := http.NewServeMux()
	calls.HandleFunc("/info", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"ServerVersion":"29.0.0","Driver":"overlayfs","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}`)
	})
	calls.HandleFunc("/grpc", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "h2c" {
			http.Error(w, `{"message":"no upgrade"}`, http.StatusBadRequest)
			return
		}
		ours, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer ours.Close()
		theirs, err := net.Dial("unix", buildkit)
		if err != nil {
			t.Error(err)
			return
		}
		defer theirs.Close()
		_, _ = io.WriteString(ours, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
		go io.Copy(theirs, ours) //nolint:errcheck // ends with either
		_, _ = io.Copy(ours, theirs)
	})
	server := &http.Server{Handler: calls, ReadHeaderTimeout: time.Minute}
	go server.Serve(listen(t, "unix", docker)) //nolint:errcheck // ends with Close
	t.Cleanup(func() { server.Close() })
	t.Setenv("DOCKER_HOST", "unix://"+docker)
	c, err := dialDocker(t.Context())
	must(t, err)
	must(t, c.Close())
}

func TestNoDocker(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	_, err := dial(t.Context(), Builder{Address: BuilderDocker})
	if err == nil || !strings.Contains(err.Error(), "cannot reach the Docker engine at unix:///nowhere/docker.sock: ") {
		t.Errorf("got %v", err)
	}
}
