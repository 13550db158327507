package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider/daytona"
)

func TestParseOutput(t *testing.T) {
	for given, want := range map[string]engine.Output{
		"x.tar":                     {Kind: engine.OCI, Path: "x.tar"},
		"-":                         {Kind: engine.OCI, Path: "-"},
		"docker:-":                  {Kind: engine.Docker, Path: "-"},
		"oci:x.tar":                 {Kind: engine.OCI, Path: "x.tar"},
		"docker:x.tar":              {Kind: engine.Docker, Path: "x.tar"},
		"dir:new/folder":            {Kind: engine.Dir, Path: "new/folder"},
		"type=tar,dest=a:b=c.tar":   {Kind: engine.Tar, Path: "a:b=c.tar"},
		"dest=x.tar":                {Kind: engine.OCI, Path: "x.tar"},
		"type=local,dest=somewhere": {Kind: engine.Dir, Path: "somewhere"},

		"type=dir,dest=new,privileged=true":  {Kind: engine.Dir, Path: "new", Privileged: true},
		"dest=new,privileged=false,type=dir": {Kind: engine.Dir, Path: "new"},
	} {
		if got, err := parseOutput(given); err != nil || got.Kind != want.Kind || got.Path != want.Path || got.Privileged != want.Privileged {
			t.Errorf("%q: %+v, %v", given, got, err)
		}
	}
	for _, bad := range []string{"", "zip:x", "oci:", ".", "oci:.", "type=oci", "type=push,dest=x", "type=oci,dest=x,compression=zstd", "push:x", "type=dir,dest=x,privileged=yes", "type=tar,dest=x,privileged=true", "dir:-", "/dev/null", "tar:/dev/stderr"} {
		if _, err := parseOutput(bad); fault.Code(err) != fault.ExitUsage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestNamesOfAnImage(t *testing.T) {
	file := &config.File{Name: "demo", Image: config.Image{Tags: []string{"dev", "registry.example.com/team/app:dev"}}}
	for name, c := range map[string]struct {
		push, tags, wantPush, wantLocal []string
	}{
		"nothing said":       {nil, nil, nil, []string{"demo:dev", "registry.example.com/team/app:dev"}},
		"tags over the file": {nil, []string{"v1", "other:v2"}, nil, []string{"demo:v1", "other:v2"}},
		"a tag of the pushed": {[]string{"http://registry:5000/app:v1"}, []string{"latest"},
			[]string{"http://registry:5000/app:v1", "http://registry:5000/app:latest"}, []string{"registry:5000/app:latest"}},
		"a port and no tag": {[]string{"localhost:5000/app"}, []string{"b"}, []string{"localhost:5000/app", "localhost:5000/app:b"}, []string{"localhost:5000/app:b"}},
	} {
		got := imageNames{c.push, c.tags}.in(file)
		if diff := cmp.Diff(c.wantPush, got.push) + cmp.Diff(c.wantLocal, got.local(file)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := (imageNames{}).in(&config.File{Name: "demo"}).local(&config.File{Name: "demo"}); !cmp.Equal(got, []string{"demo:latest"}) {
		t.Errorf("without any name: %q", got)
	}
}

// TestBadBuildFlags: every fault comes at once, before anything is built.
func TestBadBuildFlags(t *testing.T) {
	f := buildFlags{
		platforms: []string{"linux/amd64", "windows/amd64"}, outputs: []string{"docker:x.tar", "zip:y"}, load: true,
		push: []string{"Upper/Case:x", "https://registry.example.com/app"}, tags: []string{"a b"},
		image: imageFlags{labels: []string{"x", "=y"}, annotations: []string{"two words=x"}, provenance: "full"},
	}
	_, _, err := f.parse()
	var said []string
	for _, f := range fault.All(err) {
		said = append(said, f.Error())
	}
	for _, want := range []string{
		`image name "Upper/Case:x"`, `image name "https://registry.example.com/app"`, `image name "a b"`, `platform "windows/amd64"`, `--label "x"`, `--label "=y"`,
		`--annotation "two words=x"`, `--provenance "full"`, "several platforms as docker", `output "zip:y"`, "load several platforms",
	} {
		if !strings.Contains(strings.Join(said, "\n"), want) {
			t.Errorf("nothing is said of %s", want)
		}
	}
	if len(said) != 11 || fault.Code(err) != fault.ExitUsage {
		t.Errorf("%d faults, code %d:\n%s", len(said), fault.Code(err), strings.Join(said, "\n"))
	}
}

// A server gives access to a registry with a name, over TLS unless it is here.
func TestPlaceIn(t *testing.T) {
	for registry, want := range map[string]string{
		"registry.example":              "registry.example/org/app:t",
		"https://registry.example/":     "registry.example/org/app:t",
		"http://127.0.0.1:5000":         "http://127.0.0.1:5000/org/app:t",
		"http://localhost:5000/":        "http://localhost:5000/org/app:t",
		"http://registry.example":       "",
		"http://127.0.0.1.example:5000": "",
		"u:p@registry.example":          "",
		"ftp://registry.example":        "",
		"":                              "",
	} {
		ref, host, err := placeIn(daytona.Access{Registry: registry, Project: "org"}, "app", "t")
		if ref != want || (err == nil) != (want != "") || err == nil && !strings.Contains(ref, host) {
			t.Errorf("%q: %q at %q, %v", registry, ref, host, err)
		}
	}
}
