//go:build linux

package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/supervise"
)

// supervisor runs the spec's services until it is told to stop.
func supervisor(in invocation, stderr io.Writer) error {
	// Before anything can be started: no service inherits what we did.
	closeOnExec()
	unix.Umask(0o022)
	s, err := readSpec(in.spec)
	if err != nil {
		return err
	}
	env, err := startEnv(in.envFD, s)
	if err != nil {
		return err
	}
	voice := newVoice(stderr)
	defer voice.close()
	return runSpec(in, s, env, voice)
}

// runSpec is supervisor once everything is known.
func runSpec(in invocation, s spec.Spec, env map[string]string, v *voice) error {
	system, err := supervise.NewSystem(s, v.say)
	if err != nil {
		return err
	}
	sv, err := supervise.New(s, env, system, v.say)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2)
	server, err := serve(sv, in, v.say)
	if err != nil {
		return err
	}
	sv.Run(signals)
	server.close()
	if err := system.Close(); err != nil {
		v.say(fmt.Sprintf("cannot finish the logs: %v", err))
	}
	return nil
}

// closeOnExec keeps inherited descriptors from services. The standard three
// are replaced in each of them anyway. An old kernel that does not know the
// call leaves them open.
func closeOnExec() { _ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) }

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
