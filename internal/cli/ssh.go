package cli

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
)

// sshFlags say who signs for build steps, as docker build and buildctl take it.
type sshFlags struct{ given []string }

func (f *sshFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.given, "ssh", nil, "default, ID, ID=SOCKET or ID=KEY[,KEY]: who signs for build steps with ssh: true (default) or ssh: ID; without a path the agent of SSH_AUTH_SOCK")
	complete(cmd, "ssh", config.DefaultAgent, config.DefaultAgent+"=")
}

// parse reads one ID and its paths; none: the agent of SSH_AUTH_SOCK.
func parseSSH(text string) (engine.SSHAgent, error) {
	id, paths, has := strings.Cut(text, "=")
	a := engine.SSHAgent{ID: id}
	if has {
		a.Paths = strings.Split(paths, ",")
	}
	if !regexp.MustCompile("^(?:"+config.AgentID+")$").MatchString(id) || slices.Contains(a.Paths, "") {
		return a, fault.Cannot("use --ssh %q: it is neither default, an ID, ID=SOCKET nor ID=KEY[,KEY]", text).
			WithHint("give --ssh default, or --ssh deploy=$HOME/.ssh/id_ed25519").WithCode(fault.ExitUsage)
	}
	return a, nil
}

// check gives the faults of the flags.
func (f *sshFlags) check() (faults fault.List) {
	seen := map[string]bool{}
	for _, text := range f.given {
		a, err := parseSSH(text)
		faults = append(faults, fault.All(err)...)
		if err == nil && seen[a.ID] {
			faults = append(faults, fault.Cannot("use --ssh %s twice", a.ID).WithHint("several keys of one ID: --ssh %s=KEY,KEY", a.ID).WithCode(fault.ExitUsage))
		}
		seen[a.ID] = true
	}
	return faults
}

// agents are those that the steps of b ask for. That called default is there
// unasked where SSH_AUTH_SOCK is set.
func (f *sshFlags) agents(b blueprint) ([]engine.SSHAgent, error) {
	given := map[string]engine.SSHAgent{config.DefaultAgent: {ID: config.DefaultAgent}}
	for _, text := range f.given {
		if a, err := parseSSH(text); err == nil { // check says what is not
			given[a.ID] = a
		}
	}
	var out []engine.SSHAgent
	var faults fault.List
	for i, step := range b.plan.Build {
		a, known := given[step.SSH]
		if len(a.Paths) == 0 {
			a.Paths = slices.DeleteFunc([]string{os.Getenv("SSH_AUTH_SOCK")}, func(s string) bool { return s == "" })
		}
		at := b.project.file.At("workspace", "build", strconv.Itoa(i), "ssh")
		switch {
		case step.SSH == "" || slices.ContainsFunc(out, func(o engine.SSHAgent) bool { return o.ID == step.SSH }):
		case !known:
			faults = append(faults, at.Cannot("give the SSH agent %s to a build step: no --ssh says which that is", step.SSH).
				WithHint("give --ssh %s=$HOME/.ssh/id_ed25519, or the socket of an agent", step.SSH))
		case len(a.Paths) == 0:
			faults = append(faults, at.Cannot("give the SSH agent to a build step: SSH_AUTH_SOCK is not set").
				WithHint("run: eval $(ssh-agent) && ssh-add; or give --ssh %s=$HOME/.ssh/id_ed25519", step.SSH))
		default:
			out = append(out, a)
		}
	}
	return out, faults.Err()
}
