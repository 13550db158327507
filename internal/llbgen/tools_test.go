package llbgen

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/solver/pb"

	"github.com/sandwright/sandwright/internal/plan"
)

// names gives the words of each operation of the graph, and its bytes.
func names(t *testing.T, p plan.Plan, l Layers) map[string]string {
	t.Helper()
	out := map[string]string{}
	def, err := Lower(t.Context(), p, l)
	if err != nil {
		t.Fatal(err)
	}
	for i, meta := range def.Metadata {
		if name := meta.Description["llb.customname"]; name != "" {
			out[name] = string(i)
		}
	}
	return out
}

// TestAnotherToolChangesItsOwnLayerOnly: operations keep their digest, and so
// their place in the cache, when a tool that they do not use changes.
func TestAnotherToolChangesItsOwnLayerOnly(t *testing.T) {
	const digest = "@sha256:1111111111111111111111111111111111111111111111111111111111111111"
	install := "install the workspace's dependencies"
	last := "services"
	for tool, want := range map[string][]string{
		"opencode": {"tool opencode", "tool opencode alone", "check tool opencode", "add opencode, PID 1", last},
		"buf":      {"tool buf", "add buf", "copy source in .", "copy source in packages/ui", "copy what differs from the commit", "pnpm build", "pnpm fonts", "add opencode, PID 1", last},
		"pnpm":     {"base and package manager", "user dev", "check tool node", "check tool pnpm", "tool opencode alone", "check tool opencode", "copy manifests", install, "add buf", "copy source in .", "copy source in packages/ui", "copy what differs from the commit", "pnpm build", "pnpm fonts", "add opencode, PID 1", last},
	} {
		newer := layers()
		newer.Tools = maps.Clone(newer.Tools)
		newer.Tools[tool] = "tool/" + tool + digest
		if tool == "pnpm" {
			newer.System = "system" + digest
		}
		before, after := names(t, demo(), layers()), names(t, demo(), newer)
		var changed []string
		for name, digest := range after {
			if before[name] != digest {
				changed = append(changed, name)
			}
		}
		slices.Sort(changed)
		slices.Sort(want)
		if !slices.Equal(changed, want) {
			t.Errorf("another %s changes %q, want %q", tool, changed, want)
		}
	}
}

// TestEveryToolIsChecked: on its own, without a network, and nothing is made
// of the result but the order.
func TestEveryToolIsChecked(t *testing.T) {
	ops := lower(t, demo(), layers())
	for tool, words := range map[string]string{"node": "node --version", "opencode": "opencode -v", "pnpm": "pnpm --version"} {
		argv := append([]string{"/bin/sh", "-uc", checkTool, "sh", tool}, strings.Fields(words)...)
		if e := step(t, ops, argv...); e.Network != pb.NetMode_NONE || e.Meta.User != "1001:1001" {
			t.Errorf("%s is checked with network %v as %s", tool, e.Network, e.Meta.User)
		}
	}
	waits := 0
	for _, op := range ops {
		for _, action := range op.GetFile().GetActions() {
			if c := action.GetCopy(); c != nil && c.AllowEmptyWildcard {
				waits++
			}
		}
	}
	if waits != 3 {
		t.Errorf("the image waits for %d checks, want 3", waits)
	}
}

// TestCheckTool runs the script with a real shell.
func TestCheckTool(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	write("good", "#!/bin/sh\necho \"v1.2 $*\"\n")
	write("bad", "#!/bin/sh\necho one\necho two >&2\nexit 3\n")
	write("orphan", "#! /opt/no/such/interpreter -x\n")
	gcc := func(args ...string) {
		cmd := exec.Command("gcc", args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader("int x; int main(void) { return 0; }")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for _, lib := range []string{"libb.so.1", "liba.so.2"} {
		gcc("-shared", "-fPIC", "-Wl,-soname,"+lib, "-o", lib, "-xc", "-")
	}
	gcc("-o", "lost", "-xc", "-", "-xnone", "-Wl,--no-as-needed", "./libb.so.1", "./liba.so.2")
	gcc("-o", "musl", "-xc", "-", "-Wl,--dynamic-linker=/lib/ld-musl-none.so.1")
	for argv, want := range map[string]string{
		"good --version": "good: v1.2 --version\n",
		"bad":            "one\ntwo\nerror: cannot run bad of tool bad: it ended with exit code 3: two\n",
		"nothing":        "error: cannot run nothing of tool nothing: there is no such program on PATH\n",
		"orphan":         "error: cannot run orphan of tool orphan: it needs /opt/no/such/interpreter, which the box does not have\n",
		"musl":           "error: cannot run musl of tool musl: it needs /lib/ld-musl-none.so.1, which the box does not have\n",
		"lost":           "error: cannot run lost of tool lost: it needs liba.so.2 libb.so.1, which the box does not have\n",
	} {
		words := strings.Fields(argv)
		cmd := exec.Command("/bin/sh", append([]string{"-uc", checkTool, "sh", words[0]}, words...)...)
		cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin"}
		out, err := cmd.Output()
		if !strings.HasSuffix(string(out), want) || (err == nil) != (words[0] == "good") {
			t.Errorf("%s: %v, %q, want %q", argv, err, out, want)
		}
	}
}
