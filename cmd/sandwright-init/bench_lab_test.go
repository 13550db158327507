//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/sandwright/sandwright/internal/cgroup"
	"github.com/sandwright/sandwright/internal/spec"
)

// A peer is one way to supervise the same services, each with a log.
type peer int

const (
	peerS6          peer = iota // s6-svscan, s6-supervise and s6-log
	peerLoggers                 // svscan, and s6-log
	peerScanned                 // svscan, and its own logs
	peerNative                  // a spec with native services
	peerDirectories             // a spec with s6 directories
	peers                       // how many there are
)

// String is the peer as metrics have it.
func (p peer) String() string {
	return [peers]string{"s6", "svscan+s6-log", "svscan", "native", "s6-in-spec"}[p]
}

// A lab has the programs to measure.
type lab struct {
	inits   [peers]string // a copy for each peer: no two share pages
	service string
}

// newLab builds the program as it is released, and the service.
func newLab(b *testing.B) *lab {
	b.Helper()
	if _, err := exec.LookPath("s6-svscan"); err != nil {
		b.Fatalf("this benchmark needs s6-svscan (apt install s6): %v", err)
	}
	dir := b.TempDir()
	l := &lab{service: filepath.Join(dir, "service")}
	build := exec.Command("go", "build", "-o", l.service, "./testdata/service")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	must(b, build)
	for p := range l.inits {
		l.inits[p] = filepath.Join(dir, peer(p).String())
		must(b, exec.Command("../../scripts/build-init.sh", runtime.GOARCH, l.inits[p]))
	}
	return l
}

func must(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %v: %s", cmd, err, out)
	}
}

// plant prepares and starts a supervisor of n services for each peer.
func (l *lab) plant(b *testing.B, n int, which ...peer) []*tree {
	b.Helper()
	var trees []*tree
	for _, p := range which {
		t := l.prepare(b, n, p)
		t.start()
		trees = append(trees, t)
	}
	return trees
}

// argv is the command line of a peer's supervisor.
func (l *lab) argv(t *tree) []string {
	switch init := l.inits[t.peer]; t.peer {
	case peerS6:
		return []string{"s6-svscan", t.scan}
	case peerLoggers:
		return []string{init, "svscan", t.scan}
	case peerScanned:
		return []string{init, "svscan", "--log-dir", filepath.Join(t.dir, "log"), "--own-loggers", t.scan}
	default:
		return []string{init, "--spec", filepath.Join(t.dir, "spec.json"), "--socket", t.socket}
	}
}

const logRun = "#!/bin/sh\nexec s6-log n20 s1000000 T ./main\n"

// writeService makes an s6 service directory.
func (l *lab) writeService(b *testing.B, dir string) {
	b.Helper()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "log"), 0o755),
		os.Symlink(l.service, filepath.Join(dir, "run")),
		os.WriteFile(filepath.Join(dir, "notification-fd"), []byte("3\n"), 0o644),
		os.WriteFile(filepath.Join(dir, "log", "run"), []byte(logRun), 0o755),
	} {
		if err != nil {
			b.Fatal(err)
		}
	}
}

// writeSpec makes a spec of the tree's services.
func (l *lab) writeSpec(t *tree) {
	t.b.Helper()
	t.b.Cleanup(func() { _ = cgroup.Remove("sandwright-bench-*") }) // its PID 1 is killed
	s := spec.Spec{Version: spec.Version, Name: "bench", LogDir: filepath.Join(t.dir, "log"), Env: map[string]string{"PATH": os.Getenv("PATH")}}
	for _, dir := range t.services {
		svc := spec.Service{Name: filepath.Base(dir), Logs: spec.Rotation{MaxFiles: 20, MaxBytes: 1_000_000, Stamp: "iso8601"}}
		if t.peer == peerDirectories {
			svc.S6 = dir
		} else {
			svc.Command, svc.Dir, svc.Ready = []string{l.service}, dir, &spec.Probe{FD: 3}
			svc.Restart.Policy = spec.Always
		}
		s.Services = append(s.Services, svc)
	}
	data, err := spec.Encode(s)
	if err == nil {
		err = os.WriteFile(filepath.Join(t.dir, "spec.json"), data, 0o644)
	}
	if err != nil {
		t.b.Fatal(err)
	}
}
