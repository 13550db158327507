package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/workspace"
)

// A box runs a step again with what it had in the build, but for secrets and for
// what may hold a password, of which the image has the names alone.
func TestStepsRunAgain(t *testing.T) {
	env := map[string]string{"MIRROR": "https://user:pa55word@host.example/", "RELEASE": "1", "SITE": "https://host.example/a", "MAIL": "a@host.example"}
	everywhere := func(more map[string]string) map[string]string {
		out := map[string]string{"CI": "true", "NO_COLOR": "1", "RELEASE": "1", "SITE": "https://host.example/a", "MAIL": "a@host.example"}
		for name, value := range more {
			out[name] = value
		}
		return out
	}
	install := Install{Dir: "tools/site", Env: env, Secrets: []string{"TOKEN"}}
	want := receipt.Step{Argv: []string{"npm", "ci"}, Dir: "tools/site", Env: everywhere(nil), Needs: []string{"MIRROR", "TOKEN"}}
	if diff := cmp.Diff(want, install.rerun([]string{"npm", "ci"})); diff != "" {
		t.Error(diff)
	}
	install = Install{Dir: "."}
	want = receipt.Step{Argv: []string{"npm", "ci"}, Env: Everywhere()}
	if diff := cmp.Diff(want, install.rerun([]string{"npm", "ci"})); diff != "" {
		t.Error(diff)
	}
	step := Step{Run: "make", Env: env, Secrets: []string{"KEY"}}
	want = receipt.Step{Argv: []string{"/bin/sh", "-ec", "make"}, Env: everywhere(map[string]string{"SOURCE_DATE_EPOCH": SourceDate}), Needs: []string{"KEY", "MIRROR"}}
	if diff := cmp.Diff(want, step.rerun()); diff != "" {
		t.Error(diff)
	}
}

// PID 1 is told what to do at start where there is something that could be run.
func TestAtStart(t *testing.T) {
	user := spec.User{Name: "dev", UID: 1001}
	full := Plan{User: user, Installs: []Install{{Dir: "."}}}
	for name, tt := range map[string]struct {
		text string
		p    Plan
		want *spec.AtStart
	}{
		"by default":    {"{}", full, &spec.AtStart{Do: spec.StartInstall, Timeout: spec.Duration(15 * time.Minute)}},
		"require":       {"{at-start: require, at-start-timeout: 1m}", full, &spec.AtStart{Do: spec.StartRequire, Timeout: spec.Duration(time.Minute)}},
		"check":         {"{at-start: check}", Plan{User: user, Build: []Step{{Run: "make"}}}, &spec.AtStart{Do: spec.StartCheck, Timeout: spec.Duration(15 * time.Minute)}},
		"off":           {"{at-start: off}", full, nil},
		"nothing to do": {"{at-start: require}", Plan{User: user}, nil},
	} {
		f, err := config.Parse(config.Name, []byte("name: x\nbase: {debian: {suite: bookworm}}\nservices: {web: {command: [x]}}\nworkspace: "+tt.text+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if tt.want != nil {
			tt.want.Receipt, tt.want.User = receipt.Path, user
		}
		if diff := cmp.Diff(tt.want, specOf(f, tt.p).AtStart); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// An install leaves node_modules for sure where the root has dependencies, and
// nothing says otherwise.
func TestLeaves(t *testing.T) {
	file := func(name, text string) receipt.File {
		return receipt.File{Path: name, Fields: receipt.FieldsOf(name, []byte(text))}
	}
	root := file("docs/package.json", `{"devDependencies":{"a":"1"}}`)
	for name, tt := range map[string]struct {
		in    Install
		ws    workspace.Workspace
		files []receipt.File
		want  bool
	}{
		"dependencies":           {files: []receipt.File{root, file("docs/.npmrc", "save-exact=true\nnode-linker=hoisted\n")}, want: true},
		"of a member alone":      {files: []receipt.File{file("docs/package.json", `{"name":"x"}`), file("docs/a/package.json", `{"dependencies":{"a":"1"}}`)}},
		"optional ones":          {files: []receipt.File{file("docs/package.json", `{"optionalDependencies":{"a":"1"}}`)}},
		"yarn's own files":       {ws: workspace.Workspace{PlugAndPlay: true}, files: []receipt.File{root}},
		"production":             {in: Install{Env: map[string]string{"NODE_ENV": "production"}}, files: []receipt.File{root}},
		"none for development":   {files: []receipt.File{root, file("docs/.npmrc", "omit=dev\n")}},
		"another folder":         {files: []receipt.File{root, file("docs/pnpm-workspace.yaml", "modulesDir: deps\n")}},
		"pnpm's plug and play":   {files: []receipt.File{root, file("docs/.npmrc", "node-linker=pnp\n")}},
		"a dependency of a name": {files: []receipt.File{root, file("docs/a/package.json", `{"production":"x"}`)}, want: true},
	} {
		tt.in.Dir = "docs"
		var want []string
		if tt.want {
			want = []string{"docs/node_modules"}
		}
		if diff := cmp.Diff(want, leaves(tt.in, &tt.ws, tt.files)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
