package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/workspace"
)

func TestTools(t *testing.T) {
	const platform = "linux/amd64"
	pin := func(tree string, programs ...string) lock.Tool {
		bin := map[string]string{}
		for _, p := range programs {
			bin[p] = "bin/" + p
		}
		return lock.Tool{Platforms: map[string]lock.Artifact{platform: {Tree: tree, Bin: bin}}}
	}
	f := &config.File{
		Workspace: config.Workspace{Build: []config.BuildStep{{Run: "x"}, {Run: "y", Tools: []string{"buf"}}}},
		Tools:     map[string]config.Tool{"gh": {Check: []string{"gh", "version"}}},
	}
	lk := &lock.Lock{Tools: map[string]lock.Tool{
		"pnpm": pin("p", "pnpx", "pnpm"), "node": pin("n", "node"), "gh": pin("g", "gh"), "claude-code": pin("c", "zz", "claude"), "buf": pin("b", "buf"), "fonts": pin("f"),
	}}
	got := tools(f, lk, &workspace.Workspace{Manager: workspace.Manager{Name: "pnpm"}}, platform)
	want := []Tool{
		{Name: "buf", Tree: "b", Check: []string{"buf", "--version"}, Use: UseBuild},
		{Name: "claude-code", Tree: "c", Check: []string{"claude", "--version"}, Use: UseRun},
		{Name: "fonts", Tree: "f", Use: UseRun},
		{Name: "gh", Tree: "g", Check: []string{"gh", "version"}, Use: UseRun},
		{Name: "node", Tree: "n", Check: []string{"node", "--version"}},
		{Name: "pnpm", Tree: "p", Check: []string{"pnpm", "--version"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if p := pinned(got); len(p) != 6 || p[1] != (spec.Tool{Name: "claude-code", Tree: "c"}) {
		t.Errorf("the box knows of %v", p)
	}
}

func TestVerifyReachesTheSpec(t *testing.T) {
	for said, want := range map[string]spec.VerifyTime{"boot": spec.VerifyBoot, "never": spec.VerifyNever} {
		f := &config.File{Verify: said}
		if got := specOf(f, Plan{}).Verify; got != want {
			t.Errorf("verify: %s gives %q", said, got)
		}
	}
}
