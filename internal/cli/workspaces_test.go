package cli

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/llbgen"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/workspace"
)

// What an install is given to reach registries is hidden, and refused in a layer.
func TestInstallCredentials(t *testing.T) {
	got := installCredentials(map[string]string{"KNOWN": "declared in the file", "NPM_TOKEN": "its own"}, map[string][]byte{
		"NPM_TOKEN": []byte("of the install"), "YARN_NPM_AUTH_TOKEN": []byte("of yarn"), "BUN_CONFIG_REGISTRY": []byte("https://registry.example/"),
		"PROXY_PASSWORD": []byte("of the proxy"), "NODE_ENV": []byte("production"), llbgen.SecretCA: []byte("-----BEGIN"),
		llbgen.SecretNPMRC: []byte("registry=https://registry.example/\n//registry.example/:_authToken=npm_of_npmrc=\n//other.example/:username=somebody\n//other.example/:_password=b2YgbnBtcmM=\n"),
	})
	want := map[string]string{
		"KNOWN": "declared in the file", "NPM_TOKEN": "its own", "YARN_NPM_AUTH_TOKEN": "of yarn", "PROXY_PASSWORD": "of the proxy",
		"npmrc //registry.example/:_authToken": "npm_of_npmrc=", "npmrc //other.example/:_password": "b2YgbnBtcmM=",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A variable that a file of the repository names, and sandwright.yaml does not
// declare for builds, stays on this machine.
func TestInstallSeesWhatIsDeclared(t *testing.T) {
	for _, name := range []string{"HOST_KEY", "DECLARED_KEY", "PLAIN", "YARN_NPM_AUTH_TOKEN"} {
		t.Setenv(name, "of the host")
	}
	b := blueprint{
		project: project{file: &config.File{Env: map[string]config.Variable{"DECLARED_KEY": {Secret: true}, "PLAIN": {}}}},
		values:  values{build: map[string]string{"PLAIN": "1", "OTHER": "2"}, buildSecrets: map[string][]byte{"DECLARED_KEY": []byte("sesame")}},
		plan:    plan.Plan{Installs: []plan.Install{{Variables: []string{"DECLARED_KEY", "HOST_KEY", "PLAIN", "UNSET", "YARN_NPM_AUTH_TOKEN"}}, {Variables: []string{"HOST_KEY"}}}},
	}
	got, notices := installSecrets(b, map[string][]byte{"YARN_NPM_AUTH_TOKEN": []byte("of npm")})
	want := map[string][]byte{"DECLARED_KEY": []byte("sesame"), "PLAIN": []byte("1"), "YARN_NPM_AUTH_TOKEN": []byte("of npm")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "does not see HOST_KEY") {
		t.Errorf("notices: %q", notices)
	}
}

// Of each workspace it is said which dependencies' scripts do not run, and where
// that can be changed.
func TestBlockedScripts(t *testing.T) {
	locked := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(`{"lockfileVersion": 3, "packages": {"node_modules/` + name + `": {"version": "1.0.0", "hasInstallScript": true},
			"node_modules/known": {"version": "2.0.0", "hasInstallScript": true}}}`)}
	}
	of := func(fields string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(`{"packageManager": "npm@11.6.0"` + fields + `}`)}
	}
	f := &config.File{}
	f.Workspace.AllowScripts = []string{"known"}
	f.Workspace.Nested = []config.Nested{{Dir: "site"}}
	ws, err := workspace.Find(fstest.MapFS{
		"package.json": of(""), "package-lock.json": locked("esbuild"),
		"site/package.json": of(`, "allowScripts": {"known@2.0.0": true}`), "site/package-lock.json": locked("sharp"),
	}, workspaceOptions(f))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"the install scripts of dependencies do not run: esbuild; if the box needs what one makes, name it in allow-scripts of workspace",
		"the install scripts of dependencies do not run: sharp; if the box needs what one makes, name it in allow-scripts of workspace.nested of site",
	}
	if diff := cmp.Diff(want, blocked(ws, f)); diff != "" {
		t.Error(diff)
	}
	f.Workspace.AllowScripts, f.Workspace.Nested[0].AllowScripts = []string{"known", "esbuild"}, []string{"sharp"}
	if got := blocked(ws, f); len(got) != 0 {
		t.Errorf("all are allowed: %q", got)
	}
}
