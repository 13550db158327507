package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/dockerhost/dockertest"
)

// A docker is an engine of its own, with nothing in it, on Debian's programs.
type docker struct {
	socket  string
	secrets string // folder with npmrc and ca.pem
	image   string // the last one built
}

// Debian's client speaks to the engine's BuildKit without a plug-in.
const dockerClient = "/usr/bin/docker"

func newDocker(b testing.TB) *docker {
	b.Helper()
	d := &docker{socket: dockertest.Debian(b), secrets: b.TempDir()}
	npmrc, err := exec.Command("npm", "config", "get", "registry").Output()
	must(b, err)
	must(b, os.WriteFile(filepath.Join(d.secrets, "npmrc"), []byte("registry="+string(npmrc)), 0o600))
	return d
}

func (d *docker) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, dockerClient, args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+d.socket, "DOCKER_BUILDKIT=1", "DOCKER_CONTEXT=")
	return cmd
}

func (d *docker) run(b testing.TB, args ...string) string {
	b.Helper()
	out, err := d.command(b.Context(), args...).CombinedOutput()
	if err != nil {
		b.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, tail(string(out)))
	}
	return string(out)
}

// build makes d.image of dir. The Dockerfile stands outside of it.
func (d *docker) build(b testing.TB, dir, dockerfile string) {
	b.Helper()
	out := d.run(b, "build", "--quiet", "--network", "host", "--file", dockerfile,
		"--secret", "id=npmrc,src="+filepath.Join(d.secrets, "npmrc"),
		"--secret", "id=ca,src=/etc/ssl/certs/ca-certificates.crt", dir)
	d.image = strings.TrimSpace(out)
}

// start runs a command of the image until it has printed the line; then it
// is to be ended.
func (d *docker) start(b testing.TB, dir, line string, args ...string) rest {
	name := strings.ReplaceAll(line, " ", "-")
	cmd := d.command(b.Context(), append([]string{"run", "--rm", "--name", name, "--publish", "127.0.0.1:0:3001",
		"--workdir", dir, "--entrypoint", args[0], d.image}, args[1:]...)...)
	out, err := cmd.StdoutPipe()
	must(b, err)
	var said bytes.Buffer
	cmd.Stderr = &said
	must(b, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), line) {
			return func() {
				d.run(b, "rm", "--force", name)
				_ = cmd.Wait() // it was killed
			}
		}
	}
	err = cmd.Wait()
	b.Fatalf("%s never came: %v\n%s", line, err, tail(said.String()))
	return nil
}

// baseName is what the image is called that both Dockerfiles start from.
const baseName = "bench-base"

// load makes that image of the tar that sandwright wrote.
func (d *docker) load(b testing.TB, tar string) {
	b.Helper()
	out := d.run(b, "load", "--quiet", "--input", tar)
	fields := strings.Fields(out)
	d.run(b, "tag", fields[len(fields)-1], baseName)
}
