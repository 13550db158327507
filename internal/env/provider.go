package env

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/smallfile"
)

// A Provider is where a secret is read on the host. The zero Provider is none;
// else one of File and Exec is set.
type Provider struct {
	File    string   // relative to the project, and in it
	Exec    []string // a program that prints it; it starts in the project
	Timeout time.Duration
}

const providerName = "a provider"

// A wanted is one secret that a provider has.
type wanted struct {
	v      Variable
	origin string // completes "API_KEY from …"
	read   func(ctx context.Context) (string, *fault.Fault)
}

// providers asks those of the variables that are checked, four at a time: what
// --secret says, else the file that NAME_FILE names, else what the schema says.
func (l Layers) providers(ctx context.Context, schema Schema, sources []Source) (Source, error) {
	out := Source{Name: providerName, Values: map[string]string{}, Origins: map[string]string{}, Failed: map[string]bool{}, Ambient: true}
	flags, err := l.secretFlags(schema)
	faults := fault.All(err)
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, 4)
	for _, w := range l.wanted(schema, flags, sources) {
		group.Go(func() {
			slots <- struct{}{}
			value, f := w.read(ctx)
			<-slots
			mu.Lock()
			defer mu.Unlock()
			out.Origins[w.v.Name] = w.origin
			if f == nil {
				out.Values[w.v.Name] = value
				return
			}
			out.Failed[w.v.Name] = true
			f.Code, f.Err = fault.ExitConfig, &Problem{Variable: w.v.Name, Rule: "from", Source: w.origin}
			if f.At.File == "" {
				f.At = w.v.Pos
			}
			faults = append(faults, f)
		})
	}
	group.Wait()
	return out, faults.Err()
}

func (l Layers) wanted(schema Schema, flags map[string]wanted, sources []Source) (out []wanted) {
	seen := map[string]bool{}
	for _, v := range schema.all() {
		if v.Unused || !v.Secret || seen[v.Name] {
			continue
		}
		w, ok := flags[v.Name]
		if !ok {
			w, ok = l.named(schema, v, sources)
		}
		if !ok {
			w, ok = l.declared(v)
		}
		if ok {
			seen[v.Name], w.v = true, v
			out = append(out, w)
		}
	}
	return out
}

// named follows NAME_FILE, where that is no variable itself. Sources that hold
// it are told that it is meant.
func (l Layers) named(schema Schema, v Variable, sources []Source) (wanted, bool) {
	name := v.Name + "_FILE"
	if slices.Contains(schema.names(), name) {
		return wanted{}, false
	}
	var path string
	for i := range sources {
		value := sources[i].Values[name]
		if value == "" {
			continue
		}
		if sources[i].Others == nil {
			sources[i].Others = map[string]bool{}
		}
		sources[i].Others[name] = true
		if path == "" {
			path = value
		}
	}
	return wanted{origin: name, read: fileReader(name, path)}, path != ""
}

// declared is what the schema says.
func (l Layers) declared(v Variable) (wanted, bool) {
	switch {
	case v.Provider.File != "":
		return wanted{origin: "file:" + v.Provider.File, read: func(context.Context) (string, *fault.Fault) {
			data, err := smallfile.ReadBelow(l.Dir, v.Provider.File, maxFile)
			if err != nil {
				return "", fault.Cannot("read %s from file:%s: %w", v.Name, v.Provider.File, err).WithHint("write the value into %s", v.Provider.File)
			}
			return secretText(v.Name, "file:"+v.Provider.File, data)
		}}, true
	case len(v.Provider.Exec) == 0:
		return wanted{}, false
	}
	program := v.Provider.Exec[0]
	return wanted{origin: "exec:" + program, read: func(ctx context.Context) (string, *fault.Fault) {
		if !l.AllowExec {
			return "", fault.Cannot("run %s for %s: programs that this file names run only where that is allowed", program, v.Name).
				WithHint("look at it, then give --allow-exec, or set SANDWRIGHT_ALLOW_EXEC=1")
		}
		return l.run(ctx, v.Name, v.Provider)
	}}, true
}

// secretFlags reads NAME=file:PATH and NAME=exec:COMMAND.
func (l Layers) secretFlags(schema Schema) (map[string]wanted, error) {
	out := map[string]wanted{}
	var faults fault.List
	for _, flag := range l.Secrets {
		name, from, _ := strings.Cut(flag, "=")
		path, isFile := strings.CutPrefix(from, "file:")
		command, isExec := strings.CutPrefix(from, "exec:")
		switch {
		case !validName(name) || !isFile && !isExec || path == "" && command == "":
			faults = append(faults, fault.Cannot("use a --secret that is neither NAME=file:PATH nor NAME=exec:COMMAND").
				WithCode(fault.ExitUsage).WithHint("write --secret NAME=file:PATH"))
		case !slices.ContainsFunc(schema.all(), func(v Variable) bool { return v.Name == name && v.Secret }):
			f := fault.Cannot("use --secret for %s: no secret of that name is declared", name).WithCode(fault.ExitConfig)
			f.Hint = "declare it in sandwright.yaml: env: {" + name + ": {secret: true}}"
			if near := fault.Nearest(name, schema.names()); near != "" {
				f.Hint = "did you mean " + near + "?"
			}
			faults = append(faults, f)
		case isFile:
			out[name] = wanted{origin: "--secret", read: fileReader(name, path)}
		default:
			out[name] = wanted{origin: "--secret", read: func(ctx context.Context) (string, *fault.Fault) {
				return l.run(ctx, name, Provider{Exec: []string{"sh", "-c", command}, Timeout: 10 * time.Second})
			}}
		}
	}
	return out, faults.Err()
}

// fileReader reads a file of the user's own choice, and follows links.
func fileReader(name, path string) func(context.Context) (string, *fault.Fault) {
	return func(context.Context) (string, *fault.Fault) {
		data, err := smallfile.Read(path, maxFile)
		if err != nil {
			return "", unreadable(name, err)
		}
		return secretText(name, "its file", data)
	}
}

// unreadable does not show the path: somebody may have put the secret there.
func unreadable(name string, err error) *fault.Fault {
	return fault.Cannot("read the file that holds %s: %w", strings.TrimSuffix(name, "_FILE"), err).
		WithHint("look at what its path is, and who may read it")
}

// ReadSecret reads the value of a secret from a file, as the layers do. A path
// that is not absolute is one in dir, and leads nowhere else.
func ReadSecret(name, dir, path string) (string, error) {
	data, err := readSecret(dir, path)
	if err != nil {
		return "", unreadable(name, err)
	}
	text, bad := secretText(name, "its file", data)
	if bad != nil {
		return "", bad
	}
	return text, nil
}

func readSecret(dir, path string) ([]byte, error) {
	if filepath.IsAbs(path) {
		return smallfile.Read(path, maxFile)
	}
	return smallfile.ReadBelow(dir, path, maxFile)
}

// secretText is the value in what a provider gave: all but the last line end.
func secretText(name, from string, data []byte) (string, *fault.Fault) {
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return "", fault.Cannot("use %s from %s: it is not UTF-8 text", name, from).WithHint("give it in base64, with type: base64")
	}
	return text, nil
}
