package llbgen

import (
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/sandwright/sandwright/internal/plan"
)

// apart is a plan of two steps that see nothing of each other, one that sees
// the first, and one that sees all.
func apart() plan.Plan {
	p := demo()
	p.Source = append(p.Source[:2:2], plan.SourceLayer{Name: plan.HotLayer, Digest: "hot", Hot: true, Tree: "source", Files: 1})
	ui := []plan.SourceLayer{{Name: "packages/ui", Digest: "ui", Files: 2}}
	root := []plan.SourceLayer{{Name: ".", Digest: "root", Files: 1}, {Name: plan.HotLayer, Digest: "x", Hot: true, Tree: "source of step 2", Files: 1}}
	p.Build = []plan.Step{
		{Run: "one", Part: plan.Part{Inputs: []string{"packages/ui"}, Source: ui}, Outputs: []string{"packages/ui/dist"}},
		{Run: "two", Part: plan.Part{Inputs: []string{"x"}, Source: root}, Outputs: []string{"out"}},
		{Run: "three", Part: plan.Part{Inputs: []string{"packages/ui"}, Source: ui}, Sees: []int{0}},
		{Run: "four", Dir: "apps/web"},
	}
	return p
}

// below gives what the operations that run a command, or have its name, stand on,
// by description.
func below(t *testing.T, p plan.Plan, run string) map[string]bool {
	t.Helper()
	def, err := Lower(t.Context(), p, layers())
	if err != nil {
		t.Fatal(err)
	}
	names, inputs := map[string]string{}, map[string][]string{}
	todo := []string{}
	for _, data := range def.Def {
		op := &pb.Op{}
		if err := op.UnmarshalVT(data); err != nil {
			t.Fatal(err)
		}
		at := digest.FromBytes(data).String()
		for _, in := range op.Inputs {
			inputs[at] = append(inputs[at], in.Digest)
		}
		names[at] = def.Metadata[digest.FromBytes(data)].Description["llb.customname"]
		if e := op.GetExec(); e != nil && e.Meta.Args[len(e.Meta.Args)-1] == run || names[at] == run {
			todo = append(todo, inputs[at]...)
		}
	}
	seen := map[string]bool{}
	for len(todo) > 0 {
		d := todo[len(todo)-1]
		todo = append(todo[:len(todo)-1], inputs[d]...)
		seen[names[d]] = true
	}
	return seen
}

// TestAnEditLiesOverWhatItDoesNotTouch: what steps leave is laid once, and every
// step sees what it saw.
func TestAnEditLiesOverWhatItDoesNotTouch(t *testing.T) {
	left := []string{"what is left of: one", "what is left of: two", "what is left of: three"}
	for beneath := range 3 {
		p := apart()
		p.Beneath = beneath
		got := below(t, p, "copy "+plan.HotLayer)
		for i, name := range left {
			if got[name] != (i < beneath) {
				t.Errorf("%d steps beneath: that the edit lies over %q is %v", beneath, name, got[name])
			}
		}
		all := below(t, p, "services")
		for _, name := range append(left, "copy "+plan.HotLayer, "four in apps/web") {
			if !all[name] {
				t.Errorf("%d steps beneath: the image is without %q", beneath, name)
			}
		}
	}
	p := apart()
	p.Build = p.Build[:2]
	if p.Beneath = 2; !below(t, p, "services")["copy "+plan.HotLayer] {
		t.Error("where all steps are beneath, the edit is lost")
	}
}

// TestStepsStandOnWhatTheySee: on nothing else, so that BuildKit runs them side
// by side, and not again for what they do not see.
func TestStepsStandOnWhatTheySee(t *testing.T) {
	const (
		ui, root, hot = "copy source in packages/ui", "copy source in .", "copy " + plan.HotLayer
		installed     = "install the workspace's dependencies"
	)
	for run, c := range map[string]struct{ on, not []string }{
		"one":   {[]string{ui, installed}, []string{root, hot, "two", "three", "four"}},
		"two":   {[]string{root, hot, installed}, []string{ui, "one", "three"}},
		"three": {[]string{ui, "one", "what is left of: one"}, []string{root, hot, "two"}},
		"four":  {[]string{ui, root, hot, "one", "two", "three"}, nil},
	} {
		got := below(t, apart(), run)
		for _, name := range c.on {
			if !got[name] {
				t.Errorf("%s does not stand on %q", run, name)
			}
		}
		for _, name := range c.not {
			if got[name] {
				t.Errorf("%s stands on %q", run, name)
			}
		}
	}
}

// TestScriptsStandOnWhatTheySee: on the install and it alone; what they leave is in
// front of every step.
func TestScriptsStandOnWhatTheySee(t *testing.T) {
	const ui, root, left = "copy source in packages/ui", "copy source in .", "what is left of: lifecycle scripts"
	p := apart()
	p.Installs[0].Hooks = []string{"pnpm", "install", "--offline"}
	p.Installs[0].Part = plan.Part{Inputs: []string{"packages/ui"}, Source: []plan.SourceLayer{{Name: "packages/ui", Digest: "ui", Files: 2}}}
	on := below(t, p, "--offline")
	if !on[ui] || !on["install the workspace's dependencies"] || on[root] || on["copy "+plan.HotLayer] {
		t.Errorf("the scripts stand on %v", on)
	}
	const manifest = "the manifests that lifecycle scripts see"
	p.Installs[0].Manifests = map[string][]byte{"package.json": []byte(`{"name":"demo"}`)}
	if got := below(t, p, "--offline"); !got[manifest] || on[manifest] {
		t.Errorf("the scripts stand on %v", got)
	}
	for _, run := range []string{"one", "two", "three", "four"} {
		if got := below(t, p, run); !got[left] || got[root] != (run == "two" || run == "four") {
			t.Errorf("%s stands on %v", run, got)
		}
	}
	roots := func(target string) (copied []string) {
		p.Target = target
		for _, op := range lower(t, p, layers()) {
			for _, action := range op.GetFile().GetActions() {
				if c := action.GetCopy(); c != nil && c.AllowEmptyWildcard && c.Dest != "/" && !slices.Contains(copied, c.Dest) {
					copied = append(copied, c.Dest)
				}
			}
		}
		return copied
	}
	if got := roots("/srv/app"); !slices.Equal(got, []string{"/srv/app", "/home/dev"}) {
		t.Errorf("what they leave of %q is copied", got)
	}
	if got := roots("/home/dev/src/app"); !slices.Equal(got, []string{"/home/dev", "/home/dev/src/app"}) { // the latter of steps
		t.Errorf("what they leave of %q is copied", got)
	}
	p.Installs[0].Part = plan.Part{}
	if got := below(t, p, "--offline"); !got[root] || !below(t, p, "one")[root] {
		t.Errorf("scripts that see all stand on %v", got)
	}
}

// TestAStepWithGit: the repository is mounted where it is asked for, without what
// follows each edit, and nothing of it is left.
func TestAStepWithGit(t *testing.T) {
	const repository = "the repository that a build step sees"
	p := apart()
	p.Git, p.Build[0].Git = true, true
	for run, want := range map[string]bool{"one": true, "two": false, "three": true, "four": true} { // three sees what one left
		if got := below(t, p, run); got[repository] != want {
			t.Errorf("%s: %v", run, got)
		}
	}
	for _, op := range lower(t, p, layers()) {
		for _, m := range op.GetExec().GetMounts() {
			if m.Dest == p.Target+"/.git" && (m.Selector != "/.git" || pb.OutputIndex(m.Output) != pb.SkipOutput) {
				t.Errorf("it is mounted so: %v", m)
			}
		}
		for _, action := range op.GetFile().GetActions() {
			if c := action.GetCopy(); c != nil && len(c.ExcludePatterns) > 0 && !slices.Equal(c.ExcludePatterns, []string{".git/index"}) {
				t.Errorf("it is copied without %q", c.ExcludePatterns)
			}
		}
	}
}

// TestAfterAnInstall: what takes out when it ran follows the install, the scripts and
// each step, which may install too, and only where they ended well.
func TestAfterAnInstall(t *testing.T) {
	p := demo()
	p.Installs[0].After, p.Installs[0].Variables = "rm -f notes\n", nil
	p.Installs[0].Hooks = []string{"pnpm", "install", "--offline"}
	p.Installs[0].Dir = "it's"
	var got []string
	for _, op := range lower(t, p, layers()) {
		if e := op.GetExec(); e != nil && e.Meta.Args[1] == "-euc" && len(e.Meta.Args) == 3 {
			got = append(got, e.Meta.Args[2])
		}
	}
	want := []string{
		"pnpm install --frozen-lockfile\nrm -f notes\n", "pnpm install --offline\nrm -f notes\n",
		"/bin/sh -ec 'pnpm build'\ncd '/home/dev/src/app/it'\\''s'\nrm -f notes\n", "/bin/sh -ec 'pnpm fonts'\ncd '/home/dev/src/app/it'\\''s'\nrm -f notes\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestWhatIsKeptOfTheStore: it is copied by the last command of the install, as
// the store is gone after it, and moved to the place of the store.
func TestWhatIsKeptOfTheStore(t *testing.T) {
	p := demo()
	p.Installs[0].After, p.Installs[0].Variables, p.Installs[0].Keep = "rm -f notes\n", nil, "keep\n"
	ops := lower(t, p, layers())
	step(t, ops, "/bin/sh", "-euc", "pnpm install --frozen-lockfile\nkeep\nrm -f notes\n")
	for _, op := range ops {
		if f := op.GetFile(); f != nil && f.Actions[0].GetCopy() != nil && f.Actions[0].GetCopy().Src == plan.Kept {
			if to := f.Actions[0].GetCopy().Dest; to != p.Installs[0].Store || len(f.Actions) != 2 || f.Actions[1].GetRm().Path != plan.Kept {
				t.Errorf("it does %v", f.Actions)
			}
			return
		}
	}
	t.Error("nothing is moved")
}

// TestCommandsAreExecutable: where a part of the source has them, after it.
func TestCommandsAreExecutable(t *testing.T) {
	p := apart()
	p.Executable = []string{"packages/ui/bin/x.js"}
	for run, want := range map[string]bool{"one": true, "two": false, "three": true, "four": true} {
		if got := below(t, p, run)[executables]; got != want {
			t.Errorf("what %s stands on makes commands executable: %t", run, got)
		}
	}
}

// TestStepsKnowNothingOfTheHost: not its name, nor the time.
func TestStepsKnowNothingOfTheHost(t *testing.T) {
	ops := lower(t, apart(), layers())
	for _, run := range []string{"one", "four"} {
		e := step(t, ops, "/bin/sh", "-ec", run)
		if e.Meta.Hostname != "sandwright" || !strings.Contains(strings.Join(e.Meta.Env, " "), "SOURCE_DATE_EPOCH=315532800") {
			t.Errorf("%s has host %q and env %q", run, e.Meta.Hostname, e.Meta.Env)
		}
	}
	if e := step(t, ops, "/bin/sh", "-ec", "four"); e.Meta.Cwd != "/home/dev/src/app/apps/web" {
		t.Errorf("four runs in %s", e.Meta.Cwd)
	}
}

// TestAColdLayerAsksNobody: it is named by its digest, and only the hot one is
// sent by the client. What the hot one deletes goes before what it brings.
func TestAColdLayerAsksNobody(t *testing.T) {
	var sent []string
	for _, op := range lower(t, demo(), layers()) {
		if s := op.GetSource(); s != nil && strings.HasPrefix(s.Identifier, "local://") {
			sent = append(sent, strings.TrimPrefix(s.Identifier, "local://"))
		}
		if actions := op.GetFile().GetActions(); len(actions) == 2 && actions[0].GetRm() != nil {
			if at := actions[0].GetRm().Path; at != "/home/dev/src/app/packages/ui/old.ts" || actions[1].GetCopy() == nil {
				t.Errorf("the hot layer does %v", actions)
			}
		}
	}
	if strings.Join(sent, " ") != "manifests source" {
		t.Errorf("the client sends %q", sent)
	}
	clean := demo()
	clean.Source = clean.Source[:2]
	for _, op := range lower(t, clean, layers()) {
		if s := op.GetSource(); s != nil && s.Identifier == "local://source" {
			t.Error("a clean checkout is asked for")
		}
	}
	l := layers()
	l.Source = nil
	if _, err := Lower(t.Context(), demo(), l); err == nil || !strings.Contains(err.Error(), "no layer was made for the source in packages/ui") {
		t.Errorf("got %v", err)
	}
}
