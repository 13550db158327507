package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"

	"github.com/moby/buildkit/client/llb"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/gitmeta"
	"github.com/sandwright/sandwright/internal/initbin"
	"github.com/sandwright/sandwright/internal/leak"
	"github.com/sandwright/sandwright/internal/llbgen"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/stage"
	"github.com/sandwright/sandwright/internal/workspace"
)

// A blueprint is everything that is decided before anything is built.
type blueprint struct {
	project    project
	values     values
	secrets    map[string]string // all that are known, by name
	tree       *stage.Tree
	workspace  *workspace.Workspace
	lock       *lock.Lock
	plan       plan.Plan
	init       string // hash of the sandwright-init for the plan's platform
	repository gitmeta.Metadata
	source     sources
	labels     map[string]string // of the image, besides its own
}

// A drawing is a blueprint with all that it needs of the disk: nothing is
// decided any more, and nothing is fetched or built.
type drawing struct {
	blueprint
	print string // identity: equal drawings, by one sandwright, give equal images
}

// A recipe is a drawing with its layers in the store: what the engine takes.
type recipe struct {
	drawing
	image      string // identity: equal inputs have equal ones
	definition *llb.Definition
	request    engine.Request
	config     []byte // of the image
	leaks      *leak.Checker
}

// decide reads and checks all that the project says, without the network, and
// gives every fault of the environment, the tree and the lock at once. The
// tree it gives must be closed.
func (a *app) decide(ctx context.Context, platform string, env envFlags) (b blueprint, err error) {
	if b.project, err = a.project(); err != nil {
		return b, err
	}
	file := b.project.file
	var faults fault.List
	if _, err := a.engine.options(); err != nil {
		faults = append(faults, fault.All(err)...)
	}
	b.values, err = resolveEnv(ctx, b.project, env)
	faults = append(faults, fault.All(err)...)
	a.notices(b.values.notices)
	gitCtx, stop := context.WithCancel(ctx)
	defer stop()
	ask := func() (asked, error) { return asked{}, nil }
	b.tree, err = stage.Open(ctx, b.project.root(), stageOptions(b.project))
	if err == nil {
		if _, err := b.tree.Contents(ctx); err == nil { // else judgeTree says so
			ask = askGit(gitCtx, b)
		}
		b.workspace, err = workspace.Find(b.tree, workspaceOptions(file))
		b.secrets = knownSecrets(ctx, b.project, env, b.values)
		faults = append(faults, a.judgeTree(ctx, b.tree, file, b.secrets)...)
	}
	faults = append(faults, fault.All(err)...)
	b.lock, err = a.checkedLock(b.project, b.workspace)
	if faults = append(faults, fault.All(err)...); len(faults) == 0 {
		if b.plan, err = plan.Make(b.inputs(platform)); err == nil {
			b.init = initbin.Sum(platform)
			err = a.divide(ctx, &b, ask)
		}
		faults = fault.All(err)
	}
	if len(faults) > 0 && b.tree != nil {
		stop()
		_, _ = ask() // it reads the tree
		b.tree.Close()
	}
	if ctx.Err() != nil {
		return b, ctx.Err()
	}
	return b, faults.Err()
}

// inputs are what the plan for a platform is made from.
func (b blueprint) inputs(platform string) plan.Inputs {
	in := plan.Inputs{File: b.project.file, Workspace: b.workspace, Lock: b.lock, Platform: platform, BuildEnv: b.values.build}
	for _, name := range []string{filepath.Base(in.File.Path), lock.Name} {
		if rel, err := filepath.Rel(b.tree.Root(), filepath.Join(b.project.dir, name)); err == nil && filepath.IsLocal(rel) {
			in.Own = append(in.Own, filepath.ToSlash(rel))
		}
	}
	return in
}

// checkedLock reads the lock and holds it against the file, and against the
// package manager where the workspace could be read.
func (a *app) checkedLock(p project, ws *workspace.Workspace) (*lock.Lock, error) {
	l, err := lock.Load(a.lockPath(p))
	if err != nil {
		return nil, err
	}
	var managers []workspace.Manager
	if ws == nil { // what is wrong with it is said; of its package managers all is known that can be
		managers, _ = managersOf(p)
	} else {
		for _, one := range ws.All() {
			managers = append(managers, one.Manager)
		}
	}
	return l, l.Check(wanted(p, managers))
}

// judgeTree warns of what looks like a secret, and refuses what is one and what
// is too large.
func (a *app) judgeTree(ctx context.Context, tree *stage.Tree, file *config.File, secrets map[string]string) fault.List {
	v, err := judge(ctx, tree, file, secrets)
	for _, n := range v.notices {
		a.notices([]string{n.String()})
	}
	return append(append(fault.All(err), v.faults()...), overBudget(tree, file)...)
}

// draw seals the plan.
func (a *app) draw(ctx context.Context, b blueprint) (d drawing, err error) {
	d.blueprint = b
	if d.plan.Receipt, err = seal(ctx, b, b.repository); err != nil {
		return d, err
	}
	d.print, err = d.fingerprint(ctx)
	return d, err
}

// prepare brings what the lock pins into the store, and lowers the plan.
func (a *app) prepare(ctx context.Context, b blueprint) (recipe, error) {
	d, err := a.draw(ctx, b)
	if err != nil {
		return recipe{}, err
	}
	return a.finish(ctx, d)
}

// finish is what prepare does after drawing.
func (a *app) finish(ctx context.Context, b drawing) (recipe, error) {
	if err := a.announce(ctx, b); err != nil {
		return recipe{}, err
	}
	layers, secrets, err := a.layers(ctx, b.blueprint)
	if err != nil {
		return recipe{}, err
	}
	if layers.Source, err = b.source.keep(ctx, b.plan.Platform); err != nil {
		return recipe{}, err
	}
	def, err := llbgen.Lower(ctx, b.plan, layers)
	if err != nil {
		return recipe{}, err
	}
	image, err := identity(ctx, b, def)
	if err != nil {
		return recipe{}, err
	}
	imageConfig, err := llbgen.ImageConfig(b.plan, b.labels)
	if err != nil {
		return recipe{}, err
	}
	leaks, err := leakChecker(installCredentials(b.secrets, secrets), def, imageConfig)
	if err != nil {
		return recipe{}, err
	}
	owner := stage.Options{UID: b.plan.User.UID, GID: b.plan.User.GID}
	trees := b.source.trees()
	maps.Copy(trees, manifestTrees(b.workspace, owner))
	trees[llbgen.Git] = made(b.repository, owner)
	r := recipe{drawing: b, image: image, definition: def, config: imageConfig, leaks: leaks, request: engine.Request{
		Image:      image,
		Definition: def,
		Trees:      trees,
		Secrets:    secrets,
		Hide:       leaks.Secrets(),
		Proxy:      engine.ProxyOf(os.Environ()),
	}}
	if r.request.SSHAgent, err = sshAgent(b.plan); err != nil {
		return recipe{}, err
	}
	return r, a.share(ctx, b.blueprint, &r.request)
}

// identity is a hash of all that decides the image: the graph, and the
// contents of the trees it reads. The values of secrets are not in it.
func identity(ctx context.Context, b drawing, def *llb.Definition) (string, error) {
	tree, err := b.tree.Digest(ctx)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintln(h, tree, b.repository.Digest())
	for _, ws := range b.workspace.All() {
		for _, in := range ws.Inputs {
			fmt.Fprintf(h, "%q %x\n", path.Join(ws.Dir, in.Path), sha256.Sum256(in.Data))
		}
	}
	for _, op := range def.Def {
		fmt.Fprintf(h, "%x\n", sha256.Sum256(op))
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}
