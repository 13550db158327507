package receipt

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the goldens anew")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s, -want +got:\n%s", name, diff)
	}
}

func sample() Receipt {
	return Receipt{
		Version: Version, Name: "demo", Platform: "linux/amd64", Target: "/srv/app",
		Layers: []Layer{
			{Name: "base", Files: []File{{Path: "sandwright.lock", Kind: Said, Fields: map[string]string{"base.source": "debian:bookworm"}}}},
			{Name: "install", On: []string{"base"}, Run: []Step{{Argv: []string{"pnpm", "install"}, Dir: "apps", Env: map[string]string{"CI": "true"}, Needs: []string{"TOKEN"}}}, Files: []File{
				{Path: "bin/x", Kind: Head, Sum: SumOf([]byte("#!/bin/sh\nx")), Seen: SumOf([]byte("#!/bin/sh\n"))},
				{Path: "package.json", Kind: Manifest, Sum: SumOf([]byte("{}")), Seen: SumOf([]byte("{ }")), Fields: map[string]string{"name": "demo <&>"}},
				{Path: "pnpm-lock.yaml", Sum: SumOf([]byte("lock"))},
			}},
			{Name: "source", On: []string{"install"}, Files: []File{{Path: ".", Kind: Tree, Sum: SumOf([]byte("tree"))}}},
		},
	}
}

func TestRoundTrip(t *testing.T) {
	data, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "receipt.json", string(data))
	back, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), back); diff != "" {
		t.Error(diff)
	}
	if _, ok := back.Layer("source"); !ok {
		t.Error("the layer is not found")
	}
	if _, ok := back.Layer("sauce"); ok {
		t.Error("a layer is found that is not there")
	}
}

func TestUnusableReceipts(t *testing.T) {
	data, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for name, tt := range map[string]struct{ from, to, want string }{
		"no JSON":            {good, "receipt", "not JSON"},
		"another version":    {`"version":2`, `"version":3`, "version 3"},
		"an unknown key":     {`"name":"demo"`, `"nome":"demo"`, "not JSON of a receipt"},
		"text after it":      {"]}\n", "]}{}", "not JSON"},
		"a relative target":  {`"/srv/app"`, `"srv/app"`, "no folder of a box"},
		"a target with dots": {`"/srv/app"`, `"/srv/../etc"`, "no folder of a box"},
		"a layer twice":      {`"name":"source"`, `"name":"base"`, "stands twice"},
		"a layer without":    {`"name":"base"`, `"name":""`, "no name"},
		"stands on none":     {`"on":["install"]`, `"on":["later"]`, "not before it"},
		"out of order":       {`"bin/x"`, `"z"`, "not in order"},
		"leads out":          {`"bin/x"`, `"../x"`, "no path in a workspace"},
		"an absolute path":   {`"bin/x"`, `"/x"`, "no path in a workspace"},
		"a short sum":        {SumOf([]byte("lock")), "abc", "no sum"},
		"a sum in capitals":  {SumOf([]byte("lock")), strings.ToUpper(SumOf([]byte("lock"))), "no sum"},
		"a kind":             {`"kind":"head"`, `"kind":"tail"`, "does not exist"},
		"an empty command":   {`["pnpm","install"]`, `[]`, "no command"},
		"a nameless command": {`["pnpm","install"]`, `[""]`, "no command"},
		"a step elsewhere":   {`"dir":"apps"`, `"dir":"../apps"`, "no folder in the workspace"},
		"leaves elsewhere":   {`"dir":"apps"`, `"dir":"apps"}],"leaves":["/x"],"run":[{"argv":["a"]`, "no path in a workspace"},
		"said with a sum":    {`"kind":"said"`, `"kind":"said","sum":"x"`, "not what is said"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(strings.Replace(good, tt.from, tt.to, 1)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := Decode(make([]byte, MaxSize+1)); err == nil {
		t.Error("a receipt without end is read")
	}
	bad := sample()
	bad.Target = ""
	if _, err := Encode(bad); err == nil {
		t.Error("what cannot be read is written")
	}
}

func TestName(t *testing.T) {
	a, b := Name("a\xff"), Name("a\xfe")
	if Name("é") != "é" || a == b || !strings.HasPrefix(a, "a\uFFFD#") {
		t.Errorf("%q, %q", a, b)
	}
}

func TestCauses(t *testing.T) {
	said := func(pairs ...string) File {
		f := File{Path: "sandwright.yaml", Kind: Said, Fields: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			f.Fields[pairs[i]] = pairs[i+1]
		}
		return f
	}
	manifest := func(text string) File {
		return File{Path: "apps/web/package.json", Kind: Manifest, Sum: SumOf([]byte("raw" + text)), Seen: SumOf([]byte(text)), Fields: FieldsOf("package.json", []byte(text))}
	}
	whole := func(p, text string) File { return File{Path: p, Sum: SumOf([]byte(text))} }
	var b strings.Builder
	for _, tt := range []struct {
		name     string
		old, new Layer
	}{
		{"equal", Layer{Files: []File{whole("a", "1")}}, Layer{Files: []File{whole("a", "1")}}},
		{"a version", Layer{Files: []File{manifest(`{"dependencies": {"zod": "^3.1", "a": "1"}}`)}}, Layer{Files: []File{manifest(`{"dependencies": {"zod": "^3.2", "b": "1"}}`)}}},
		{"an order of keys that decides", Layer{Files: []File{manifest(`{"a":1}`)}}, Layer{Files: []File{manifest(`{"a": 1}`)}}},
		{"what does not decide", Layer{Files: []File{{Path: "x", Kind: Head, Sum: SumOf(nil), Seen: SumOf([]byte("#!"))}}}, Layer{Files: []File{{Path: "x", Kind: Head, Sum: SumOf([]byte("y")), Seen: SumOf([]byte("#!"))}}}},
		{"files that come and go", Layer{Files: []File{whole("a", "1"), whole("b", "1")}}, Layer{Files: []File{whole("b", "2"), whole("c", "1")}}},
		{"what is said", Layer{Files: []File{said("run", "a", "long", "#11111111")}}, Layer{Files: []File{said("run", "b", "long", "#22222222", "new", "#33333333", "env.X", "y")}}},
		{"nothing is said any more", Layer{Files: []File{said("run", "a")}}, Layer{}},
		{"something is said now", Layer{}, Layer{Files: []File{said("run", "a")}}},
		{"another command", Layer{Run: []Step{{Argv: []string{"npm", "ci"}}}}, Layer{Run: []Step{{Argv: []string{"npm", "install"}}}}},
	} {
		fmt.Fprintf(&b, "%s:\n", tt.name)
		for _, c := range tt.new.Causes(tt.old) {
			fmt.Fprintf(&b, "  %s\n", c)
		}
	}
	golden(t, "causes.txt", b.String())
}
