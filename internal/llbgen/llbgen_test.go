package llbgen

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/solver/pb"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/spec"
)

var update = flag.Bool("update", false, "write the goldens anew")

func demo() plan.Plan {
	return plan.Plan{
		Name: "demo", Platform: "linux/amd64",
		Tools: []plan.Tool{{Name: "buf", Use: plan.UseBuild}, {Name: "node", Check: []string{"node", "--version"}}, {Name: "opencode", Check: []string{"opencode", "-v"}, Use: plan.UseRun},
			{Name: "pnpm", Check: []string{"pnpm", "--version"}}},
		User:   spec.User{Name: "dev", UID: 1001, GID: 1001, Home: "/home/dev"},
		Target: "/home/dev/src/app",
		Installs: []plan.Install{{
			Dir: ".", Store: plan.StoreRoot + "/pnpm", Env: map[string]string{"npm_config_cache_dir": "/var/cache"}, Variables: []string{"NPM_TOKEN"}, Secrets: []string{"BUILD_TOKEN"},
			Steps: []plan.Command{{Name: "install the workspace's dependencies", Args: []string{"pnpm", "install", "--frozen-lockfile"}}},
		}},
		Source: []plan.SourceLayer{
			{Name: "packages/ui", Digest: "ui", Files: 2}, {Name: ".", Digest: "root", Files: 1},
			{Name: plan.HotLayer, Digest: "hot", Hot: true, Tree: "source", Removed: []string{"packages/ui/old.ts"}, Files: 1},
		},
		Build: []plan.Step{
			{Run: "pnpm build", Env: map[string]string{"API_URL": "https://api.example"}, Secrets: []string{"BUILD_TOKEN"}},
			{Run: "pnpm fonts", Network: true},
		},
		Env:  map[string]string{"PATH": "/usr/bin", "HOME": "/home/dev"},
		Spec: spec.Spec{Version: spec.Version, Name: "demo"},
	}
}

func layers() Layers {
	digest := "@sha256:" + strings.Repeat("0", 64)
	return Layers{Store: "layout", Source: map[string]string{"ui": "source/ui" + digest, "root": "source/root" + digest}, System: "system" + digest, Init: "sandwright/init" + digest, Tools: map[string]string{
		"buf": "tool/buf" + digest, "node": "tool/node" + digest, "opencode": "tool/opencode" + digest, "pnpm": "tool/pnpm" + digest}}
}

// lower gives the operations of the graph, inputs first.
func lower(t *testing.T, p plan.Plan, l Layers) []*pb.Op {
	t.Helper()
	def, err := Lower(t.Context(), p, l)
	if err != nil {
		t.Fatal(err)
	}
	var ops []*pb.Op
	for _, data := range def.Def {
		op := &pb.Op{}
		if err := op.UnmarshalVT(data); err != nil {
			t.Fatal(err)
		}
		ops = append(ops, op)
	}
	return ops
}

// TestLower compares the whole graph.
func TestLower(t *testing.T) {
	var got bytes.Buffer
	for _, op := range lower(t, demo(), layers()) {
		data, err := protojson.Marshal(op)
		if err != nil {
			t.Fatal(err)
		}
		// protojson varies its spacing on purpose
		if err := json.Indent(&got, data, "", " "); err != nil {
			t.Fatal(err)
		}
		got.WriteByte('\n')
	}
	golden := filepath.Join("testdata", "graph.json")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLowerIsPure(t *testing.T) {
	first, err := Lower(t.Context(), demo(), layers())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if again, err := Lower(t.Context(), demo(), layers()); err != nil || !cmp.Equal(first.Def, again.Def) {
			t.Fatalf("the same plan gave another graph: %v", err)
		}
	}
}

// step finds the command that starts with these words, behind the shell that
// takes away variables without a value.
func step(t *testing.T, ops []*pb.Op, words ...string) *pb.ExecOp {
	t.Helper()
	for _, op := range ops {
		if e := op.GetExec(); e != nil {
			if args := unwrapped(e.Meta.Args); slices.Equal(args[:min(len(words), len(args))], words) {
				return e
			}
		}
	}
	t.Fatalf("no step %v", words)
	return nil
}

func unwrapped(args []string) []string {
	if len(args) > 4 && args[1] == "-euc" && strings.HasPrefix(args[2], "for name in ") {
		return args[4:]
	}
	return args
}

func TestBuildStepsHaveNoNetworkUnlessTheyAsk(t *testing.T) {
	ops := lower(t, demo(), layers())
	if e := step(t, ops, "/bin/sh", "-ec", "pnpm build"); e.Network != pb.NetMode_NONE {
		t.Errorf("pnpm build has network %v", e.Network)
	}
	if e := step(t, ops, "/bin/sh", "-ec", "pnpm fonts"); e.Network != pb.NetMode_UNSET {
		t.Errorf("pnpm fonts has network %v", e.Network)
	}
}

func TestAStepHasTheSSHAgentOnlyIfItAsks(t *testing.T) {
	p := demo()
	p.Build[1].SSH = "deploy"
	ops := lower(t, p, layers())
	agent := func(m *pb.Mount) bool { return m.MountType == pb.MountType_SSH }
	if e := step(t, ops, "/bin/sh", "-ec", "pnpm build"); slices.ContainsFunc(e.Mounts, agent) {
		t.Error("pnpm build has the agent")
	}
	e := step(t, ops, "/bin/sh", "-ec", "pnpm fonts")
	if i := slices.IndexFunc(e.Mounts, agent); i < 0 || e.Mounts[i].Dest != sshSocket || e.Mounts[i].SSHOpt.Uid != 1001 || e.Mounts[i].SSHOpt.ID != "deploy" || !slices.Contains(e.Meta.Env, "SSH_AUTH_SOCK="+sshSocket) {
		t.Errorf("pnpm fonts has %v, %q", e.Mounts, e.Meta.Env)
	}
}

func TestSecretsStandByNameOnly(t *testing.T) {
	ops := lower(t, demo(), layers())
	build := step(t, ops, "/bin/sh", "-ec", "pnpm build")
	if len(build.Secretenv) != 1 || build.Secretenv[0].ID != "BUILD_TOKEN" {
		t.Errorf("secrets are %v", build.Secretenv)
	}
	if slices.ContainsFunc(build.Mounts, func(m *pb.Mount) bool { return m.MountType == pb.MountType_SECRET }) {
		t.Error("a build step sees the registry's credentials")
	}
	install := step(t, ops, "pnpm", "install")
	var files []string
	for _, m := range install.Mounts {
		if m.MountType == pb.MountType_SECRET {
			files = append(files, m.Dest)
		}
	}
	if !slices.Equal(files, []string{"/run/secrets/npmrc", "/run/secrets/ca.pem"}) {
		t.Errorf("the install sees %v", files)
	}
	if env := install.Secretenv; len(env) != 2 || env[0].ID != "BUILD_TOKEN" || env[0].Optional || env[1].Name != "NPM_TOKEN" || !env[1].Optional {
		t.Errorf("the install's variables are %v", install.Secretenv)
	}
}

// Each workspace is installed in its own folder, over its own manifests, after
// the ones before it; a cache that is not made for two at once is used by one.
func TestNestedInstalls(t *testing.T) {
	p := demo()
	p.Installs = append(p.Installs, plan.Install{
		Dir: "tools/site", Store: plan.StoreRoot + "/yarn-classic", Alone: true, HomeNPMRC: true,
		Steps: []plan.Command{{Name: "a", Args: []string{"yarn", "install"}}, {Name: "b", Args: []string{"node", "-e", "x"}}},
		Hooks: []string{"/bin/sh", "-ec", "yarn run prepare"},
	})
	ops := lower(t, p, layers())
	var order []string
	for _, op := range ops {
		if s := op.GetSource(); s != nil && strings.HasPrefix(s.Identifier, "local://") {
			order = append(order, s.Identifier)
		}
	}
	for _, want := range []string{"local://manifests", "local://manifests/tools/site"} {
		if !slices.Contains(order, want) {
			t.Errorf("no tree %s in %q", want, order)
		}
	}
	site := step(t, ops, "yarn", "install")
	if site.Meta.Cwd != "/home/dev/src/app/tools/site" || step(t, ops, "node", "-e").Meta.Cwd != site.Meta.Cwd || step(t, ops, "pnpm", "install").Meta.Cwd != "/home/dev/src/app" {
		t.Errorf("yarn installs in %s", site.Meta.Cwd)
	}
	mounts := map[string]*pb.Mount{}
	for _, m := range site.Mounts {
		mounts[m.Dest] = m
	}
	cache := mounts["/var/cache/sandwright/yarn-classic"]
	if cache == nil || cache.CacheOpt.ID != "sandwright-yarn-classic-1001" || cache.CacheOpt.Sharing != pb.CacheSharingOpt_LOCKED || mounts["/home/dev/.npmrc"] == nil {
		t.Errorf("the mounts are %v", site.Mounts)
	}
	step(t, ops, "/bin/sh", "-ec", "yarn run prepare")
}

// TestFetchingApart: the fetch stands on no manifest, and the install on both.
func TestFetchingApart(t *testing.T) {
	p := demo()
	p.Installs[0].Fetch = []plan.Command{{Name: "fetch it", Args: []string{"/bin/sh", "-euc", "pnpm fetch"}}}
	on := below(t, p, "pnpm fetch")
	if !on["copy lock"] || on["copy manifests"] {
		t.Errorf("the fetch stands on %v", on)
	}
	if on = below(t, p, "--frozen-lockfile"); !on["fetch it"] || !on["copy manifests"] {
		t.Errorf("the install stands on %v", on)
	}
	if e := step(t, lower(t, p, layers()), "/bin/sh", "-euc", "pnpm fetch"); len(e.Mounts) < 4 {
		t.Errorf("the fetch has no store, or no registry: %v", e.Mounts)
	}
}

// TestTheInstallDependsOnManifestsOnly holds the layer that everything else
// stands on: what a service, a build step or PID 1 is does not reach it.
func TestTheInstallDependsOnManifestsOnly(t *testing.T) {
	before := step(t, lower(t, demo(), layers()), "pnpm", "install")
	changed, newer := demo(), layers()
	changed.Build[0].Run = "pnpm other"
	changed.Spec.Services = []spec.Service{{Name: "web"}}
	newer.Init = "sandwright/init@sha256:" + strings.Repeat("1", 64)
	ops := lower(t, changed, newer)
	after := step(t, ops, "pnpm", "install")
	if diff := cmp.Diff(before.String(), after.String()); diff != "" {
		t.Error(diff)
	}
	original := lower(t, demo(), layers())
	for i, op := range ops { // everything up to and including the install
		if op.String() != original[i].String() {
			t.Fatalf("operation %d comes before the install and changed", i)
		}
		if e := op.GetExec(); e != nil && unwrapped(e.Meta.Args)[0] == "pnpm" {
			break
		}
	}
}

func TestHooksRunAfterTheSource(t *testing.T) {
	p := demo()
	p.Installs[0].Hooks = []string{"pnpm", "install", "--offline"}
	var order []string
	for _, op := range lower(t, p, layers()) {
		if e := op.GetExec(); e != nil {
			order = append(order, strings.Join(unwrapped(e.Meta.Args), " "))
		} else if s := op.GetSource(); s != nil && s.Identifier == "local://source" {
			order = append(order, "source")
		}
	}
	hooks := slices.Index(order, "pnpm install --offline")
	if hooks < 0 || hooks < slices.Index(order, "source") {
		t.Errorf("the order is %q", order)
	}
}

// Scripts have a repository to write to where the box has one, and no other step has.
func TestScriptsHaveARepository(t *testing.T) {
	for _, git := range []bool{true, false} {
		p := demo()
		p.Git, p.Installs[0].Hooks = git, []string{"pnpm", "install", "--offline"}
		for _, op := range lower(t, p, layers()) {
			e := op.GetExec()
			if e == nil {
				continue
			}
			has := slices.ContainsFunc(e.Mounts, func(m *pb.Mount) bool {
				return m.Dest == p.Target+"/.git" && m.Output == int64(pb.SkipOutput) && !m.Readonly
			})
			if scripts := slices.Equal(unwrapped(e.Meta.Args), p.Installs[0].Hooks); has != (git && scripts) {
				t.Errorf("git %t: %q has a repository: %t", git, e.Meta.Args, has)
			}
		}
	}
}

// TestAForeignPlatformRunsNothingOfItsOwn: where its programs cannot run, the
// user is added by those of another base, and no tool is run.
func TestAForeignPlatformRunsNothingOfItsOwn(t *testing.T) {
	p, l := demo(), layers()
	if got := Programs(p); !slices.Equal(got, []string{"the install of the workspace", "the build step pnpm build", "the build step pnpm fonts"}) {
		t.Errorf("programs of the example: %q", got)
	}
	p.Platform, p.Installs, p.Build = "linux/arm64", nil, nil
	if got := Programs(p); len(got) > 0 {
		t.Errorf("programs of a plan without steps: %q", got)
	}
	l.Runner = Runner{Base: "base/runner@sha256:" + strings.Repeat("2", 64), Platform: "linux/amd64"}
	for _, op := range lower(t, p, l) {
		if e := op.GetExec(); e != nil && op.Platform.Architecture != "amd64" {
			t.Errorf("%q runs on %v", e.Meta.Args, op.Platform)
		}
	}
}

func TestLowerRefuses(t *testing.T) {
	p, l := demo(), layers()
	delete(l.Tools, "pnpm")
	if _, err := Lower(t.Context(), p, l); err == nil || !strings.Contains(err.Error(), "pnpm") {
		t.Errorf("a tool without a layer: %v", err)
	}
	p.Platform = "plan9/amd64"
	if _, err := Lower(t.Context(), p, layers()); err == nil {
		t.Error("plan9 is no platform of a box")
	}
}

func TestImageConfig(t *testing.T) {
	data, err := ImageConfig(demo(), map[string]string{"team": "a"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"architecture":"amd64","os":"linux","config":{"Env":["HOME=/home/dev","PATH=/usr/bin"],` +
		`"Entrypoint":["/usr/local/bin/sandwright-init"],"WorkingDir":"/home/dev/src/app",` +
		`"Labels":{"org.opencontainers.image.title":"demo","team":"a"}},"rootfs":{"type":"","diff_ids":null}}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Error(diff)
	}
}

// TestTheRepositoryComesAfterTheBuild holds that a commit builds nothing anew:
// every operation before is the one of a plan without a repository.
func TestTheRepositoryComesAfterTheBuild(t *testing.T) {
	p := demo()
	p.Git = true
	without, with := lower(t, demo(), layers()), lower(t, p, layers())
	fonts := step(t, with, "/bin/sh", "-ec", "pnpm fonts") // the last step of the build
	for i, op := range with {
		if s := op.GetSource(); s != nil && s.Identifier == "local://"+Git {
			t.Fatalf("operation %d reads the repository before the build", i)
		}
		if op.String() != without[i].String() {
			t.Fatalf("operation %d changed", i)
		}
		if op.GetExec() == fonts {
			break
		}
	}
	if len(with) != len(without)+2 {
		t.Errorf("%d operations, not two more than %d", len(with), len(without))
	}
}

// TestPassing are the steps that every edit makes anew, and none that takes time.
func TestPassing(t *testing.T) {
	p := demo()
	p.Git = true
	p.Build[0].Inputs, p.Build[0].Outputs = []string{"packages/ui"}, []string{"packages/ui/dist"}
	def, err := Lower(t.Context(), p, layers())
	if err != nil {
		t.Fatal(err)
	}
	patterns := regexp.MustCompile(strings.Join(Passing(), "|"))
	var got []string
	for _, meta := range def.Metadata {
		if name := meta.Description["llb.customname"]; patterns.MatchString(name) {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	want := []string{"add opencode, PID 1", "copy git", "copy what differs from the commit", "services", "what is left of: pnpm build"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
