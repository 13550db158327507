package cli

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/env"
)

// secretFiles are the files that secrets of the sandbox were read from, by name:
// the sandbox hears when they change. A file that holds another value is not
// where a secret came from.
func (r drawing) secretFiles(flags envFlags) map[string]string {
	files := map[string]string{}
	look := func(name string, v config.Variable) {
		if _, shown := r.values.shown[name]; shown || !v.Secret {
			return
		}
		for _, path := range candidates(flags, name, v) {
			value, err := env.ReadSecret(name, r.project.dir, path)
			if err == nil && value == r.values.run[name] && value != "" {
				files[name] = path
				return
			}
		}
	}
	for name, v := range r.project.file.Env {
		look(name, v)
	}
	for _, s := range r.project.file.Services {
		for name, v := range s.Vars {
			look(name, v)
		}
	}
	return files
}

// candidates are the paths that name may be read from, the strongest first: a
// relative one is in the project.
func candidates(flags envFlags, name string, v config.Variable) (paths []string) {
	add := func(path string) {
		if path != "" {
			if abs, err := filepath.Abs(path); err == nil {
				paths = append(paths, abs)
			}
		}
	}
	for _, flag := range flags.secrets {
		if path, ok := strings.CutPrefix(flag, name+"=file:"); ok {
			add(path)
		}
	}
	add(os.Getenv(name + "_FILE"))
	if v.From.File != "" {
		paths = append(paths, v.From.File)
	}
	return paths
}
