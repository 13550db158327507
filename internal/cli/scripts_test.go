package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/plan"
)

// TestWhyScriptsRun: a lifecycle script runs again for what it sees, by name, and
// for nothing else, and build steps stay apart from what they do not see.
func TestWhyScriptsRun(t *testing.T) {
	c := newCheckout(t)
	c.write(t, "apps/os/gen.js", "import './more.js'\n")
	c.write(t, "apps/os/more.js", "\n")
	c.edit(t, "apps/os/package.json", `"scripts": {`, `"scripts": {"postinstall": "node gen.js",`)
	before := built(t, c.draw(t))
	if _, ok := before.record.Receipt.Layer(plan.LayerHooks); !ok {
		t.Fatal("there is no layer of lifecycle scripts")
	}
	for _, tt := range []struct {
		file, cause string
		steps       map[string]string
	}{
		{"apps/daemon/server/app.js", "", map[string]string{"build 1": "apps/daemon/server/app.js changed"}},
		{"apps/os/more.js", "apps/os/more.js changed", map[string]string{"build 2": "apps/os/more.js changed"}},
	} {
		c.edit(t, tt.file, "\n", "\n// more\n")
		now := c.draw(t)
		got := causes(t, now, before)
		if got[plan.LayerHooks] != tt.cause {
			t.Errorf("%s: the cause is %q, want %q", tt.file, got[plan.LayerHooks], tt.cause)
		}
		for _, step := range []string{"build 1", "build 2"} {
			if diff := cmp.Diff(tt.steps[step], got[step]); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", tt.file, step, diff)
			}
		}
		before = built(t, now)
	}
	c.edit(t, "sandwright.yaml", "workspace:\n", "workspace:\n  hook-inputs: [apps/daemon, gone]\n")
	_, err := c.drawn(t.Context(), envFlags{})
	if err == nil || !strings.HasSuffix(err.Error(), "sandwright.yaml:16:30: cannot find the input gone: no staged file is there") {
		t.Errorf("got %v", err)
	}
}
