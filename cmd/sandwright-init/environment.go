//go:build linux

package main

import (
	"encoding/json"
	"os"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// startEnv is the start-time variables that s declares: those given, or where
// that is nil, those of this process's environment. All required ones that are
// missing are reported at once; a value never is.
func startEnv(given map[string]string, s spec.Spec) (map[string]string, error) {
	env := given
	if env == nil {
		env = ownEnv(s)
	}
	var faults fault.List
	for _, v := range s.Required {
		if _, ok := env[v.Name]; !ok {
			faults = append(faults, fault.Position{File: v.At}.Cannot("start: %s is not set", v.Name))
		}
	}
	return env, faults.Err()
}

// ownEnv is what s declares of this process's environment.
func ownEnv(s spec.Spec) map[string]string {
	env := map[string]string{}
	take := func(name string) {
		if value, ok := os.LookupEnv(name); ok {
			env[name] = value
		}
	}
	for _, v := range s.Required {
		take(v.Name)
	}
	for _, svc := range s.Services {
		for _, name := range svc.EnvFrom {
			take(name)
		}
	}
	return env
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
