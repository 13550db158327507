package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/source"
)

// found is the text of a file of a result; a link's is what it leads to.
func found(res Result, p string) string {
	for _, l := range res.Layers {
		at := filepath.Join(l.Dir, p)
		if to, err := os.Readlink(at); err == nil {
			return "-> " + to
		}
		if data, err := os.ReadFile(at); err == nil {
			return string(data)
		}
	}
	return ""
}

// TestScriptsSeeTheirPart, and run again for nothing else. What they leave in
// node_modules, in files of the repository and at home is in the image, and in
// front of a step that sees its inputs alone; what they write in the repository
// that they have meanwhile is nowhere.
func TestScriptsSeeTheirPart(t *testing.T) {
	c := newCheckout(t)
	c.start()
	c.write("packages/ui/tool.js", "#!/bin/sh\necho the tool\n")
	const script = `grep -q ref .git/HEAD; mkdir .git/hooks; echo x >> .git/config; test ! -e apps; test -e node_modules/x; cat packages/ui/index.ts > node_modules/generated
echo rewritten >> packages/ui/src/b.ts; mkdir -p ~/.cache; echo cached > ~/.cache/x; ln -sf generated node_modules/link; rm -f node_modules/y; ln -s x node_modules/y; rm packages/ui/gone.ts`
	c.write("packages/ui/gone.ts", "gone")
	c.build = func(p *plan.Plan, d *source.Division) (parts []*source.Part) {
		p.Git, p.Executable = true, []string{"packages/ui/tool.js"}
		p.Installs[0].Steps[0].Args[2] += "; echo y > node_modules/y"
		p.Installs[0].Hooks = []string{"/bin/sh", "-ec", script}
		p.Build = []plan.Step{{Run: "cat ../../node_modules/generated main.ts ~/.cache/x > out", Dir: "apps/web", Part: plan.Part{Inputs: []string{"apps"}}, Outputs: []string{"apps/web/out"}},
			{Run: "packages/ui/tool.js > said", Part: plan.Part{Inputs: []string{"packages"}}, Outputs: []string{"said"}}}
		for i, one := range append([]*plan.Part{&p.Installs[0].Part}, &p.Build[0].Part, &p.Build[1].Part) {
			if i == 0 {
				one.Inputs = []string{"packages/ui"}
			}
			part, _, err := d.Part("part "+string(rune('a'+i)), one.Inputs)
			must(t, err)
			one.Source = part.Layers()
			parts = append(parts, part)
		}
		return parts
	}
	for _, round := range []struct {
		name string
		edit func()
		ran  bool
		want map[string]string
	}{
		{"at first", func() {}, true, map[string]string{
			"app/node_modules/generated": "is packages/ui/index.ts", "app/node_modules/link": "-> generated", "app/node_modules/y": "-> x",
			"app/packages/ui/src/b.ts": "is packages/ui/src/b.tsrewritten\n", ".cache/x": "cached\n", "app/said": "the tool\n",
			"app/.git/HEAD": "", "app/.git/config": "",
			"app/apps/web/out": "is packages/ui/index.tsis apps/web/main.tscached\n", "app/packages/ui/gone.ts": "gone", // deletions are not carried over
		}},
		{"an edit elsewhere", func() { c.write("apps/web/main.ts", "new"); c.write("README.md", "new") }, false, map[string]string{
			"app/apps/web/out": "is packages/ui/index.tsnewcached\n", "app/packages/ui/src/b.ts": "is packages/ui/src/b.tsrewritten\n",
		}},
		{"a commit", c.commit, false, nil},
		{"an edit of what they see", func() { c.write("packages/ui/index.ts", "edited "); c.write("packages/ui/src/b.ts", "mine ") }, true, map[string]string{
			"app/node_modules/generated": "edited ", "app/apps/web/out": "edited newcached\n", "app/packages/ui/src/b.ts": "mine rewritten\n",
		}},
	} {
		round.edit()
		res, _ := c.sandbox()
		if cached(res, "run the workspace's lifecycle scripts") == round.ran {
			t.Errorf("%s: the scripts ran: %t", round.name, !round.ran)
		}
		got := map[string]string{}
		for p := range round.want {
			got[p] = found(res, filepath.Join("home/dev", p))
		}
		if diff := cmp.Diff(round.want, got); round.want != nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", round.name, diff)
		}
	}
}

// A step or script that writes nothing at all, as one that only checks, leaves
// the sandbox as it is.
func TestNothingIsLeft(t *testing.T) {
	c := newCheckout(t)
	c.start()
	c.build = func(p *plan.Plan, d *source.Division) (parts []*source.Part) {
		p.Installs[0].Hooks = []string{"/bin/sh", "-ec", "test -e package.json"}
		p.Build = []plan.Step{{Run: "test -e apps/web/main.ts", Part: plan.Part{Inputs: []string{"apps"}}}}
		for name, one := range map[string]*plan.Part{"hooks": &p.Installs[0].Part, "step": &p.Build[0].Part} {
			one.Inputs = append(one.Inputs, "package.json")
			part, _, err := d.Part(name, one.Inputs)
			must(t, err)
			one.Source = part.Layers()
			parts = append(parts, part)
		}
		return parts
	}
	c.check("nothing written")
}
