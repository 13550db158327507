package cli

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
)

// imageNames are the names that an image is to have.
type imageNames struct {
	push []string // in registries
	tags []string // names of their own, or bare tags
}

// parse reads what the command line says, and gives every fault of it at once.
func (f buildFlags) parse() (imageNames, []engine.Output, error) {
	var faults fault.List
	for _, ref := range slices.Concat(f.push, f.tags) {
		if !isTag(ref) || slices.Contains(f.push, ref) {
			faults = append(faults, checkName(ref)...)
		}
	}
	faults = append(append(faults, checkPlatforms(f.platforms)...), f.image.check()...)
	var outputs []engine.Output
	for _, o := range f.outputs {
		out, err := parseOutput(o)
		faults = append(faults, fault.All(err)...)
		outputs = append(outputs, out)
		if len(f.platforms) > 1 && out.Kind == engine.Docker {
			faults = append(faults, fault.Cannot("write several platforms as docker: such a file holds one").WithHint("write type=oci").WithCode(fault.ExitUsage))
		}
	}
	toStdout := slices.DeleteFunc(slices.Clone(outputs), func(o engine.Output) bool { return o.Path != stdout })
	if len(toStdout) > 1 {
		faults = append(faults, fault.Cannot("write two outputs to the standard output").WithCode(fault.ExitUsage))
	}
	if f.load && len(f.platforms) > 1 {
		faults = append(faults, fault.Cannot("load several platforms into the Docker engine").WithHint("load one, with --platform").WithCode(fault.ExitUsage))
	}
	return imageNames{f.push, f.tags}, outputs, faults.Err()
}

// checkPlatforms accepts those that there are boxes for.
func checkPlatforms(given []string) (faults fault.List) {
	for _, p := range given {
		if p != "linux/amd64" && p != "linux/arm64" {
			faults = append(faults, fault.Cannot("build for platform %q: it is neither linux/amd64 nor linux/arm64", p).WithCode(fault.ExitUsage))
		}
	}
	return faults
}

// check reads pairs and words; it changes nothing.
func (f imageFlags) check() (faults fault.List) {
	for _, given := range []struct {
		flag  string
		pairs []string
	}{{"--label", f.labels}, {"--annotation", f.annotations}} {
		for _, pair := range given.pairs {
			if name, _, ok := strings.Cut(pair, "="); !ok || name == "" || strings.ContainsAny(name, " \t\n") {
				faults = append(faults, fault.Cannot("use %s %q: it is not NAME=VALUE", given.flag, pair).WithCode(fault.ExitUsage))
			}
		}
	}
	if f.provenance != "" && f.provenance != "min" && f.provenance != "max" {
		faults = append(faults, fault.Cannot("use --provenance %q: it is neither min nor max", f.provenance).WithCode(fault.ExitUsage))
	}
	return faults
}

// isTag tells a bare tag from a name: v1 is one, and app:v1 and team/app are not.
func isTag(ref string) bool { return regexp.MustCompile(`^[\w][\w.-]{0,127}$`).MatchString(ref) }

// checkName accepts the name of an image that can be pushed.
func checkName(ref string) fault.List {
	bare, _ := strings.CutPrefix(ref, "http://")
	if _, err := name.NewTag(bare); err != nil || strings.Contains(bare, "://") {
		return fault.List{fault.Cannot("use the image name %q: it is no HOST/NAME:TAG", ref).WithCode(fault.ExitUsage).
			WithHint("such as registry.example.com/team/app:v1")}
	}
	return nil
}

// in completes the names with those of the file: a bare tag belongs to what is
// pushed, or else to the project's own name.
func (n imageNames) in(file *config.File) imageNames {
	tags := n.tags
	if len(tags) == 0 {
		tags = file.Image.Tags
	}
	repo := file.Name
	if len(n.push) > 0 {
		repo = withoutTag(n.push[0])
	}
	out := imageNames{push: slices.Clone(n.push)}
	for _, t := range tags {
		if isTag(t) {
			t = repo + ":" + t
		}
		out.tags = append(out.tags, t)
	}
	if len(out.push) > 0 {
		out.push = append(out.push, out.tags...)
	}
	return out
}

func withoutTag(ref string) string {
	if i := strings.LastIndex(ref, ":"); i > strings.LastIndex(ref, "/") {
		return ref[:i]
	}
	return ref
}

// local are the names that the image has where it is written or loaded.
func (n imageNames) local(file *config.File) []string {
	switch {
	case len(n.tags) > 0:
		return bareNames(n.tags)
	case len(n.push) > 0:
		return bareNames(n.push)
	}
	return []string{file.Name + ":latest"}
}

func bareNames(refs []string) []string {
	out := make([]string, len(refs))
	for i, ref := range refs {
		out[i] = strings.TrimPrefix(ref, "http://")
	}
	return out
}

// stdout is the name of the standard output where a file could be said.
const stdout = "-"

// parseOutput reads a path, KIND:PATH, or type=KIND,dest=PATH as Docker's own
// command has it. A path alone is an OCI image.
func parseOutput(s string) (engine.Output, error) {
	out := engine.Output{Kind: engine.OCI, Path: s}
	if strings.HasPrefix(s, "type=") || strings.HasPrefix(s, "dest=") {
		var err error
		if out, err = parsePairs(s); err != nil {
			return out, err
		}
	} else if kind, path, ok := strings.Cut(s, ":"); ok {
		out = engine.Output{Kind: engine.Kind(kind), Path: path}
	}
	if out.Kind == "local" {
		out.Kind = engine.Dir // Docker's word
	}
	kinds := []engine.Kind{engine.OCI, engine.Docker, engine.Tar, engine.Dir}
	if !slices.Contains(kinds, out.Kind) || out.Path == "" {
		return out, fault.Cannot("use output %q: it is neither a file nor type=oci|docker|tar|dir,dest=PATH", s).
			WithHint("run: sandwright build --output image.tar").WithCode(fault.ExitUsage)
	}
	if out.Path == stdout && out.Kind == engine.Dir {
		return out, fault.Cannot("write a folder to the standard output").WithHint("write type=tar,dest=-").WithCode(fault.ExitUsage)
	}
	if info, err := os.Stat(out.Path); err == nil && out.Kind != engine.Dir && !info.Mode().IsRegular() {
		return out, fault.Cannot("write %s: it is no regular file", out.Path).WithHint("name a new file, or: --output - for the standard output").WithCode(fault.ExitUsage)
	}
	return out, nil
}

func parsePairs(s string) (out engine.Output, err error) {
	out.Kind = engine.OCI
	for pair := range strings.SplitSeq(s, ",") {
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "type":
			out.Kind = engine.Kind(value)
		case "dest":
			out.Path = value
		case "privileged":
			if out.Privileged = value == "true"; !out.Privileged && value != "false" {
				return out, fault.Cannot("use output %q: privileged is true or false", s).WithCode(fault.ExitUsage)
			}
		default:
			return out, fault.Cannot("use output %q: it has type, dest and privileged, and no %s", s, key).WithCode(fault.ExitUsage)
		}
	}
	if out.Privileged && out.Kind != engine.Dir && out.Kind != "local" {
		return out, fault.Cannot("use output %q: privileged is for type=dir; an archive has it all", s).WithCode(fault.ExitUsage)
	}
	return out, nil
}
