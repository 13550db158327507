package fetch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
)

// NPM is npm's own configuration: where packages come from, and as whom.
type NPM struct {
	dir      string // of the project
	settings map[string]string
	given    bool                   // the registry, by the environment
	fallback func() (string, error) // the registry when none is configured
}

// NPMConfig reads npm's configuration for the project in dir, in npm's own
// order: npm_config_* variables, the project's .npmrc, the user's, the global
// one. Env is as os.Environ gives it. A file that is not there is no fault.
func NPMConfig(dir string, env []string) (*NPM, error) {
	vars := environ(env)
	lookup := func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	n := &NPM{dir: dir, settings: fromEnvironment(env)}
	n.given = n.settings["registry"] != ""
	user := n.settings["userconfig"]
	if user == "" && vars["HOME"] != "" {
		user = filepath.Join(vars["HOME"], ".npmrc")
	}
	for _, path := range append([]string{filepath.Join(dir, ".npmrc"), user}, n.globals(vars["PATH"])...) {
		if err := n.readFile(path, lookup); err != nil {
			return nil, err
		}
	}
	n.fallback = sync.OnceValues(func() (string, error) { return askNPM(dir, env) })
	return n, nil
}

// UseRegistry sets the registry that sandwright.yaml names, in the place of
// what npmrc files say. The environment goes before it; an empty address says
// nothing.
func (n *NPM) UseRegistry(address string) {
	if address != "" && !n.given {
		n.settings["registry"] = address
	}
}

func environ(env []string) map[string]string {
	vars := map[string]string{}
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		vars[name] = value
	}
	return vars
}

// fromEnvironment reads npm_config_KEY variables and the proxy variables that
// npm also knows. Underscores of KEY are dashes, except in //host/:_authToken.
func fromEnvironment(env []string) map[string]string {
	out := map[string]string{}
	vars := environ(env)
	for name, value := range vars {
		const prefix = "npm_config_"
		if len(name) <= len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) || value == "" {
			continue
		}
		key := name[len(prefix):]
		if !strings.HasPrefix(key, "//") && !strings.HasPrefix(key, "@") {
			key = strings.ToLower(key[:1] + strings.ReplaceAll(key[1:], "_", "-"))
		}
		out[key] = value
	}
	for key, names := range map[string][2]string{
		"https-proxy": {"HTTPS_PROXY", "https_proxy"},
		"proxy":       {"HTTP_PROXY", "http_proxy"},
		"noproxy":     {"NO_PROXY", "no_proxy"},
	} {
		for _, name := range names {
			if value := vars[name]; value != "" && out[key] == "" {
				out[key] = value
			}
		}
	}
	return out
}

// globals are the places of npm's global npmrc: as configured, below the
// prefix of node, and where distributions put it.
func (n *NPM) globals(path string) []string {
	if g := n.settings["globalconfig"]; g != "" {
		return []string{g}
	}
	var out []string
	if prefix := n.settings["prefix"]; prefix != "" {
		out = append(out, filepath.Join(prefix, "etc/npmrc"))
	}
	for _, dir := range filepath.SplitList(path) {
		node, err := filepath.EvalSymlinks(filepath.Join(dir, "node"))
		if err == nil {
			out = append(out, filepath.Join(filepath.Dir(filepath.Dir(node)), "etc/npmrc"))
			break
		}
	}
	return append(out, "/usr/etc/npmrc", "/etc/npmrc")
}

// readFile adds what a file says to what nothing before it said.
func (n *NPM) readFile(path string, lookup func(string) (string, bool)) error {
	data, err := os.ReadFile(path)
	if path == "" || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Cannot("read npm's configuration: %w", err)
	}
	for key, value := range parseNPMRC(string(data), lookup) {
		if _, ok := n.settings[key]; !ok {
			n.settings[key] = value
		}
	}
	return nil
}

// askNPM asks an installed npm for the registry it would use by itself. Its
// location is global as npm refuses to answer in a project whose devEngines name
// another package manager; the project's own .npmrc has been read before.
func askNPM(dir string, env []string) (string, error) {
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	cmd := exec.CommandContext(ctx, "npm", "config", "get", "registry", "--location=global")
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, env, time.Second
	out, err := cmd.Output()
	registry := strings.TrimSpace(string(out))
	if err != nil || !strings.Contains(registry, "://") {
		return "", fault.Cannot("tell where npm packages come from: no registry is configured, and no npm is installed to ask").
			WithHint("run: npm config set registry URL, or set npm_config_registry")
	}
	return registry, nil
}
