package llbgen

import (
	"maps"
	"path"
	"slices"

	"github.com/moby/buildkit/client/llb"

	"github.com/sandwright/sandwright/internal/plan"
)

// A left is what a command left: the state it began with and the one it ended with.
type left struct {
	name          string
	outputs       []string // empty: all that it wrote in roots
	roots         []string
	before, after llb.State
}

// buildAll lays the source over what was installed, and runs the steps of the
// build. One with inputs begins with the install and them alone, and what it
// leaves is copied: steps that do not see each other run side by side, and a change of
// what one does not see leaves it alone.
func buildAll(installed llb.State, p plan.Plan, l Layers) (llb.State, error) {
	all := plan.Part{Source: p.Source}
	whole, err := layCold(installed, p, l, all)
	if err != nil {
		return whole, err
	}
	var ready, done []left
	for i := 0; ; i++ {
		if i == p.Beneath {
			if ready, whole, err = hooks(installed, layHot(whole, p, all), p, l); err != nil {
				return whole, err
			}
		}
		if i == len(p.Build) {
			return whole, nil
		}
		s := p.Build[i]
		d := left{name: s.Name(), outputs: s.Outputs, roots: []string{p.Target}, before: whole}
		if !p.Apart(s) {
			d.after = build(whole, p, s)
			done, whole = append(done, d), d.after
			continue
		}
		if d.before, err = lay(installed, p, l, s.Part); err != nil {
			return whole, err
		}
		for _, r := range ready {
			d.before = r.over(d.before, p)
		}
		for _, i := range s.Sees {
			d.before = done[i].over(d.before, p)
		}
		d.after = build(d.before, p, s)
		done, whole = append(done, d), d.over(whole, p)
	}
}

// over puts what the command left over st, in place of what is there of its outputs.
func (d left) over(st llb.State, p plan.Plan) llb.State {
	name := llb.WithCustomName(leftOf + d.name)
	var file *llb.FileAction
	if len(d.outputs) == 0 {
		wrote := llb.Diff(d.before, d.after)
		for _, root := range d.roots {
			info := copied()
			info.AllowWildcard, info.AllowEmptyWildcard = true, true
			file = file.Copy(wrote, patternOf(root), root, info, owned(p))
		}
		return st.File(file, name)
	}
	for _, out := range d.outputs {
		at := path.Join(p.Target, out)
		info := copied()
		info.CreateDestPath = true
		file = file.Rm(at, llb.WithAllowNotFound(true)).Copy(d.after, at, at, info, owned(p))
	}
	return st.File(file, name)
}

// patternOf is a pattern of one absolute path, which is no error where nothing is,
// nor any folder above: what stands before the first wildcard has to be there.
func patternOf(root string) string { return "/[" + root[1:2] + "]" + root[2:] }

// committed is the repository without its index, which follows each edit.
func committed(p plan.Plan) llb.State {
	info := copied()
	info.ExcludePatterns = []string{".git/index"}
	return llb.Scratch().File(llb.Copy(local(p, Git), "/", "/", info, owned(p)), llb.WithCustomName("the repository that a build step sees"))
}

// sshSocket is where a step finds the SSH agent.
const sshSocket = "/run/sandwright/ssh-agent"

// build is one step, which sees nothing of the time or of the host.
func build(st llb.State, p plan.Plan, s plan.Step) llb.State {
	opts := []llb.RunOption{
		llb.Dir(path.Join(p.Target, s.Dir)), llb.AddEnv("SOURCE_DATE_EPOCH", plan.SourceDate),
	}
	if !s.Network {
		opts = append(opts, llb.Network(llb.NetModeNone))
	}
	if s.Git {
		opts = append(opts, llb.AddMount(path.Join(p.Target, ".git"), committed(p), llb.SourcePath("/.git"), llb.ForceNoOutput))
	}
	if s.SSH != "" {
		opts = append(opts, llb.AddEnv("SSH_AUTH_SOCK", sshSocket),
			llb.AddSSHSocket(llb.SSHID(s.SSH), llb.SSHSocketOpt(sshSocket, int(p.User.UID), int(p.User.GID), 0o600)))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		opts = append(opts, llb.AddEnv(name, s.Env[name]))
	}
	for _, name := range s.Secrets {
		opts = append(opts, llb.AddSecretWithDest(name, nil, llb.SecretAsEnvName(name)))
	}
	after := "" // a step may run the package managers
	for _, in := range p.Installs {
		if in.After != "" {
			after += plan.ShellText("cd", path.Join(p.Target, in.Dir)) + "\n" + in.After
		}
	}
	return run(st.Hostname("sandwright"), p, followed(s.Shell(), after), s.Name(), opts...)
}
