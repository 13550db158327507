package receipt

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const theSum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// boxed is a receipt with two installs and three steps, and what stands in its
// workspace.
func boxed() (Receipt, map[string]string) {
	now := map[string]string{"package.json": `{"dependencies":{"zod":"^3.1"}}`, "lock": "1", "docs/package.json": "{}", "x": "#!/bin/sh\n", "docs/node_modules/": ""}
	manifest := func(name string) File {
		text := []byte(now[name])
		return File{Path: name, Kind: Manifest, Sum: SumOf(text), Seen: SumOf(append(text, '\n')), Fields: FieldsOf("package.json", text)}
	}
	run := func(words ...string) []Step { return []Step{{Argv: words, Env: map[string]string{"CI": "true"}}} }
	return Receipt{Version: Version, Name: "demo", Platform: "linux/amd64", Target: "/srv", UID: 1000, Layers: []Layer{
		{Name: "base"},
		{Name: "install", On: []string{"base"}, Run: run("pnpm", "install"), Fields: []string{"dependencies"}, Files: []File{
			{Path: "lock", Sum: SumOf([]byte("1"))}, manifest("package.json"), {Path: "the package manager", Kind: Said, Fields: map[string]string{"env": "x"}},
		}},
		{Name: "install docs", On: []string{"install"}, Run: run("npm", "ci"), Fields: []string{"dependencies"}, Leaves: []string{"docs/node_modules"}, Files: []File{
			manifest("docs/package.json"), {Path: "x", Kind: Head, Sum: SumOf([]byte("#!/bin/sh\n")), Seen: SumOf([]byte("#!/bin/sh\n"))},
		}},
		{Name: "source", On: []string{"install docs"}, Files: []File{{Path: ".", Kind: Tree, Sum: SumOf(nil)}}},
		{Name: "build 1", On: []string{"install"}, Run: run("make", "one")},
		{Name: "build 2", On: []string{"source"}, Run: run("make", "two")},
		{Name: "services", On: []string{"build 1", "build 2"}},
	}}, now
}

// reading looks at files by path, and at folders, which end in a slash.
func reading(now map[string]string) Look {
	return Look{
		Read: func(name string) ([]byte, error) {
			if text, ok := now[name]; ok {
				return []byte(text), nil
			}
			return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		},
		Gone: func(name string) bool { _, ok := now[name+"/"]; return !ok },
	}
}

// todoOf is what there is to do, one line for each cause.
func todoOf(t *testing.T, r Receipt, now map[string]string) ([]Todo, []string) {
	t.Helper()
	todo, err := r.Todo(reading(now))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, one := range todo {
		for _, c := range one.Causes {
			lines = append(lines, one.Name+": "+c.String())
		}
	}
	return todo, lines
}

// What differs is run, and what stands on that, in the order of the layers.
func TestTodo(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(*Receipt, map[string]string)
		want []string
	}{
		"nothing": {func(*Receipt, map[string]string) {}, nil},
		"what decides nothing": {func(_ *Receipt, now map[string]string) {
			now["package.json"], now["x"] = `{"scripts":{"a":"b"},"dependencies":{"zod":"^3.1"}}`, "#!/bin/sh\nother\n"
		}, nil},
		"the first": {func(_ *Receipt, now map[string]string) { now["lock"] = "2" }, []string{
			"install: lock changed", "install docs: install runs again", "build 1: install runs again", "build 2: install docs runs again",
		}},
		"one beside": {func(_ *Receipt, now map[string]string) { now["docs/package.json"] = `{"dependencies":{"a":"1"}}` }, []string{
			"install docs: dependencies.a 1 added in docs/package.json", "build 2: install docs runs again",
		}},
		"what it left is gone": {func(_ *Receipt, now map[string]string) { delete(now, "docs/node_modules/") }, []string{
			"install docs: docs/node_modules removed", "build 2: install docs runs again",
		}},
		"what is due": {func(r *Receipt, now map[string]string) {
			r.Layers[4].Due = []Cause{{File: "a.ts", Change: Changed}}
			delete(now, "x")
		}, []string{"install docs: x removed", "build 1: a.ts changed", "build 2: install docs runs again"}},
		"a file that was not there": {func(r *Receipt, now map[string]string) {
			r.Layers[1].Files[0].Sum = ""
			r.Layers[2].Files[1] = File{Path: "x", Kind: Head}
			delete(now, "x")
		}, []string{"install: lock added", "install docs: install runs again", "build 1: install runs again", "build 2: install docs runs again"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, now := boxed()
			tt.edit(&r, now)
			if _, lines := todoOf(t, r, now); !slices.Equal(lines, tt.want) {
				t.Error(cmp.Diff(tt.want, lines))
			}
			if _, err := Encode(r); err != nil {
				t.Error(err)
			}
		})
	}
	r, _ := boxed()
	failure := errors.New("broken")
	if _, err := r.Todo(Look{Read: func(string) ([]byte, error) { return nil, failure }}); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}

// Whatever has run is not run again, until it differs from what it ran with;
// whatever did not end is due.
func TestSealOfABox(t *testing.T) {
	r, now := boxed()
	seal := Seal{Version: SealVersion, Receipt: theSum}
	again := func() []string {
		t.Helper()
		data, err := EncodeSeal(seal)
		if err != nil {
			t.Fatal(err)
		}
		if seal, err = DecodeSeal(data, r, theSum); err != nil {
			t.Fatal(err)
		}
		_, lines := todoOf(t, r.With(seal), now)
		return lines
	}
	now["package.json"] = `{"dependencies":{"zod":"^3.2"}}`
	delete(now, "x")
	todo, _ := todoOf(t, r, now)
	if len(todo) != 4 {
		t.Fatalf("%d layers", len(todo))
	}
	seal = seal.Begun(todo)
	if lines := again(); len(lines) != 6 || lines[0] != "install: its last run did not end" {
		t.Errorf("begun: %q", lines)
	}
	seal = seal.Done(todo[0]).Done(todo[1])
	if lines := again(); !slices.Equal(lines, []string{"build 1: its last run did not end", "build 2: its last run did not end"}) {
		t.Errorf("half done: %q", lines)
	}
	seal = seal.Done(todo[2]).Done(todo[3])
	if lines := again(); len(lines) > 0 {
		t.Errorf("done: %q", lines)
	}
	now["x"] = "#!/bin/sh\n"
	if lines := again(); len(lines) != 2 || lines[0] != "install docs: x added" {
		t.Errorf("a file is back: %q", lines)
	}
	delete(now, "x")
	now["package.json"] = `{"dependencies":{"zod":"^3.1"}}`
	if lines := again(); len(lines) != 4 || lines[0] != "install: dependencies.zod ^3.2 → ^3.1 in package.json" {
		t.Errorf("as the image had it: %q", lines)
	}
	r.Layers[4].Due = []Cause{{File: "a.ts", Change: Changed}}
	if _, lines := todoOf(t, r.With(Seal{Layers: []Sealed{{Name: "build 1"}}}), map[string]string{}); slices.Contains(lines, "build 1: a.ts changed") {
		t.Errorf("what was due has run, and it is due: %q", lines)
	}
}

// A host that tells a box what to run keeps what the box last ran with, and
// takes what the box says in its own words.
func TestToldAndLast(t *testing.T) {
	was, now := boxed()
	want, _ := boxed()
	now["package.json"] = `{"dependencies":{"zod":"^3.1"},"scripts":{}}` // the same decides
	todo, _ := todoOf(t, was, map[string]string{"package.json": now["package.json"], "lock": "2", "docs/package.json": "{}", "docs/node_modules/": ""})
	seal := Seal{}.Done(todo[0]).Done(todo[1])
	box := was.With(seal)
	got := box.Told(want)
	var lines []string
	for i, l := range want.Layers {
		for _, c := range l.Causes(got.Layers[i]) {
			lines = append(lines, l.Name+": "+c.String())
		}
	}
	if want := []string{"install: lock changed", "install docs: x added"}; !slices.Equal(lines, want) {
		t.Error(cmp.Diff(want, lines))
	}
	files := want.Layers[1].Last(box.Layers[1])
	if files[0].Sum != SumOf([]byte("2")) || files[1].Sum != want.Layers[1].Files[1].Sum || files[2].Kind != Said {
		t.Errorf("%+v", files)
	}
	for _, f := range want.Layers[2].Last(Layer{}) {
		if f.Sum != "" || f.Fields != nil {
			t.Errorf("a file that nobody knew: %+v", f)
		}
	}
	if l := want.Layers[1]; !l.Sees(Cause{File: "lock"}) || l.Sees(Cause{File: "the package manager"}) || l.Sees(Cause{File: "other"}) {
		t.Error("the box sees something else")
	}
}

func TestUnusableSeals(t *testing.T) {
	r, now := boxed()
	now["lock"] = "2"
	todo, _ := todoOf(t, r, now)
	data, err := EncodeSeal(Seal{Version: SealVersion, Receipt: theSum}.Begun(todo).Done(todo[0]))
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for name, tt := range map[string]struct{ from, to, want string }{
		"no JSON":            {good, "seal", "not JSON"},
		"cut":                {"}\n", "", "not JSON"},
		"text after it":      {"]}\n", "]}{}", "text after"},
		"an unknown key":     {`"receipt"`, `"run":[],"receipt"`, "not JSON of a seal"},
		"another version":    {`"version":1`, `"version":2`, "version 2"},
		"another receipt":    {theSum, strings.Repeat("0", 64), ErrOther.Error()},
		"a layer of none":    {`"name":"install"`, `"name":"sauce"`, "none that is run"},
		"one that runs not":  {`"name":"install"`, `"name":"source"`, "none that is run"},
		"a command":          {`"name":"install"`, `"name":"install","run":[{"argv":["rm"]}]`, "not JSON of a seal"},
		"another file":       {`"path":"lock"`, `"path":"block"`, "not about the files"},
		"a path that leaves": {`"path":"lock"`, `"path":"../lock"`, "no path in a workspace"},
		"a sum that is none": {SumOf([]byte("2")), "2", "no sum"},
		"fields of nothing":  {SumOf([]byte("2")) + `"`, `","fields":{"a":"b"}`, "no sum"},
		"due of none":        {`"due":["install docs"`, `"due":["base"`, "none that is run"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(good, tt.from, tt.to, 1)
			if s, err := DecodeSeal([]byte(text), r, theSum); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v, want %q", s, err, tt.want)
			}
		})
	}
	twice := Seal{Version: SealVersion, Receipt: theSum, Layers: []Sealed{{"build 1", nil}, {"build 1", nil}}}
	if data, err = EncodeSeal(twice); err == nil {
		_, err = DecodeSeal(data, r, theSum)
	}
	if err == nil || !strings.Contains(err.Error(), "stands twice") {
		t.Errorf("got %v", err)
	}
	if _, err := DecodeSeal(make([]byte, MaxSize+1), r, theSum); err == nil {
		t.Error("a seal without end is read")
	}
	if _, err := DecodeSeal([]byte(good), r, ""); err != nil {
		t.Errorf("whichever receipt: %v", err)
	}
}

// Whatever a seal says, what is run stays what the receipt says, in its order;
// and what is written can be read.
func FuzzDecodeSeal(f *testing.F) {
	r, now := boxed()
	now["lock"] = "2"
	todo, err := r.Todo(reading(now))
	if err != nil {
		f.Fatal(err)
	}
	data, err := EncodeSeal(Seal{Version: SealVersion, Receipt: theSum}.Begun(todo).Done(todo[0]))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		seal, err := DecodeSeal(data, r, theSum)
		if err != nil {
			return
		}
		box := r.With(seal)
		if _, err := Encode(box); err != nil {
			t.Fatalf("it makes a receipt that is none: %v", err)
		}
		for i, l := range box.Layers {
			if was := r.Layers[i]; l.Name != was.Name || !slices.Equal(l.On, was.On) || !slices.EqualFunc(l.Run, was.Run, equal) || !slices.Equal(l.Fields, was.Fields) {
				t.Fatalf("it runs something else: %+v", l)
			}
		}
		todo, lines := todoOf(t, box, now)
		last := -1
		for _, one := range todo {
			at := slices.IndexFunc(r.Layers, func(l Layer) bool { return l.Name == one.Name })
			if at <= last || len(one.Run) == 0 {
				t.Fatalf("it runs %q in another order, or what is none", one.Name)
			}
			last = at
			seal = seal.Done(one)
		}
		if len(lines) < len(todo) {
			t.Errorf("it does not say why: %q", lines)
		}
		again, err := EncodeSeal(seal)
		if err != nil {
			t.Fatal(err)
		}
		if seal, err = DecodeSeal(again, r, theSum); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if todo, lines := todoOf(t, r.With(seal), now); len(todo) > 0 {
			t.Errorf("all has run, and it runs %q", lines)
		}
	})
}

func equal(a, b Step) bool {
	return slices.Equal(a.Argv, b.Argv) && a.Dir == b.Dir && maps.Equal(a.Env, b.Env) && slices.Equal(a.Needs, b.Needs)
}
