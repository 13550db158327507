package llbgen

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"github.com/sandwright/sandwright/internal/plan"
)

// Names of the secrets that install steps see as files. Their values are in
// no layer and in no cache key.
const (
	SecretNPMRC = "npmrc"
	SecretCA    = "ca"
)

// ManifestsOf names the tree of one install's files.
func ManifestsOf(dir string) string {
	if dir == "." {
		return Manifests
	}
	return Manifests + "/" + dir
}

// FetchedOf names the tree of what one install's fetching reads.
func FetchedOf(dir string) string {
	if dir == "." {
		return Fetched
	}
	return Fetched + "/" + dir
}

// install is the dependency layer: each workspace's install sees its own
// manifests and nothing else.
func install(st llb.State, p plan.Plan) llb.State {
	for _, in := range p.Installs {
		if len(in.Fetch) > 0 {
			st = copyTo(st, p, FetchedOf(in.Dir), path.Join(p.Target, in.Dir))
		}
		for _, c := range in.Fetch {
			st = run(st, p, withVariables(in, c.Args), c.Name, packageAccess(p, in)...)
		}
		st = copyTo(st, p, ManifestsOf(in.Dir), path.Join(p.Target, in.Dir))
		for i, c := range in.Steps {
			if i+1 < len(in.Steps) || in.Keep == "" {
				st = run(st, p, wrapped(in, c.Args), c.Name, packageAccess(p, in)...)
				continue
			}
			st = run(st, p, withVariables(in, followed(c.Args, in.Keep+in.After)), c.Name, packageAccess(p, in)...)
			st = st.File(llb.Copy(st, plan.Kept, in.Store, copied(), owned(p)).Rm(plan.Kept), llb.WithCustomName("keep what pnpm has linked from its store"))
		}
	}
	return st
}

// hooks runs the workspaces' own lifecycle scripts, which an install without the
// source could not. Those that see a part of it stand on the install and that
// alone: ready is what they leave, in the workspace and at home, which is copied.
func hooks(installed, whole llb.State, p plan.Plan, l Layers) (ready []left, after llb.State, err error) {
	for _, in := range p.Installs {
		if len(in.Hooks) == 0 {
			continue
		}
		d := left{name: plan.HooksLayer(in.Dir), roots: []string{p.Target}, before: whole}
		if len(in.Inputs) > 0 {
			if d.before, err = lay(installed, p, l, in.Part); err != nil {
				return nil, whole, err
			}
			d.before = manifests(d.before, p, in)
		}
		d.after = run(d.before, p, wrapped(in, in.Hooks), plan.HooksStep, append(packageAccess(p, in), repositoryToWrite(p)...)...)
		if len(in.Inputs) == 0 {
			whole = d.after
			continue
		}
		if below, err := filepath.Rel(p.User.Home, p.Target); err != nil || !filepath.IsLocal(below) {
			d.roots = append(d.roots, p.User.Home)
		} else {
			d.roots = []string{p.User.Home}
		}
		ready, whole = append(ready, d), d.over(whole, p)
	}
	return ready, whole, nil
}

// manifests are those that lifecycle scripts see otherwise than they stand.
func manifests(st llb.State, p plan.Plan, in plan.Install) llb.State {
	var file *llb.FileAction
	for _, name := range slices.Sorted(maps.Keys(in.Manifests)) {
		file = file.Mkfile(path.Join(p.Target, name), 0o644, in.Manifests[name], llb.WithUIDGID(int(p.User.UID), int(p.User.GID)), llb.WithCreatedTime(epoch))
	}
	if file == nil {
		return st
	}
	return st.File(file, llb.WithCustomName("the manifests that lifecycle scripts see"))
}

// repositoryToWrite is one without commits that is there while scripts run which
// configure one, such as those that set hooks of git, and is gone with what they
// write. The box's own comes later, and has no configuration of theirs.
func repositoryToWrite(p plan.Plan) []llb.RunOption {
	if !p.Git {
		return nil
	}
	const dir = "/repository"
	by := llb.WithUIDGID(int(p.User.UID), int(p.User.GID))
	at := llb.WithCreatedTime(epoch)
	tree := llb.Mkdir(dir, 0o755, by, at).Mkdir(dir+"/objects", 0o755, by, at).Mkdir(dir+"/refs", 0o755, by, at).
		Mkfile(dir+"/HEAD", 0o644, []byte("ref: refs/heads/main\n"), by, at).
		Mkfile(dir+"/config", 0o644, []byte("[core]\n\trepositoryformatversion = 0\n\tbare = false\n"), by, at)
	return []llb.RunOption{llb.AddMount(path.Join(p.Target, ".git"), llb.Scratch().File(tree), llb.SourcePath(dir), llb.ForceNoOutput)}
}

// wrapped is a command of an install as it runs in a build.
func wrapped(in plan.Install, args []string) []string {
	return withVariables(in, followed(args, in.After))
}

// followed is a command with shell text after it.
func followed(args []string, after string) []string {
	if after == "" {
		return args
	}
	return []string{"/bin/sh", "-euc", plan.ShellText(args...) + "\n" + after}
}

// withVariables takes away those of the install's variables that have no value
// here: BuildKit gives them an empty one, with which not every program fares as
// without one. Which of them have a value must not show in the graph.
func withVariables(in plan.Install, args []string) []string {
	if len(in.Variables) == 0 {
		return args
	}
	script := `for name in ` + strings.Join(in.Variables, " ") + `; do eval "value=\$$name"; [ -n "$value" ] || unset "$name"; done; unset name value; exec "$@"`
	return append([]string{"/bin/sh", "-euc", script, "sh"}, args...)
}

// packageAccess is what a step needs to fetch packages: the store that installs
// share, and, as secrets, where packages come from and whom to trust there.
func packageAccess(p plan.Plan, in plan.Install) []llb.RunOption {
	const npmrc, ca = "/run/secrets/npmrc", "/run/secrets/ca.pem"
	owner := []llb.SecretOption{llb.SecretFileOpt(int(p.User.UID), int(p.User.GID), 0o400)}
	store := llb.Scratch().File(llb.Mkdir("/store", 0o755, llb.WithUIDGID(int(p.User.UID), int(p.User.GID)), llb.WithCreatedTime(epoch)))
	sharing := llb.CacheMountShared
	if in.Alone {
		sharing = llb.CacheMountLocked
	}
	opts := []llb.RunOption{
		llb.Dir(path.Join(p.Target, in.Dir)),
		llb.AddSecret(npmrc, append(owner, llb.SecretID(SecretNPMRC))...),
		llb.AddSecret(ca, append(owner, llb.SecretID(SecretCA))...),
		llb.AddEnv("NPM_CONFIG_USERCONFIG", npmrc),
		llb.AddEnv("NODE_EXTRA_CA_CERTS", ca),
		llb.AddEnv("SSL_CERT_FILE", ca),
		llb.AddMount(in.Store, store, llb.SourcePath("/store"),
			llb.AsPersistentCacheDir(fmt.Sprintf("sandwright-%s-%d", path.Base(in.Store), p.User.UID), sharing)),
	}
	if in.HomeNPMRC {
		opts = append(opts, llb.AddSecret(path.Join(p.User.Home, ".npmrc"), append(owner, llb.SecretID(SecretNPMRC))...))
	}
	for _, name := range slices.Sorted(maps.Keys(in.Env)) {
		opts = append(opts, llb.AddEnv(name, in.Env[name]))
	}
	for _, name := range in.Secrets {
		opts = append(opts, llb.AddSecretWithDest(name, nil, llb.SecretAsEnvName(name)))
	}
	for _, name := range in.Variables {
		opts = append(opts, llb.AddSecretWithDest(name, nil, llb.SecretAsEnvName(name), llb.SecretOptional))
	}
	return opts
}
