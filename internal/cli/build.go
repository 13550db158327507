package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"

	"github.com/moby/buildkit/client/llb"
	"golang.org/x/sync/errgroup"

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
type drawing struct{ blueprint }

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
func (a *app) decide(ctx context.Context, platform string, env envFlags) (blueprint, error) {
	g, err := a.gather(ctx, env)
	if err != nil {
		return blueprint{}, err
	}
	collect()
	return a.settle(ctx, g, platform)
}

// A gathering is what a blueprint is decided from. It is to be settled or dropped.
type gathering struct {
	blueprint // its project, values, secrets, tree and lock
	faults    fault.List
	locked    error                 // why there is no lock
	ask       func() (asked, error) // what git says
	stop      context.CancelFunc    // ends that
}

// patientGC is how much the heap may grow, in percent, before it is collected in
// a command for a project that is known already: it ends in a moment.
const patientGC = 400

// memoryGoal is what this process may take while it builds before it collects
// more than it would: with the pages of the program's file it stays below 150 MB.
const memoryGoal = 96 << 20

// collect keeps to the goal from now on. Of a project that takes
// more than the goal by itself the goal is twice as much, and whoever sets
// GOMEMLIMIT is right.
func collect() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		live := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(live)
		debug.SetMemoryLimit(max(memoryGoal, 2*int64(live[0].Value.Uint64())))
	}
}

// gather reads what decides all else; collect must be called at some time after
// it. Its own error is that there is no project.
func (a *app) gather(ctx context.Context, env envFlags) (g *gathering, err error) {
	g = &gathering{}
	if g.project, err = a.project(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(stageCache(g.project.root())); err == nil && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(patientGC)
	}
	load := beside(func() (*lock.Lock, error) { return lock.Load(a.lockPath(g.project)) })
	open := beside(func() (*stage.Tree, error) { return stage.Open(ctx, g.project.root(), stageOptions(g.project)) })
	var gitCtx context.Context
	gitCtx, g.stop = context.WithCancel(ctx)
	begun := beside(func() (repository, error) { return beginGit(gitCtx, g.project) })
	g.ask = func() (asked, error) {
		_, err := begun()
		return asked{}, err
	}
	add := func(err error) { g.faults = append(g.faults, fault.All(err)...) }
	_, err = a.engine.options()
	add(err)
	g.values, err = resolveEnv(ctx, g.project, env)
	add(err)
	a.notices(g.values.notices)
	g.secrets = knownSecrets(ctx, g.project, env, g.values)
	if g.tree, err = open(); err != nil {
		add(err)
	} else {
		if _, err := g.tree.Contents(ctx); err == nil { // else judgeTree says so
			tree := g.tree
			g.ask = beside(func() (asked, error) { return askGit(gitCtx, tree, begun) })
		}
		g.faults = append(g.faults, a.judgeTree(ctx, g.tree, g.project.file, g.secrets)...)
	}
	g.lock, g.locked = load()
	return g, nil
}

// beside does f beside what else is done meanwhile. The function that it gives
// waits for it, and may be called again.
func beside[T any](f func() (T, error)) func() (T, error) {
	var out T
	var group errgroup.Group
	group.Go(func() (err error) {
		out, err = f()
		return err
	})
	return func() (T, error) {
		err := group.Wait()
		return out, err
	}
}

// settle decides.
func (a *app) settle(ctx context.Context, g *gathering, platform string) (b blueprint, err error) {
	defer g.stop()
	b, faults := g.blueprint, g.faults
	if b.tree != nil {
		b.workspace, err = workspace.Find(b.tree, workspaceOptions(b.project.file))
		faults = append(faults, fault.All(err)...)
	}
	if faults = append(faults, fault.All(a.checkLock(b, g.locked))...); len(faults) == 0 {
		if b.plan, err = plan.Make(b.inputs(platform)); err == nil {
			b.init = initbin.Sum(platform)
			err = a.divide(ctx, &b, g.ask)
		}
		faults = fault.All(err)
	}
	if len(faults) > 0 {
		g.drop()
	}
	if ctx.Err() != nil {
		return b, ctx.Err()
	}
	return b, faults.Err()
}

// drop closes the tree, once nothing reads it.
func (g *gathering) drop() {
	g.stop()
	_, _ = g.ask()
	if g.tree != nil {
		g.tree.Close()
	}
}

// print is a hash of all that the image for this machine is made from, and of the
// program that makes it; nothing is settled for it.
func (g *gathering) print(ctx context.Context) (string, error) {
	if err := errors.Join(g.faults.Err(), g.locked); err != nil {
		return "", err
	}
	self, err := os.Stat("/proc/self/exe")
	if err != nil {
		return "", err
	}
	tree, err := g.tree.Digest(ctx)
	if err != nil {
		return "", err
	}
	repo, err := g.ask()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %s %d %d %x\n", tree, repo.metadata.Digest(), hostPlatform(), self.Size(), self.ModTime().UnixNano(), g.project.file.Sum())
	err = json.NewEncoder(h).Encode([]any{g.project.root(), g.lock, g.values.build})
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), err
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

// checkLock holds the lock against the file, and against the package managers
// where the workspace could be read. Without a lock it is said why there is none.
func (a *app) checkLock(b blueprint, locked error) error {
	var managers []workspace.Manager
	if b.workspace == nil { // what is wrong with it is said; of its package managers all is known that can be
		managers, _ = managersOf(b.project)
	} else {
		for _, one := range b.workspace.All() {
			managers = append(managers, one.Manager)
		}
	}
	if locked == nil {
		locked = b.lock.Check(wanted(b.project, managers))
	}
	return append(fault.All(checkTools(b.project.file, managers)), fault.All(locked)...).Err()
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
	d.plan.Receipt, err = seal(ctx, b, b.repository)
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
	explained := beside(func() ([]string, error) { return rebuilt(ctx, b) })
	r, err := a.lower(ctx, b)
	lines, whyErr := explained()
	for _, line := range lines {
		fmt.Fprintln(a.Err, line)
	}
	return r, cmp.Or(err, whyErr)
}

// lower makes the recipe of a drawing.
func (a *app) lower(ctx context.Context, b drawing) (recipe, error) {
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
	if r.request.SSH, err = a.engine.ssh.agents(b.blueprint); err != nil {
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
