// Package dockertest runs what images go to for tests: Docker's engine, Debian's and
// a newer one, and a registry. Each has a root of its own, and ends with its test.
package dockertest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// startDeadline is how long a daemon may take until it listens.
const startDeadline = 2 * time.Minute

// Registry runs Debian's docker-registry on loopback, and gives its host. Tls and
// auth are what its configuration says of them, in YAML; empty: none.
func Registry(t testing.TB, tls, auth string) string {
	t.Helper()
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := probe.Addr().String()
	if err := probe.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %q}, delete: {enabled: true}}\nhttp:\n  addr: %q\n", filepath.Join(dir, "data"), host)
	if tls != "" {
		text += "  tls: " + tls + "\n"
	}
	if auth != "" {
		text += "auth: " + auth + "\n"
	}
	write(t, config, text)
	daemon(t, "a registry", "apt-get install docker-registry", "tcp", host, exec.Command("docker-registry", "serve", config))
	return host
}

// daemon runs cmd, which listens at an address, until the test ends.
func daemon(t testing.TB, what, install, network, address string, cmd *exec.Cmd) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
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
		_ = <-ended
	})
	for end := time.Now().Add(startDeadline); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial(network, address); err == nil {
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

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
