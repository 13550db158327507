package plan

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/lock"
	"github.com/sandwright/sandwright/internal/workspace"
)

// A build step has what it names of its scope, PID 1 what is of the run, and
// neither anything of the other: not even a name.
func TestScopesStayApart(t *testing.T) {
	f, err := config.Parse("sandwright.yaml", []byte(`
name: x
base: {debian: {suite: bookworm}}
workspace: {env: [BOTH, BUILD_KEY], build: [{run: a, env: [BUILT, BOTH, BUILD_KEY]}, {run: b}]}
env:
  BUILT: {scope: build, default: "1"}
  BOTH: {scope: [build, run], default: "2"}
  BUILD_KEY: {scope: build, secret: true}
  RUN_KEY: {secret: true, services: [web]}
  PUBLISH_KEY: {scope: publish, secret: true}
services:
  web: {command: [a], env: {PORT: {type: port, default: 3000}, BOTH: fixed}}
  api: {command: [b]}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Step{
		{Run: "a", Env: map[string]string{"BUILT": "1", "BOTH": "2"}, Secrets: []string{"BUILD_KEY"}},
		{Run: "b", Env: map[string]string{}},
	}
	got := steps(Inputs{File: f, Workspace: &workspace.Workspace{}, BuildEnv: map[string]string{"BUILT": "1", "BOTH": "2", "RUN_KEY": "sesame"}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	ws := &workspace.Workspace{Dir: ".", Manager: workspace.Manager{Kind: workspace.NPM, Name: "npm"}}
	in := installs(f, Inputs{Workspace: ws, Lock: &lock.Lock{}, BuildEnv: map[string]string{"BUILT": "1", "BOTH": "2"}})
	if len(in) != 1 || in[0].Env["BOTH"] != "2" || in[0].Env["BUILT"] != "" || !slices.Equal(in[0].Secrets, []string{"BUILD_KEY"}) {
		t.Errorf("the install sees %+v", in)
	}
	s := specOf(f, Plan{})
	var names []string
	for _, v := range s.Variables {
		names = append(names, v.Name)
	}
	if !slices.Equal(names, []string{"BOTH", "RUN_KEY"}) {
		t.Errorf("the image's schema has %v", names)
	}
	for _, svc := range s.Services {
		web := svc.Name == "web"
		if slices.Contains(svc.EnvFrom, "RUN_KEY") != web || slices.Contains(svc.EnvFrom, "BOTH") == web || (len(svc.Variables) == 1) != web {
			t.Errorf("%s sees %v and %+v", svc.Name, svc.EnvFrom, svc.Variables)
		}
	}
}
