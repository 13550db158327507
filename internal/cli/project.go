package cli

import (
	"os"
	"path/filepath"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

// A project is one sandwright.yaml and where it stands.
type project struct {
	dir  string // absolute
	file *config.File
}

// project finds and reads the file: the one that --file names, or the nearest
// in this folder or one above it.
func (a *app) project() (project, error) {
	if a.sandbox != "" {
		if f := provider.CheckName(a.sandbox); f != nil {
			return project{}, f.WithCode(fault.ExitUsage)
		}
	}
	path := a.file
	if path == "" {
		found, err := nearest(config.Name)
		if err != nil {
			return project{}, err
		}
		path = found
	}
	file, err := config.Load(path)
	if err != nil {
		return project{}, err
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	return project{dir, file}, err
}

// nearest looks for name in this folder and those above it. The path it gives
// is relative where that is shorter to read.
func nearest(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at, rel := dir, ""; ; at, rel = filepath.Dir(at), filepath.Join(rel, "..") {
		if _, err := os.Stat(filepath.Join(at, name)); err == nil {
			return filepath.Join(rel, name), nil
		}
		if at == filepath.Dir(at) {
			return "", fault.Cannot("find %s here or in a folder above", name).
				WithHint("cd to the project, or name the file with --file").WithCode(fault.ExitConfig)
		}
	}
}

// sandboxName is --sandbox, or the file's own name.
func (a *app) sandboxName(p project) string {
	if a.sandbox != "" {
		return a.sandbox
	}
	return p.file.Name
}
