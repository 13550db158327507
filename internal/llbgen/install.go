package llbgen

import (
	"fmt"
	"slices"

	"github.com/moby/buildkit/client/llb"

	"github.com/sandwright/sandwright/internal/plan"
)

// Names of the secrets that install steps see as files. Their values are in
// no layer and in no cache key.
const (
	SecretNPMRC = "npmrc"
	SecretCA    = "ca"
)

// install is the dependency layer: it sees the manifests and nothing else.
func install(st llb.State, p plan.Plan) llb.State {
	st = copyTree(st, p, Manifests)
	if len(p.Install) == 0 {
		return st
	}
	return run(st, p, p.Install, "install the workspace's dependencies", packageAccess(p)...)
}

// hooks runs the workspace's own lifecycle scripts, which an install without
// the source could not.
func hooks(st llb.State, p plan.Plan) llb.State {
	if !p.Hooks {
		return st
	}
	args := append(slices.Clone(p.Install), "--offline")
	return run(st, p, args, "run the workspace's lifecycle scripts", packageAccess(p)...)
}

// packageAccess is what a step needs to fetch packages: the store that installs
// share, and, as secrets, where packages come from and whom to trust there.
func packageAccess(p plan.Plan) []llb.RunOption {
	const npmrc, ca = "/run/secrets/npmrc", "/run/secrets/ca.pem"
	owner := []llb.SecretOption{llb.SecretFileOpt(int(p.User.UID), int(p.User.GID), 0o400)}
	store := llb.Scratch().File(llb.Mkdir("/store", 0o755, llb.WithUIDGID(int(p.User.UID), int(p.User.GID)), llb.WithCreatedTime(epoch)))
	return []llb.RunOption{
		llb.AddSecret(npmrc, append(owner, llb.SecretID(SecretNPMRC))...),
		llb.AddSecret(ca, append(owner, llb.SecretID(SecretCA))...),
		llb.AddEnv("NPM_CONFIG_USERCONFIG", npmrc),
		llb.AddEnv("NODE_EXTRA_CA_CERTS", ca),
		llb.AddEnv("SSL_CERT_FILE", ca),
		llb.AddMount(plan.StoreDir, store, llb.SourcePath("/store"),
			llb.AsPersistentCacheDir(fmt.Sprintf("sandwright-pnpm-%d", p.User.UID), llb.CacheMountShared)),
	}
}
