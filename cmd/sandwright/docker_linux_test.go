package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sandwright/sandwright/internal/dockerhost/dockertest"
)

// TestBuildsInDocker: an engine with containerd's store makes the very image that
// the embedded engine makes, writes, loads and pushes it, shares its layers with
// another engine, and a sandbox of it runs here.
func TestBuildsInDocker(t *testing.T) {
	const service = "services: {app: {command: [sh, -c, 'cat built; echo it runs; exec sleep 1000'], ready: {log: it runs}}}\n"
	s := newShipment(t, service)
	var here, there, loaded, other madeImage
	s.good(&here, "build", "-o", ".here.tar")
	d := docker{socket: dockertest.Containerd(t)}
	s.env = []string{"DOCKER_HOST=" + d.socket}
	cache := "type=registry,ref=" + s.registry + "/cache:one"
	s.good(&there, "build", "--builder", "docker", "-o", ".there.tar", "--cache-to", cache)
	if here.Image != there.Image || here.Digest != there.Digest || here.Digest == "" {
		t.Errorf("here %+v\nthere %+v", here, there)
	}
	if steps := there.ran("echo built"); steps != 1 {
		t.Errorf("of the build's step %d ran there", steps)
	}
	s.good(&loaded, "build", "--builder", "docker", "--load", "--tag", "shipped:dev")
	made := strings.TrimSpace(d.run(t, "create", "shipped:dev"))
	d.run(t, "cp", made+":/home/sandwright/src/demo/built", filepath.Join(s.dir, ".built"))
	if built, err := os.ReadFile(filepath.Join(s.dir, ".built")); err != nil || string(built) != "built\n" || len(loaded.Loaded) != 1 {
		t.Errorf("what is loaded has %q, %v: %+v", built, err, loaded)
	}
	one, err := os.ReadFile(filepath.Join(s.dir, ".here.tar"))
	must(t, err)
	two, err := os.ReadFile(filepath.Join(s.dir, ".there.tar"))
	if err != nil || string(one) != string(two) {
		t.Errorf("the files differ: %d and %d bytes, %v", len(one), len(two), err)
	}
	s.env = []string{"DOCKER_HOST=" + dockertest.Containerd(t)}
	s.good(&other, "build", "--builder", "docker", "--push", s.registry+"/app:v1", "-o", "type=dir,dest=.files", "--cache-from", cache)
	if built, err := os.ReadFile(filepath.Join(s.dir, ".files/home/sandwright/src/demo/built")); other.ran("built") != 0 || err != nil || string(built) != "built\n" {
		t.Errorf("an engine with the other's layers: %+v, %q, %v", other, built, err)
	}
	if pushed, err := remote.Head(s.reference("app:v1")); err != nil || pushed.Digest.String() != here.Digest {
		t.Errorf("pushed is %+v, %v", pushed, err)
	}
	if other.Digest != here.Digest {
		t.Errorf("with layers of a cache it is %s, not %s", other.Digest, here.Digest)
	}
	s.sandboxBuiltInDocker()
}

// sandboxBuiltInDocker builds in Docker what differs, and runs it here.
func (s *shipment) sandboxBuiltInDocker() {
	s.t.Helper()
	s.write("sandwright.yaml", strings.Replace(yamlOf(s.t, s), "echo built >", "echo and built anew >", 1))
	s.downAtEnd()
	var v view
	s.good(&v, "up", "--publish-all", "--builder", "docker")
	if out, errs, code := s.run("logs", "app"); !v.Ready || code != 0 || !strings.Contains(out, "and built anew\n") {
		s.t.Errorf("%+v; the log is %q, %s", v, out, errs)
	}
}
