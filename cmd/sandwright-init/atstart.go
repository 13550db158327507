//go:build linux

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/spec"
)

const (
	compareTime = 10 * time.Second // for a comparison, which takes some milliseconds
	saidCauses  = 3                // of each layer
)

// lookAtStart compares the workspace with its seal, where the spec asks for it,
// and says what differs. It gives the task that puts that right, before which no
// service is to start; nil where there is nothing to do. Nothing that goes wrong
// here keeps services from starting.
func lookAtStart(s spec.Spec, say func(string)) *spec.Service {
	if s.AtStart == nil {
		return nil
	}
	started := time.Now()
	todo, err := compareFor(*s.AtStart, s.Env)
	var first *spec.Service
	switch {
	case errors.Is(err, fs.ErrNotExist): // the image has no receipt
	case err != nil:
		say("workspace: " + err.Error())
	case len(todo) == 0:
		say(fmt.Sprintf("workspace: nothing to install (compared in %v)", time.Since(started).Round(time.Millisecond)))
	case s.AtStart.Do == spec.StartCheck:
		sayDiffers(todo, say)
		say("workspace: to put that right run: sandwright-init sync --run")
	default:
		sayDiffers(todo, say)
		first, err = workspaceTask(s, todo)
		if err != nil {
			say("workspace: " + err.Error())
		}
	}
	return first
}

func sayDiffers(todo []receipt.Todo, say func(string)) {
	for _, t := range todo {
		for _, c := range t.Causes[:min(saidCauses, len(t.Causes))] {
			say("workspace: " + printable(t.Name) + ": " + printable(c.String()))
		}
		if more := len(t.Causes) - saidCauses; more > 0 {
			say(fmt.Sprintf("workspace: %s: and %d more", printable(t.Name), more))
		}
	}
}

// compareFor compares as the user who runs the steps: what only root may read
// must not show. A file system that does not answer is not waited for.
func compareFor(a spec.AtStart, env map[string]string) ([]receipt.Todo, error) {
	w, err := readReceipt(a.Receipt)
	if err != nil {
		return nil, err
	}
	w.sealAt = sealPath(func(name string) string {
		if name == "HOME" {
			return cmp.Or(env[name], a.User.Home)
		}
		return env[name]
	})
	type result struct {
		todo []receipt.Todo
		err  error
	}
	done := make(chan result, 1)
	go func() {
		if err := threadBecomes(a.User); err != nil {
			done <- result{nil, fault.Cannot("compare the workspace as %s: %w", a.User.Name, err)}
			return
		}
		w.readSeal()
		todo, err := w.compare()
		done <- result{todo, err}
	}()
	select {
	case r := <-done:
		return r.todo, r.err
	case <-time.After(compareTime):
		return nil, fault.Cannot("compare the workspace: its files are not read after %v", compareTime)
	}
}

// threadBecomes has this goroutine open files as u does, where it may choose.
// Its thread ends with it, and no other takes part.
func threadBecomes(u spec.User) error {
	if os.Geteuid() != 0 || u.UID == 0 {
		return nil
	}
	runtime.LockOSThread()
	groups := append([]uint32{u.GID}, u.Groups...)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0); errno != 0 {
		return errno
	}
	for _, set := range [][2]uintptr{{unix.SYS_SETFSGID, uintptr(u.GID)}, {unix.SYS_SETFSUID, uintptr(u.UID)}} {
		const ask = ^uintptr(0) // sets nothing, and gives what is set
		_, _, _ = unix.RawSyscall(set[0], set[1], 0, 0)
		if is, _, _ := unix.RawSyscall(set[0], ask, 0, 0); is != set[1] {
			return unix.EPERM
		}
	}
	// Other ids make a process one of which no core is kept, and whose /proc is
	// not its own. This one is as it was.
	return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
}

// workspaceTask is the task that runs what differs.
func workspaceTask(s spec.Spec, todo []receipt.Todo) (*spec.Service, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	a := *s.AtStart
	deadline := longest(todo, a.Timeout.Std()) + time.Minute
	why := printable(todo[0].Name + ": " + todo[0].Causes[0].String())
	svc := &spec.Service{
		Name:    freeName(s.Services, "workspace"),
		Command: []string{self, "sync", "--run", "--timeout", a.Timeout.String(), "--receipt", a.Receipt},
		Task:    &spec.Task{Deadline: spec.Duration(deadline), Optional: a.Do != spec.StartRequire, Why: why},
		User:    &a.User,
		Env:     passedOn(os.LookupEnv),
		Restart: spec.Restart{Policy: spec.Never},
		Stop:    spec.Stop{Timeout: spec.Duration(2 * stepGrace)},
		Logs:    spec.Rotation{MaxFiles: 3, MaxBytes: 1 << 20, Stamp: "iso8601"},
	}
	return svc, nil
}

// passedOn are the variables of ours that a package manager needs to get
// anywhere. Nothing else of ours is the steps' to see.
func passedOn(lookup func(string) (string, bool)) map[string]string {
	out := map[string]string{}
	for _, name := range []string{
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
		"NPM_CONFIG_REGISTRY", "npm_config_registry", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE",
	} {
		if value, ok := lookup(name); ok {
			out[name] = value
		}
	}
	return out
}

// freeName is name, or what no service has instead.
func freeName(services []spec.Service, name string) string {
	for taken := true; taken; {
		taken = false
		for _, svc := range services {
			taken = taken || svc.Name == name
		}
		if taken {
			name += "-sync"
		}
	}
	return name
}

// preceded is s with first before all its services; s itself where that is nil.
func preceded(s spec.Spec, first *spec.Service) spec.Spec {
	if first == nil {
		return s
	}
	services := []spec.Service{*first}
	for _, svc := range s.Services {
		order := map[string]spec.Condition{first.Name: spec.ExitedOK}
		for name, condition := range svc.After {
			order[name] = condition
		}
		svc.After = order
		services = append(services, svc)
	}
	s.Services = services
	return s
}
