package plan

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/workspace"
)

// TestWhatIsKeptOfAStore: what pnpm's configDependencies link to, with what those
// link to in turn; nothing else of the store, and nothing that is elsewhere.
func TestWhatIsKeptOfAStore(t *testing.T) {
	dir := t.TempDir()
	store, kept := filepath.Join(dir, "store"), filepath.Join(dir, "kept")
	for _, file := range []string{
		"store/v11/links/@/plain/1.0.0/aa/node_modules/plain/package.json",
		"store/v11/links/@x/scoped/1.0.0/bb/node_modules/@x/scoped/lib/hooks.js",
		"store/v11/links/@x/linux/1.0.0/cc/node_modules/@x/linux/bin",
		"store/v11/links/@/other/1.0.0/dd/node_modules/other/package.json",
		"elsewhere/node_modules/away/package.json",
	} {
		write(t, dir, file, file)
	}
	app := filepath.Join(dir, "app")
	for name, to := range map[string]string{
		"app/node_modules/.pnpm-config/plain":                                 "store/v11/links/@/plain/1.0.0/aa/node_modules/plain",
		"app/node_modules/.pnpm-config/@x/scoped":                             "store/v11/links/@x/scoped/1.0.0/bb/node_modules/@x/scoped",
		"app/node_modules/.pnpm-config/away":                                  "elsewhere/node_modules/away",
		"store/v11/links/@x/scoped/1.0.0/bb/node_modules/@x/linux":            "store/v11/links/@x/linux/1.0.0/cc/node_modules/@x/linux",
		"store/v11/links/@/plain/1.0.0/aa/node_modules/plain/not-looked-into": "store/v11/links/@/other/1.0.0/dd/node_modules/other",
	} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.Symlink(filepath.Join(dir, to), filepath.Join(dir, name)))
	}
	cmd := exec.Command("/bin/sh", "-euc", strings.ReplaceAll(keep(store), Kept, kept))
	cmd.Dir = app
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got []string
	must(t, filepath.WalkDir(kept, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			got = append(got, strings.TrimPrefix(path, kept+"/v11/links/"))
		}
		return err
	}))
	want := "@/plain/1.0.0/aa/node_modules/plain/not-looked-into @/plain/1.0.0/aa/node_modules/plain/package.json " +
		"@x/linux/1.0.0/cc/node_modules/@x/linux/bin @x/scoped/1.0.0/bb/node_modules/@x/linux @x/scoped/1.0.0/bb/node_modules/@x/scoped/lib/hooks.js"
	if strings.Join(got, " ") != want {
		t.Errorf("got %q", got)
	}
	cmd = exec.Command("/bin/sh", "-euc", strings.ReplaceAll(keep(store), Kept, kept+" none"))
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("without configDependencies: %v: %s", err, out)
	}
}

// TestWhoKeeps: pnpm that links them from its store, and only where there are some.
func TestWhoKeeps(t *testing.T) {
	for version, configures := range map[string]bool{"10.28.0": true, "11.21.0": true, "12.0.0": true, "11.28.11": false} {
		ws := &workspace.Workspace{Dir: ".", Manager: workspace.Manager{Kind: workspace.PNPM, Name: "pnpm"}, Configures: configures}
		if in := installOf(ws, config.Installing{}, version); (in.Keep != "") != (configures && version != "10.28.0") {
			t.Errorf("pnpm %s: %q", version, in.Keep)
		}
	}
}
