//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/launch"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/supervise"
)

// supervisor runs the spec's services until it is told to stop.
func supervisor(in invocation, stdout, stderr io.Writer) error {
	// Before anything can be started: no service inherits what we did.
	if err := launch.KeepDescriptors(); err != nil {
		return err
	}
	unix.Umask(0o022)
	given, err := readEnv(in.envFD)
	if err != nil {
		return err
	}
	secrets := newSecrets(given)
	load := func() (spec.Spec, map[string]string, error) {
		s, err := readSpec(in.spec)
		if err != nil {
			return s, nil, err
		}
		env, err := secrets.start(&s)
		return s, env, err
	}
	s, env, err := load()
	if err != nil {
		return err
	}
	voice := newVoice(stderr)
	defer voice.close()
	if err := verifyAtStart(s, voice.say); err != nil {
		return err
	}
	b := &boxed{in: in, spec: s, env: env, load: load, secrets: secrets, voice: voice, mirror: stdout}
	return b.run()
}

// boxed is a supervisor once everything is known.
type boxed struct {
	in      invocation
	spec    spec.Spec
	env     map[string]string
	load    supervise.Loader
	secrets *secrets
	voice   *voice
	mirror  io.Writer
	first   *spec.Service // what runs before the spec's services; nil: nothing
}

func (b *boxed) run() error {
	say := func(line string) { b.voice.say(b.secrets.known.Text(line)) }
	for i := range b.spec.Variables {
		if b.spec.Variables[i].Secret {
			useCores(2) // hiding secrets in a flood of logs is work for one of its own
		}
	}
	// Whoever has the socket is the only one: nothing is touched before that.
	listeners, err := listenAll(b.in, say)
	if err != nil {
		return err
	}
	defer closeAll(listeners)
	runDir := filepath.Dir(b.in.socket)
	b.first = lookAtStart(b.spec, say)
	b.spec = preceded(b.spec, b.first)
	b.spec.LogDir = logDir(b.spec.LogDir, runDir, say)
	if err := supervise.Check(b.spec); err != nil {
		return err
	}
	system, err := supervise.NewSystem(b.spec, supervise.Options{RunDir: runDir, Secrets: &b.secrets.known, Mirror: b.mirror, Say: say})
	if err != nil {
		return err
	}
	sv, err := supervise.New(b.spec, b.env, system, b.reload, say)
	if err != nil {
		return errors.Join(err, system.Close())
	}
	sv.Hide(&b.secrets.known)
	watching, stopWatching := context.WithCancel(context.Background())
	defer stopWatching()
	go b.secrets.watch(watching, sv, say)
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2)
	server := serve(listeners, answering(control.Handler(sv, openLogs(b.spec.LogDir)), saveMemory()), say)
	code := sv.Run(signals)
	server.close()
	if err := system.Close(); err != nil {
		say(fmt.Sprintf("cannot finish the logs: %v", err))
	}
	return exit(code)
}

// reload reads the spec again. Where logs stand is said once, and what came
// before the services stays there.
func (b *boxed) reload() (spec.Spec, map[string]string, error) {
	s, env, err := b.load()
	s.LogDir = b.spec.LogDir
	return preceded(s, b.first), env, err
}

// logDir is where logs are kept: as the spec has it, or in runDir where the
// former is not ours to write to, as under a read-only root.
func logDir(dir, runDir string, say func(string)) string {
	dir = cmp.Or(dir, spec.LogDir)
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = unix.Access(dir, unix.W_OK)
	}
	if errors.Is(err, unix.EROFS) || errors.Is(err, unix.EACCES) {
		other := filepath.Join(runDir, "log")
		say(fmt.Sprintf("cannot write to %s: %v; logs are in %s", dir, cause(err), other))
		return other
	}
	return dir
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

func readSpec(path string) (spec.Spec, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return spec.Spec{}, fault.Cannot("read %s: %w", path, cause(err)).WithCode(fault.ExitConfig).
			WithHint("run: sandwright-init --spec PATH")
	}
	s, err := spec.Decode(data)
	if err != nil {
		at := fault.Position{File: path}
		return spec.Spec{}, &fault.Fault{At: at, What: err.Error(), Code: fault.ExitConfig, Err: err}
	}
	return s, nil
}
