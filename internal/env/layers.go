package env

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/smallfile"
)

// Layers say where values come from on the host. The zero Layers is nowhere.
type Layers struct {
	Dir       string   // of the project, where .env files stand
	Stage     string   // .env.STAGE is read; empty: none
	Environ   []string // of this process
	Files     []string // --env-file, the last one wins
	Set       []string // --env
	Secrets   []string // --secret
	AllowExec bool     // programs that the project's file names may be run
}

// Read gives every layer, the strongest first: providers of secrets, --env,
// --env-file, the environment, .env.STAGE, .env.local and .env. What could not
// be read is a fault, and the rest is there all the same.
func (l Layers) Read(ctx context.Context, schema Schema) ([]Source, error) {
	flags, err := FromFlags(l.Set)
	faults := fault.All(err)
	sources := []Source{flags}
	environ := FromEnviron(l.Environ)
	for _, path := range slices.Backward(l.Files) {
		source, err := readFile(path, environ)
		faults = append(faults, fault.All(err)...)
		sources = append(sources, source)
	}
	sources = append(sources, environ)
	secrets, err := l.providers(ctx, schema, sources)
	faults = append(faults, fault.All(err)...)
	own, err := l.dotenv(environ)
	faults = append(faults, fault.All(err)...)
	for _, source := range own {
		faults = append(faults, misplaced(schema, source)...)
	}
	return slices.Concat([]Source{secrets}, sources, own), faults.Err()
}

// lookup is for what files of variables speak of.
func (s Source) lookup(name string) (string, bool) {
	value, ok := s.Values[name]
	return value, ok
}

func readFile(path string, environ Source) (Source, error) {
	data, err := smallfile.Read(path, maxFile)
	if err != nil {
		return Source{Name: path}, fault.Cannot("read --env-file %s: %w", path, err).WithCode(fault.ExitUsage)
	}
	return ParseFile(path, data, environ.lookup)
}

// dotenv reads the project's own files of variables. A link that leads out of
// the project is not followed.
func (l Layers) dotenv(environ Source) ([]Source, error) {
	names := []string{".env", ".env.local"}
	var faults fault.List
	if l.Stage != "" && (!regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`).MatchString(l.Stage) || l.Stage == "local") {
		faults = append(faults, fault.Cannot("use the stage %q: it is letters, digits, dashes and underscores, and not local", clip(l.Stage)).
			WithCode(fault.ExitUsage).WithHint("give --stage production, and write .env.production"))
	} else if l.Stage != "" {
		names = append(names, ".env."+l.Stage)
	}
	if l.Dir == "" {
		return nil, faults.Err()
	}
	root, err := os.OpenRoot(l.Dir)
	if err != nil {
		return nil, append(faults, fault.Cannot("read .env files: %w", err))
	}
	defer root.Close()
	var out []Source
	for _, name := range slices.Backward(names) {
		data, err := smallfile.ReadIn(root, name, maxFile)
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == ".env."+l.Stage:
			faults = append(faults, fault.Cannot("find %s of the stage %s", filepath.Join(l.Dir, name), l.Stage).
				WithCode(fault.ExitConfig).WithHint("%s", stageHint(l.Dir, l.Stage)))
			continue
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			faults = append(faults, fault.Position{File: name}.Cannot("read it: %w", err))
			continue
		}
		source, err := ParseFile(name, data, environ.lookup)
		faults = append(faults, fault.All(err)...)
		source.Name, source.Loose = name, true
		out = append(out, source)
	}
	return out, faults.Err()
}

// stageHint names a stage that there is.
func stageHint(dir, stage string) string {
	found, _ := filepath.Glob(filepath.Join(dir, ".env.*")) // the pattern is good
	var stages []string
	for _, path := range found {
		stages = append(stages, strings.TrimPrefix(filepath.Base(path), ".env."))
	}
	if near := fault.Nearest(stage, stages); near != "" {
		return "did you mean " + near + "?"
	}
	return "write it, or leave out --stage and SANDWRIGHT_STAGE"
}

// misplaced refuses NAME_FILE in a file of the repository, which is no place
// to say which of the user's files become secrets of the box.
func misplaced(schema Schema, s Source) (faults fault.List) {
	for _, v := range schema.all() {
		name := v.Name + "_FILE"
		if _, ok := s.Values[name]; ok && v.Secret && !slices.Contains(schema.names(), name) {
			f := s.At[name].Cannot("use %s from %s: a file of the project does not say which files hold secrets", name, s.Name)
			f.Err = &Problem{Variable: v.Name, Rule: "secret", Source: s.Name}
			faults = append(faults, f.WithHint("export %s, or give --secret %s=file:PATH", name, v.Name))
		}
	}
	return faults
}
