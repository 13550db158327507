package lock

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sandwright/sandwright/internal/fault"
)

func at(line int) fault.Position {
	return fault.Position{File: "sandwright.yaml", Line: line, Column: 3}
}

// matching is what full pins.
func matching() Wanted {
	return Wanted{
		Platforms: []string{"linux/amd64"},
		Base:      WantedBase{At: at(2), Suite: "bookworm", Packages: []string{"git", "libstdc++6", "ca-certificates"}, Security: true},
		Tools:     map[string]WantedTool{"node": {At: at(9), Source: "npm:node-linux-{arch}@22.23.3", Bin: []string{"bin/node", "bin/with space"}}},
	}
}

// pinning is full with the tool that matching wants, and no other.
func pinning() *Lock {
	l := full()
	delete(l.Tools, "claude")
	return l
}

func TestCheckPasses(t *testing.T) {
	if err := pinning().Check(matching()); err != nil {
		t.Error(err)
	}
}

func TestCheckFindsDrift(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*Lock, *Wanted)
		want []string
	}{
		{"no base", func(l *Lock, _ *Wanted) { l.Base = Base{} },
			[]string{"sandwright.yaml:2:3: cannot use the lock: it pins no base"}},
		{"suite", func(_ *Lock, w *Wanted) { w.Base.Suite = "trixie" },
			[]string{"sandwright.yaml:2:3: cannot use the lock: it pins suite bookworm, and trixie is asked for"}},
		{"security", func(_ *Lock, w *Wanted) { w.Base.Security = false },
			[]string{"sandwright.yaml:2:3: cannot use the lock: it was made with security updates on, and they are now off"}},
		{"packages", func(_ *Lock, w *Wanted) { w.Base.Packages = []string{"git"} },
			[]string{"sandwright.yaml:2:3: cannot use the lock: it pins a base with packages [ca-certificates git libstdc++6], and [git] are asked for"}},
		{"platform", func(_ *Lock, w *Wanted) { w.Platforms = []string{"linux/riscv64"} }, []string{
			"sandwright.yaml:2:3: cannot use the lock: it pins no base for linux/riscv64",
			"sandwright.yaml:9:3: cannot use the lock: it does not pin tool node for linux/riscv64"}},
		{"new tool", func(_ *Lock, w *Wanted) { w.Tools["gh"] = WantedTool{At: at(12), Source: "npm:gh@1.0.0"} },
			[]string{"sandwright.yaml:12:3: cannot use the lock: it does not pin tool gh"}},
		{"source", func(_ *Lock, w *Wanted) {
			w.Tools["node"] = WantedTool{At: at(9), Source: "npm:node-linux-{arch}@23.0.0"}
		},
			[]string{"sandwright.yaml:9:3: cannot use the lock: it pins tool node as npm:node-linux-{arch}@22.23.3, and npm:node-linux-{arch}@23.0.0 is asked for"}},
		{"bin", func(_ *Lock, w *Wanted) {
			tool := w.Tools["node"]
			tool.Bin = []string{"bin/npm"}
			w.Tools["node"] = tool
		}, []string{"sandwright.yaml:9:3: cannot use the lock: it pins tool node with bin [bin/node bin/with space], and [bin/npm] is asked for"}},
		{"tool that went", func(_ *Lock, w *Wanted) { w.Tools = nil },
			[]string{"sandwright.lock: cannot use the lock: it pins tool node, and nothing asks for it"}},
		{"several", func(l *Lock, w *Wanted) { l.Tools, w.Base.Suite = nil, "trixie" }, []string{
			"sandwright.yaml:2:3: cannot use the lock: it pins suite bookworm, and trixie is asked for",
			"sandwright.yaml:9:3: cannot use the lock: it does not pin tool node"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, w := pinning(), matching()
			c.edit(l, &w)
			err := l.Check(w)
			if !errors.Is(err, ErrDrift) {
				t.Fatalf("got %v, want ErrDrift", err)
			}
			var got []string
			for _, f := range fault.All(err) {
				got = append(got, f.Error())
				if f.Hint != "run: sandwright lock" {
					t.Errorf("hint is %q", f.Hint)
				}
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPins(t *testing.T) {
	l, w := full(), matching()
	if !l.PinsBase(w.Base, "linux/arm64") || l.PinsBase(w.Base, "linux/386") {
		t.Error("PinsBase does not tell platforms apart")
	}
	if !l.PinsTool("node", w.Tools["node"], "linux/amd64") || l.PinsTool("node", w.Tools["node"], "linux/arm64") {
		t.Error("PinsTool does not tell platforms apart")
	}
	if l.PinsTool("claude", w.Tools["node"], "linux/arm64") {
		t.Error("PinsTool does not look at the source")
	}
}
