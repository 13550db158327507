package engine

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/dockerhost"
	"github.com/sandwright/sandwright/internal/dockerhost/dockertest"
)

// TestDebiansDocker: its BuildKit is reached through its API and builds, but
// cannot build our graphs, and what is missing is said before anything is built.
func TestDebiansDocker(t *testing.T) {
	socket := dockertest.Debian(t, dockertest.Alone()...)
	t.Setenv("DOCKER_HOST", socket)
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
	j, err := e.newJob(t.Context(), request(t, "echo in docker > /there"))
	must(t, err)
	_, steps, err := e.build(t.Context(), j)
	must(t, err)
	if len(rebuilt(steps)) == 0 {
		t.Errorf("steps %+v", steps)
	}
}

// TestADockerWithContainerdsStore builds what ours build, and what has come from
// it stays while it is used.
func TestADockerWithContainerdsStore(t *testing.T) {
	t.Setenv("DOCKER_HOST", dockertest.Containerd(t))
	root := t.TempDir()
	e := openAt(t, root, Builder{Address: BuilderDocker}, io.Discard)
	s := newShop(t, filepath.Join(root, "layout"))
	r := s.request(t, map[string]string{"node": script("22"), "claude": script("2.1")})
	for _, cachedThere := range []bool{false, true} {
		res, err := e.Solve(t.Context(), r)
		must(t, err)
		if got := readIn(t, res, "home/dev/app/built"); got != "22\n" || cached(res, "node > built") != cachedThere {
			t.Errorf("built is %q; cached there: want %t", got, cachedThere)
		}
	}
	const step = "sleep 65432"
	if err := runUntilStarted(t, e, step, func() {}); !errors.Is(err, context.Canceled) || running(t, step) {
		t.Errorf("a cancelled build gives %v, and its step runs: %t", err, running(t, step))
	}
}

func TestNoDocker(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	_, err := dial(t.Context(), Builder{Address: BuilderDocker})
	if err == nil || !strings.Contains(err.Error(), "cannot reach the Docker engine at unix:///nowhere/docker.sock: ") {
		t.Errorf("got %v", err)
	}
}
