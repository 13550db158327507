package cli

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/record"
)

func TestWithoutCredentials(t *testing.T) {
	const npmrc = "@scope:registry=https://user:pass@host.example/npm/\n//host.example/npm/:_authToken=s3cret\n//host.example/:_password=x\n" +
		"registry=https://registry.example/a@b/\nstrict-ssl=true\nproxy=http://u:p@proxy.example\nhttps-proxy=u:p@proxy.example:3128\n"
	if diff := cmp.Diff("registry=https://registry.example/a@b/\nstrict-ssl=true\n", withoutCredentials(npmrc)); diff != "" {
		t.Error(diff)
	}
}

// A box whose steps have run is sealed as the new plan says, but for what only
// another image has.
func TestSealed(t *testing.T) {
	file := func(text string) []receipt.File { return []receipt.File{{Path: "f", Sum: receipt.SumOf([]byte(text))}} }
	s := syncing{
		was: record.Record{Receipt: receipt.Receipt{Layers: []receipt.Layer{{Name: "install", Files: file("1")}, {Name: "services", Files: file("1")}}}},
		later: []plan.Difference{
			{Layer: "services"}, {Layer: "repository"},
		},
	}
	s.plan.Receipt = receipt.Receipt{Version: receipt.Version, Target: "/srv", Layers: []receipt.Layer{
		{Name: "install", Files: file("2")}, {Name: "repository", Files: file("2"), On: []string{"install"}},
		{Name: "services", Files: file("2"), On: []string{"repository"}},
	}}
	want := receipt.Receipt{Version: receipt.Version, Target: "/srv", Layers: []receipt.Layer{
		{Name: "install", Files: file("2")}, {Name: "services", Files: file("1"), On: []string{}},
	}}
	got := s.sealed()
	got.Layers[0].On = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := receipt.Encode(got); err != nil {
		t.Error(err)
	}
}

// A sandbox that sync has changed is not what it was started from, whatever the
// working tree says by then; started again it is.
func TestMarkSynced(t *testing.T) {
	t.Setenv("SANDWRIGHT_HOME", t.TempDir())
	info := provider.Info{ID: "1", Project: "/p", Name: "demo", Started: time.Unix(1, 0)}
	other, again := info, info
	other.Name, again.Started = "second", time.Unix(2, 0)
	if isSynced(info) {
		t.Error("it is marked from the start")
	}
	if err := markSynced(info); err != nil || !isSynced(info) || isSynced(other) || isSynced(again) {
		t.Errorf("%v, %v, %v, %v", err, isSynced(info), isSynced(other), isSynced(again))
	}
}

// What an install or a step leaves is read by the steps that stand on it.
func TestStepsThatRun(t *testing.T) {
	installed := []string{"install"}
	apart := plan.Plan{Installs: []plan.Install{{Dir: "."}}, Build: []plan.Step{{Part: plan.Part{Inputs: []string{"a"}}}, {Part: plan.Part{Inputs: []string{"a/dist"}}}, {Part: plan.Part{Inputs: []string{"b"}}}, {}}}
	apart.Receipt.Layers = []receipt.Layer{
		{Name: "install"}, {Name: "source ."}, {Name: "build 1", On: installed}, {Name: "build 2", On: []string{"install", "build 1"}},
		{Name: "build 3", On: installed}, {Name: "build 4", On: []string{"source .", "build 1", "build 2", "build 3"}},
	}
	hooked := apart
	hooked.Installs = []plan.Install{{Dir: ".", Hooks: []string{"npm"}}}
	hooked.Receipt.Layers = slices.Insert(slices.Clone(apart.Receipt.Layers), 2, receipt.Layer{Name: plan.LayerHooks, On: []string{"source ."}})
	scripted := apart
	scripted.Installs = []plan.Install{{Dir: ".", Hooks: []string{"npm"}, Part: plan.Part{Inputs: []string{"a"}}}}
	scripted.Receipt.Layers = slices.Insert(slices.Clone(apart.Receipt.Layers), 2, receipt.Layer{Name: plan.LayerHooks, On: installed})
	scripted.Receipt.Layers = slices.Insert(scripted.Receipt.Layers, 0, receipt.Layer{Name: plan.FetchLayer(".")})
	for i := range scripted.Receipt.Layers[4:] {
		l := &scripted.Receipt.Layers[4+i]
		l.On = append(slices.Clone(l.On), plan.LayerHooks)
	}
	for name, tt := range map[string]struct {
		p       plan.Plan
		changed int
		differs []string
		want    []string
	}{
		"nothing":                               {apart, 0, nil, nil},
		"a file that no step says it reads":     {apart, 1, []string{"source ."}, []string{"build 4"}},
		"the inputs of a step":                  {apart, 1, []string{"source .", "build 1"}, []string{"build 1", "build 2", "build 4"}},
		"what all stand on":                     {apart, 1, []string{"install"}, []string{"install", "build 1", "build 2", "build 3", "build 4"}},
		"a file, where all see them all":        {hooked, 1, []string{"source ."}, []string{plan.LayerHooks, "build 1", "build 2", "build 3", "build 4"}},
		"nothing, where all see all":            {hooked, 0, nil, nil},
		"a file that no script reads":           {scripted, 1, []string{"source .", "build 3"}, []string{"build 3", "build 4"}},
		"a lock file, where the fetch is apart": {scripted, 1, []string{"fetch", "install"}, []string{"fetch", "install", "build 1", "build 2", "build 3", "build 4"}},
		"one that a script reads":               {scripted, 1, []string{"source .", plan.LayerHooks}, []string{plan.LayerHooks, "build 1", "build 2", "build 3", "build 4"}},
		"an install, and the scripts":           {scripted, 1, []string{"install", plan.LayerHooks}, []string{"install", plan.LayerHooks, "build 1", "build 2", "build 3", "build 4"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := syncing{changed: make([]record.Change, tt.changed)}
			s.plan = tt.p
			var all []plan.Difference
			for _, l := range tt.p.Receipt.Layers {
				d := plan.Difference{Layer: l.Name}
				if slices.Contains(tt.differs, l.Name) {
					d.Causes = []receipt.Cause{{File: "f", Change: receipt.Changed}}
				}
				all = append(all, d)
			}
			s.choose(all)
			var got []string
			for _, d := range s.run {
				got = append(got, d.Layer)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || len(s.later) > 0 {
				t.Errorf("%s, and later %v", diff, s.later)
			}
		})
	}
}

// What a running box cannot have is said, all of it, before anything is done.
func TestPossible(t *testing.T) {
	cause := []receipt.Cause{{File: "sandwright.lock", Field: "tools.node", Change: receipt.Changed, From: "22", To: "24"}}
	s := syncing{
		later: []plan.Difference{{Layer: "tool node", Causes: cause}, {Layer: "base", Causes: cause}, {Layer: "services", Causes: cause}, {Layer: "repository", Causes: cause}},
		run:   []plan.Difference{{Layer: "build 1"}, {Layer: "build 2"}},
	}
	s.run = append(s.run, plan.Difference{Layer: "install"}, plan.Difference{Layer: "install docs"})
	s.plan.Build = []plan.Step{{Run: "a"}, {Run: "b", Secrets: []string{"TOKEN"}}}
	s.plan.Installs = []plan.Install{{Dir: "."}, {Dir: "docs", Secrets: []string{"KEY"}}}
	const want = "cannot bring tool node up to date in a running sandbox: tools.node 22 → 24 in sandwright.lock\n" +
		"cannot bring base up to date in a running sandbox: tools.node 22 → 24 in sandwright.lock\n" +
		"cannot run build 2 in the sandbox: it needs the secret TOKEN, which stays out of a running box\n" +
		"cannot run install docs in the sandbox: it needs the secret KEY, which stays out of a running box"
	if err := s.possible(); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestLinesOfAReason(t *testing.T) {
	causes := []receipt.Cause{{File: "a", Change: receipt.Added}, {File: "b\x1b", Change: receipt.Changed}, {File: "c", Change: receipt.Removed}, {File: "d", Change: receipt.Removed}}
	for _, tt := range []struct {
		d    plan.Difference
		most int
		want []string
	}{
		{plan.Difference{}, 3, []string{"-"}},
		{plan.Difference{Rebuilt: true, After: "base"}, 3, []string{"after base"}},
		{plan.Difference{Rebuilt: true}, 3, []string{"it is new"}},
		{plan.Difference{Layer: "x", Rebuilt: true, Causes: causes}, 3, []string{"a added", "b\uFFFD changed", "c removed", "d removed"}},
		{plan.Difference{Layer: "x", Rebuilt: true, Causes: causes}, 2, []string{"a added", "b\uFFFD changed", `and 2 more: sandwright why "x"`}},
	} {
		if diff := cmp.Diff(tt.want, (reason{Difference: tt.d}).lines(tt.most)); diff != "" {
			t.Error(diff)
		}
	}
	if got := (reason{Difference: plan.Difference{Layer: "x", Rebuilt: true, Causes: causes}}).line(); got != "a added, and 3 more" {
		t.Error(got)
	}
}
