package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/record"
)

// A checkout is a committed copy of the example, and an app that is run in it.
type checkout struct {
	*app
	dir string
}

func newCheckout(t *testing.T) checkout {
	t.Helper()
	t.Setenv("SANDWRIGHT_HOME", t.TempDir())
	c := checkout{dir: filepath.Join(t.TempDir(), "iterate")}
	if err := os.CopyFS(c.dir, os.DirFS("../../examples/iterate")); err != nil {
		t.Fatal(err)
	}
	c.app = &app{Streams: Streams{Out: io.Discard, Err: io.Discard}, file: filepath.Join(c.dir, config.Name)}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "all"}} {
		if out, err := exec.Command("git", append([]string{"-C", c.dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	return c
}

func (c checkout) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// edit replaces text in a file, which must be there.
func (c checkout) edit(t *testing.T, name, from, to string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil || !bytes.Contains(data, []byte(from)) {
		t.Fatalf("%s has no %q: %v", name, from, err)
	}
	c.write(t, name, strings.ReplaceAll(string(data), from, to))
}

// draw is what would be built now.
func (c checkout) draw(t *testing.T) drawing {
	t.Helper()
	d, err := c.drawn(t.Context(), envFlags{scope: []string{config.ScopeBuild}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.tree.Close() })
	return d
}

// built is what would be remembered of a build of d.
func built(t *testing.T, d drawing) baseline {
	t.Helper()
	files, err := recordFiles(t.Context(), d.tree)
	if err != nil {
		t.Fatal(err)
	}
	return baseline{"the last build", record.Record{Receipt: d.plan.Receipt, Files: files}}
}

// causes are those of each layer that is made again, but for the repository's
// and those of other layers below.
func causes(t *testing.T, d drawing, before baseline) map[string]string {
	t.Helper()
	answer, err := explainLayers(t.Context(), d, before)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, l := range answer.Layers {
		if len(l.Causes) > 0 && l.Layer != plan.LayerRepository {
			out[l.Layer] = strings.Join(l.lines(maxCauses), "; ")
		}
	}
	return out
}

// TestWhyAStepRuns: the file that decides is named, from what is remembered here
// and from a receipt alone; what the file says of other things
// makes no step again.
func TestWhyAStepRuns(t *testing.T) {
	const hot = "source " + plan.HotLayer
	for name, tt := range map[string]struct {
		edit        func(*testing.T, checkout)
		want        map[string]string
		fromReceipt map[string]string // without the memory of files
	}{
		"a service of the file": {
			func(t *testing.T, c checkout) { c.edit(t, config.Name, "port: 3002", "port: 3003") },
			map[string]string{"source .": "sandwright.yaml changed", hot: "sandwright.yaml changed", plan.LayerServices: "services.example-service-b-depends-on-a.port 3002 → 3003 in sandwright.yaml"},
			map[string]string{"source .": ". changed", hot: "layer source what differs from the commit added", plan.LayerServices: "services.example-service-b-depends-on-a.port 3002 → 3003 in sandwright.yaml"},
		},
		"a file of a package": {
			func(t *testing.T, c checkout) { c.write(t, "apps/os/new.js", "new\n") },
			map[string]string{hot: "apps/os/new.js added", "build 2": "apps/os/new.js added"},
			map[string]string{hot: "layer source what differs from the commit added", "build 2": "apps/os/new.js added"},
		},
		"many files": {
			func(t *testing.T, c checkout) {
				for i := range 5 {
					c.write(t, fmt.Sprintf("apps/daemon/new%d.js", i), "new\n")
				}
			},
			map[string]string{
				hot:       `apps/daemon/new0.js added; apps/daemon/new1.js added; apps/daemon/new2.js added; and 2 more: sandwright why "source what differs from the commit"`,
				"build 1": `apps/daemon/new0.js added; apps/daemon/new1.js added; apps/daemon/new2.js added; and 2 more: sandwright why "build 1"`,
			},
			map[string]string{
				hot:       "layer source what differs from the commit added",
				"build 1": `apps/daemon/new0.js added; apps/daemon/new1.js added; apps/daemon/new2.js added; and 2 more: sandwright why "build 1"`,
			},
		},
		"a file, and what is said of the step": {
			func(t *testing.T, c checkout) {
				c.write(t, "apps/os/new.js", "new\n")
				c.edit(t, config.Name, "dir: apps/os, outputs", "dir: apps/os, network: true, outputs")
			},
			map[string]string{"source .": "sandwright.yaml changed", hot: "apps/os/new.js added; sandwright.yaml changed", "build 2": "workspace.build[1].network true added in sandwright.yaml; apps/os/new.js added"},
			map[string]string{"source .": ". changed", hot: "layer source what differs from the commit added", "build 2": "apps/os/new.js added; workspace.build[1].network true added in sandwright.yaml"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCheckout(t)
			before := built(t, c.draw(t))
			tt.edit(t, c)
			now := c.draw(t)
			same := func(want map[string]string) {
				if diff := cmp.Diff(want, causes(t, now, before)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
			same(tt.want)
			before.record.Files = nil
			same(tt.fromReceipt)
		})
	}
}

// TestToldIsBounded: a receipt tells no more of what its steps read than is read
// in milliseconds, and still where among it something has changed.
func TestToldIsBounded(t *testing.T) {
	c := newCheckout(t)
	for i := range 3 * maxTold {
		c.write(t, fmt.Sprintf("apps/os/src/m%d/d%d/f%d.ts", i%7, i%50, i), "x\n")
	}
	before := built(t, c.draw(t))
	before.record.Files = nil
	told := 0
	for _, l := range before.record.Receipt.Layers {
		for _, f := range l.Files {
			if f.Kind == receipt.Tree {
				told += len(f.Fields)
			}
		}
	}
	if told > maxTold || told == 0 {
		t.Errorf("%d files and folders are told", told)
	}
	c.write(t, "apps/os/src/m3/d3/f3.ts", "y\n")
	if got := causes(t, c.draw(t), before)["build 2"]; got != "apps/os/src/m3/d3 changed" {
		t.Errorf("the cause is %q", got)
	}
}

// TestOwnFilesAreNoInputs: wherever the file stands, a package's step does not
// read it, nor its lock.
func TestOwnFilesAreNoInputs(t *testing.T) {
	c := newCheckout(t)
	if err := os.Mkdir(filepath.Join(c.dir, "box"), 0o755); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{config.Name: "box/mine.yaml", "sandwright.lock": "box/sandwright.lock"} {
		if err := os.Rename(filepath.Join(c.dir, from), filepath.Join(c.dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	c.edit(t, "box/mine.yaml", "workspace:\n", "workspace:\n  root: ..\n")
	c.file = filepath.Join(c.dir, "box/mine.yaml")
	in := c.draw(t).plan.Build[0].Inputs
	if diff := cmp.Diff([]string{"!box/mine.yaml", "!box/sandwright.lock"}, in[len(in)-2:]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
