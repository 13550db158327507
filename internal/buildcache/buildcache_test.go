package buildcache

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Entry{
		"registry.example/team/cache":                            {Registry, map[string]string{"ref": "registry.example/team/cache"}},
		"http://127.0.0.1:5000/cache":                            {Registry, map[string]string{"ref": "127.0.0.1:5000/cache", "registry.insecure": "true"}},
		"type=registry,ref=registry.example/cache:main,mode=min": {Registry, map[string]string{"ref": "registry.example/cache:main", "mode": "min"}},
		"type=local,dest=/var/cache":                             {Local, map[string]string{"dest": "/var/cache"}},
		`type=local,"dest=/a,b"`:                                 {Local, map[string]string{"dest": "/a,b"}},
		"type=s3,bucket=b,region=r":                              {S3, map[string]string{"bucket": "b", "region": "r"}},
		"inline":                                                 {Inline, map[string]string{}},
		"gha":                                                    {GHA, map[string]string{}},
	} {
		got, err := Parse(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                          `"" is no reference HOST/NAME`,
		"UPPER/case":                `"UPPER/case" is no reference HOST/NAME`,
		"registry.example/c cache":  "is no reference",
		"type=azure,x=y":            `type "azure" is none of registry, local, inline, s3 and gha`,
		"ref=registry.example/a":    "it has no type",
		"type=local":                "a local cache needs dest=FOLDER",
		"type=s3,region=r":          "an s3 cache needs bucket=NAME",
		"type=registry":             `"" is no reference HOST/NAME`,
		"type=gha,scope":            `"scope" is not KEY=VALUE`,
		"type=gha,scope=a,scope=b":  "it says scope twice",
		"type=gha,type=s3,bucket=b": "it says type twice",
		`type=local,dest="a`:        "it is no list of KEY=VALUE",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func scope() Scope {
	return Scope{Project: "demo", Platform: "linux/amd64", Branch: "feature/new", Default: "main"}
}

func parse(t *testing.T, text string) Entry {
	t.Helper()
	e, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestOneCacheAScope: two projects, platforms, folders or branches have two
// references, whatever they are called, and each is one that a registry takes.
func TestOneCacheAScope(t *testing.T) {
	e := parse(t, "registry.example/cache")
	seen := map[string]Scope{}
	long := strings.Repeat("x", 300)
	for _, s := range []Scope{
		scope(),
		{Project: "other", Platform: "linux/amd64", Branch: "feature/new"},
		{Project: "demo", Platform: "linux/arm64", Branch: "feature/new"},
		{Project: "demo", Platform: "linux/amd64", Branch: "feature-new"},
		{Project: "demo", Platform: "linux/amd64", Branch: "main"},
		{Project: "demo", Target: "apps", Platform: "linux/amd64", Branch: "main"},
		{Project: "demo-apps", Platform: "linux/amd64", Branch: "main"},
		{Project: "demo", Platform: "linux/amd64"},
		{Project: "demo", Platform: "linux/amd64", Branch: "ümläut/💥"},
		{Project: "demo", Platform: "linux/amd64", Branch: long},
		{Project: "demo", Platform: "linux/amd64", Branch: long + "x"},
		{Project: "-", Platform: "", Branch: ".."},
	} {
		ref := s.Export(e).Attrs["ref"]
		if before, twice := seen[ref]; twice {
			t.Errorf("%+v and %+v overwrite each other in %s", before, s, ref)
		}
		seen[ref] = s
		if _, err := name.NewTag(ref, name.StrictValidation); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestImportsAreTheBranchThenTheDefault(t *testing.T) {
	s := scope()
	var refs []string
	for _, one := range s.Imports(parse(t, "127.0.0.1:5000/cache")) {
		refs = append(refs, one.Attrs["ref"])
	}
	if len(refs) != 2 || refs[0] != s.Export(parse(t, "127.0.0.1:5000/cache")).Attrs["ref"] || !strings.Contains(refs[1], ":demo-linux-amd64-main-") {
		t.Errorf("got %q", refs)
	}
	s.Branch = s.Default
	if got := s.Imports(parse(t, "gha")); len(got) != 1 {
		t.Errorf("the default branch is looked up twice: %v", got)
	}
	if got := s.Imports(parse(t, "inline")); len(got) != 0 {
		t.Errorf("inline is imported from %v", got)
	}
}

func TestWhatIsSaidStays(t *testing.T) {
	for text, want := range map[string]string{
		"registry.example:5000/cache:mine":   "registry.example:5000/cache:mine",
		"type=local,dest=/c,tag=mine":        "/c:mine",
		"type=gha,scope=mine":                "gha mine",
		"type=s3,bucket=b,name=mine":         "s3 b/mine",
		"type=registry,ref=r.io/cc:x,mode=y": "r.io/cc:x",
	} {
		if got := scope().Export(parse(t, text)).String(); got != want {
			t.Errorf("%s: got %s", text, got)
		}
	}
	if mode := scope().Export(parse(t, "type=registry,ref=r.io/cc,mode=min")).Attrs["mode"]; mode != "min" {
		t.Errorf("mode is %s", mode)
	}
}

func TestALocalCacheIsOneFolderBothWays(t *testing.T) {
	for _, text := range []string{"type=local,dest=/c", "type=local,src=/c"} {
		e := parse(t, text)
		if to, from := scope().Export(e), scope().Imports(e)[0]; to.Attrs["dest"] != "/c" || from.Attrs["src"] != "/c" || to.Attrs["tag"] != from.Attrs["tag"] || from.Attrs["mode"] != "" {
			t.Errorf("%s: to %v, from %v", text, to, from)
		}
	}
}

func TestCredentialsComeFromTheEnvironment(t *testing.T) {
	env := map[string]string{"ACTIONS_RUNTIME_TOKEN": "t", "ACTIONS_RESULTS_URL": "u", "ACTIONS_CACHE_SERVICE_V2": "true", "AWS_ACCESS_KEY_ID": "k"}
	getenv := func(key string) string { return env[key] }
	gha := parse(t, "gha").Environ(getenv)
	if diff := cmp.Diff(map[string]string{"token": "t", "url_v2": "u", "version": "2"}, gha.Attrs); diff != "" {
		t.Error(diff)
	}
	s3 := parse(t, "type=s3,bucket=b,region=r").Environ(getenv)
	if s3.Attrs["access_key_id"] != "k" || s3.Attrs["region"] != "r" || s3.Secret() != "access_key_id" {
		t.Errorf("got %v", s3.Attrs)
	}
	if got := parse(t, "registry.example/cache").Environ(getenv); got.Secret() != "" {
		t.Errorf("got %v", got.Attrs)
	}
	if strings.Contains(gha.String()+s3.String(), "k,") {
		t.Error("a credential is shown")
	}
}

func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil || e.Type != Registry {
			return
		}
		if _, err := name.ParseReference(scope().Export(e).Attrs["ref"]); err != nil {
			t.Errorf("%q gives the reference %v", text, err)
		}
	})
}
