//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/env"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/redact"
	"github.com/sandwright/sandwright/internal/spec"
)

// secrets are the start-time variables, of which secret ones may come from
// files: that of NAME from where NAME_FILE says.
type secrets struct {
	given map[string]string // nil: this process's environment
	known redact.Live       // every value that a secret has now or had before

	mu    sync.Mutex
	files map[string]string // by variable
	all   map[string]string // of known, by what stands in its place

	more chan struct{} // there may be files that were not there before
}

func newSecrets(given map[string]string) *secrets {
	return &secrets{given: given, all: map[string]string{}, more: make(chan struct{}, 1)}
}

// start gives the start-time variables of s as startEnv does, read anew. From
// then on all secrets among them are known.
func (x *secrets) start(s *spec.Spec) (map[string]string, error) {
	given, files, err := x.read(*s)
	if err != nil {
		return nil, err
	}
	start, err := startEnv(given, s)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.files = files
	for _, svc := range s.Services {
		for name := range svc.Secrets {
			value, ok := svc.Env[name]
			if !ok {
				value = start[name]
			}
			x.learn(name, value)
		}
	}
	for _, v := range s.Variables {
		if v.Secret {
			x.learn(v.Name, start[v.Name])
		}
	}
	x.known.Put(redact.New(x.all))
	select {
	case x.more <- struct{}{}:
	default:
	}
	return start, nil
}

// learn adds a value. One that was there before stays known: it may still be
// said.
func (x *secrets) learn(name, value string) {
	key := name
	for n := 2; x.all[key] != value && x.all[key] != ""; n++ {
		key = fmt.Sprintf("%s (%d)", name, n)
	}
	if value != "" {
		x.all[key] = value
	}
}

// read gives what was given, with the values that are in files.
func (x *secrets) read(s spec.Spec) (given, files map[string]string, err error) {
	files = map[string]string{}
	given = maps.Clone(x.given)
	if given == nil {
		given = env.FromEnviron(os.Environ()).Values
	}
	declared := map[string]bool{}
	for _, v := range variablesOf(s) {
		declared[v.Name] = true
	}
	var faults fault.List
	for _, v := range variablesOf(s) {
		path := given[v.Name+"_FILE"]
		if !v.Secret || path == "" || declared[v.Name+"_FILE"] || given[v.Name] != "" && files[v.Name] == "" {
			continue
		}
		files[v.Name] = path
		value, err := env.ReadSecret(v.Name, "/", path)
		faults = append(faults, fault.All(err)...)
		given[v.Name] = value
	}
	if x.given == nil && len(files) == 0 {
		given = nil // as startEnv has it
	}
	return given, files, faults.Err()
}

// variablesOf are all that s declares.
func variablesOf(s spec.Spec) []spec.Variable {
	all := append([]spec.Variable{}, s.Variables...)
	for _, svc := range s.Services {
		all = append(all, svc.Variables...)
	}
	return all
}

// watchEvery is how long a change of a secret's file may go unseen. A look
// costs one stat for each.
const watchEvery = time.Second

// A reloader takes the spec and the variables anew.
type reloader interface {
	Reload(ctx context.Context) (spec.Reloaded, error)
}

// watch reloads whenever a secret's file has changed, until ctx ends. A value
// that the schema refuses changes nothing, and is said once.
func (x *secrets) watch(ctx context.Context, r reloader, say func(string)) {
	seen := x.stamps()
	for x.wait(ctx, len(seen) > 0) {
		now := x.stamps()
		if maps.Equal(now, seen) {
			continue
		}
		seen = now
		say("a secret's file has changed")
		if _, err := r.Reload(ctx); err != nil && ctx.Err() == nil {
			say(fmt.Sprintf("cannot use the new secrets, keeping the old ones: %v", err))
		}
	}
}

// wait returns when it is time for a look, or false when ctx has ended. Without
// files nothing is to be looked at.
func (x *secrets) wait(ctx context.Context, files bool) bool {
	var look <-chan time.Time
	if files {
		look = time.After(watchEvery)
	}
	select {
	case <-ctx.Done():
		return false
	case <-x.more:
	case <-look:
	}
	return true
}

// A stamp is another one once a file has been written or replaced.
type stamp struct {
	dev, ino    uint64
	size        int64
	mtim, ctime unix.Timespec
}

// stamps are those of the files. One that is not there has none.
func (x *secrets) stamps() map[string]stamp {
	x.mu.Lock()
	files := x.files
	x.mu.Unlock()
	found := map[string]stamp{}
	for _, path := range files {
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil {
			found[path] = stamp{st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim}
		}
	}
	return found
}
