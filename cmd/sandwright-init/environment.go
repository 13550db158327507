//go:build linux

package main

import (
	"encoding/json"
	"maps"
	"os"

	"github.com/sandwright/sandwright/internal/env"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// startEnv checks the start-time variables of s: those given, or where that is
// nil, those of this process's environment. It gives those of the file by name,
// and puts those of a service into its fixed values. All faults come at once,
// and none shows a secret.
func startEnv(given map[string]string, s *spec.Spec) (map[string]string, error) {
	source := env.FromEnviron(os.Environ())
	if given != nil {
		source = env.Source{Name: "what was given at start", Values: given, Ambient: true}
	}
	found, err := env.Resolver{Stat: os.Stat}.Resolve(env.FromSpec(*s), source)
	if err != nil {
		return nil, err
	}
	for i := range s.Services {
		svc := &s.Services[i]
		svc.Env = maps.Clone(svc.Env)
		for name, value := range found.Own[svc.Name] {
			if svc.Env == nil {
				svc.Env = map[string]string{}
			}
			svc.Env[name] = value.Text
		}
	}
	start := map[string]string{}
	for name, value := range found.Values {
		start[name] = value.Text
	}
	return start, nil
}

// readEnv reads one JSON object from fd to its end; without a descriptor it is
// nil. Its errors hold nothing of what was read.
func readEnv(fd int) (map[string]string, error) {
	if fd < 0 {
		return nil, nil
	}
	f := os.NewFile(uintptr(fd), "env-fd")
	defer f.Close()
	var env map[string]string
	dec := json.NewDecoder(f)
	if err := dec.Decode(&env); err != nil || dec.More() {
		return nil, fault.Cannot("read the start-time variables from descriptor %d: not one JSON object of strings", fd).
			WithCode(fault.ExitConfig)
	}
	return env, nil
}
