package plan

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/receipt"
)

// SourceDate is the time that programs write into what build steps make: the
// first of 1980, which a zip can hold, in seconds since 1970.
const SourceDate = "315532800"

// Everywhere is what every step of a build has in its environment.
func Everywhere() map[string]string { return map[string]string{"CI": "true", "NO_COLOR": "1"} }

// rerun is a command of an install as a box runs it again.
func (in Install) rerun(argv []string) receipt.Step {
	return again(argv, in.Dir, in.Env, in.Secrets)
}

func (in Install) rerunAll(commands []Command) (out []receipt.Step) {
	for _, c := range commands {
		out = append(out, in.rerun(c.Args))
	}
	return out
}

// rerun is the step as a box runs it again.
func (s Step) rerun() receipt.Step {
	env := map[string]string{"SOURCE_DATE_EPOCH": SourceDate}
	maps.Copy(env, s.Env)
	return again(s.Shell(), s.Dir, env, s.Secrets)
}

// again is what the receipt says of a step. A value that may hold a password,
// as that of an address with a user, stays out of the image as a secret does.
func again(argv []string, dir string, env map[string]string, secrets []string) receipt.Step {
	out := receipt.Step{Argv: argv, Env: Everywhere(), Needs: slices.Clone(secrets)}
	if dir = path.Clean(dir); dir != "." {
		out.Dir = dir
	}
	for name, value := range env {
		if strings.Contains(value, "://") && strings.Contains(value, "@") {
			out.Needs = append(out.Needs, name)
		} else {
			out.Env[name] = value
		}
	}
	slices.Sort(out.Needs)
	return out
}
