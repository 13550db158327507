package llbgen

import (
	"maps"
	"path"
	"slices"

	"github.com/moby/buildkit/client/llb"

	"github.com/sandwright/sandwright/internal/plan"
)

// A left is what a step left: the state it began with and the one it ended with.
type left struct {
	step          plan.Step
	before, after llb.State
}

// buildAll lays the source over what was installed, and runs the steps of the
// build. One with inputs begins with the install and them alone, and what it
// leaves is copied: steps that do not see each other run side by side, and a change of
// what one does not see leaves it alone.
func buildAll(installed llb.State, p plan.Plan, l Layers) (llb.State, error) {
	whole, err := lay(installed, p, l, p.Source)
	if err != nil {
		return whole, err
	}
	whole = hooks(whole, p)
	var done []left
	for _, s := range p.Build {
		if !p.Apart(s) {
			after := build(whole, p, s)
			done = append(done, left{s, whole, after})
			whole = after
			continue
		}
		st, err := lay(installed, p, l, s.Source)
		if err != nil {
			return whole, err
		}
		for _, i := range s.Sees {
			st = done[i].over(st, p)
		}
		d := left{s, st, build(st, p, s)}
		whole = d.over(whole, p)
		done = append(done, d)
	}
	return whole, nil
}

// over puts what the step left over st, in place of what is there of its outputs.
func (d left) over(st llb.State, p plan.Plan) llb.State {
	name := llb.WithCustomName(leftOf + d.step.Name())
	if len(d.step.Outputs) == 0 {
		// The pattern is the target itself, which is no error where nothing is.
		last := len(p.Target) - 1
		info := copied()
		info.AllowWildcard, info.AllowEmptyWildcard = true, true
		return st.File(llb.Copy(llb.Diff(d.before, d.after), p.Target[:last]+"["+p.Target[last:]+"]", p.Target, info, owned(p)), name)
	}
	var file *llb.FileAction
	for _, out := range d.step.Outputs {
		at := path.Join(p.Target, out)
		info := copied()
		info.CreateDestPath = true
		file = file.Rm(at, llb.WithAllowNotFound(true)).Copy(d.after, at, at, info, owned(p))
	}
	return st.File(file, name)
}

// sourceDate is the time that programs write into what they make: the first of
// 1980, which a zip can hold.
const sourceDate = "315532800"

// sshSocket is where a step finds the SSH agent.
const sshSocket = "/run/sandwright/ssh-agent"

// build is one step, which sees nothing of the time or of the host.
func build(st llb.State, p plan.Plan, s plan.Step) llb.State {
	opts := []llb.RunOption{
		llb.Dir(path.Join(p.Target, s.Dir)), llb.AddEnv("SOURCE_DATE_EPOCH", sourceDate),
	}
	if !s.Network {
		opts = append(opts, llb.Network(llb.NetModeNone))
	}
	if s.SSH {
		opts = append(opts, llb.AddSSHSocket(llb.SSHSocketOpt(sshSocket, int(p.User.UID), int(p.User.GID), 0o600)), llb.AddEnv("SSH_AUTH_SOCK", sshSocket))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		opts = append(opts, llb.AddEnv(name, s.Env[name]))
	}
	for _, name := range s.Secrets {
		opts = append(opts, llb.AddSecretWithDest(name, nil, llb.SecretAsEnvName(name)))
	}
	return run(st.Hostname("sandwright"), p, s.Shell(), s.Name(), opts...)
}
