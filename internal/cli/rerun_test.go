package cli

import (
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/record"
)

// saying is a box that answers each command so.
type saying struct {
	provider.Sandbox
	out, err string
	code     int
	fails    error
}

func (saying) Info() provider.Info { return provider.Info{Project: "/p", Name: "demo"} }

func (b saying) Exec(_ context.Context, e provider.Exec) (int, error) {
	_, _ = io.WriteString(e.Stdout, b.out)
	_, _ = io.WriteString(e.Stderr, b.err)
	return b.code, b.fails
}

// brought is a sync of an install, a step that reads all and one that does not.
func brought() *syncing {
	sum := func(text string) string { return receipt.SumOf([]byte(text)) }
	run := []receipt.Step{{Argv: []string{"run"}}}
	layers := func(lock, tree string) []receipt.Layer {
		return []receipt.Layer{
			{Name: "install", Run: run, Files: []receipt.File{
				{Path: "lock", Sum: sum(lock)}, {Path: "the package manager", Kind: receipt.Said, Fields: map[string]string{"env.x": lock}},
			}},
			{Name: "build 1", On: []string{"install"}, Run: run, Files: []receipt.File{{Path: "inputs of build 1", Kind: receipt.Tree, Sum: sum(tree)}}},
			{Name: "build 2", On: []string{"install"}, Run: run},
		}
	}
	s := &syncing{was: record.Record{Receipt: receipt.Receipt{Version: receipt.Version, Target: "/srv", Layers: layers("1", "1")}}}
	s.plan = plan.Plan{Installs: []plan.Install{{Dir: "."}}, Build: []plan.Step{{Run: "a", Part: plan.Part{Inputs: []string{"a"}}}, {Run: "b"}}}
	s.plan.Receipt = receipt.Receipt{Version: receipt.Version, Target: "/srv", Layers: layers("2", "2")}
	s.changed = []record.Change{{Change: receipt.Changed, Old: record.File{Path: "a/x"}, New: record.File{Path: "a/x"}}}
	return s
}

// A box is told what it last ran with, and why what it cannot see for itself is
// due.
func TestDue(t *testing.T) {
	s := brought()
	s.choose(plan.Diff(s.was.Receipt, s.plan.Receipt))
	told := s.due()
	if _, err := receipt.Encode(told); err != nil {
		t.Fatal(err)
	}
	due := map[string]string{}
	for _, l := range told.Layers {
		for _, c := range l.Due {
			due[l.Name] += c.String() + "; "
		}
	}
	want := map[string]string{
		"install": "env.x 1 → 2 in the package manager; ",
		"build 1": "inputs of build 1 changed; ",
		"build 2": "a/x changed; ",
	}
	if diff := cmp.Diff(want, due); diff != "" {
		t.Error(diff)
	}
	install := told.Layers[0]
	if install.Files[0].Sum != receipt.SumOf([]byte("1")) || install.Files[1].Fields["env.x"] != "2" {
		t.Errorf("the box is told that it has run with %+v", install.Files)
	}
	// The same is not said twice, should it not have run meanwhile.
	s.was.Receipt = told
	s.run, s.later = nil, nil
	s.choose(plan.Diff(s.was.Receipt, s.plan.Receipt))
	if diff := cmp.Diff(told, s.due()); diff != "" {
		t.Error(diff)
	}
	if len(s.run) != 3 {
		t.Errorf("what is due is not to be run: %+v", s.run)
	}
}

// What the box has run is remembered; a box that says something else is not
// believed.
func TestRemember(t *testing.T) {
	t.Setenv("SANDWRIGHT_HOME", t.TempDir())
	s := brought()
	s.sandbox = saying{}
	s.choose(plan.Diff(s.was.Receipt, s.plan.Receipt))
	s.was.Receipt = s.due()
	seal := receipt.Seal{Version: receipt.SealVersion}
	todo, err := s.was.Receipt.Todo(receipt.Look{Read: func(string) ([]byte, error) { return []byte("2"), nil }})
	if err != nil || len(todo) != 3 {
		t.Fatalf("%v, %v", todo, err)
	}
	for _, one := range todo {
		seal = seal.Done(one)
	}
	data, err := receipt.EncodeSeal(seal)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.remember(data); err != nil {
		t.Fatal(err)
	}
	kept, ok := record.Read(s.recordPath())
	if !ok {
		t.Fatal("nothing is kept")
	}
	if left := plan.Diff(kept.Receipt, s.plan.Receipt); differ(left) {
		t.Errorf("all has run, and it differs: %+v", left)
	}
	for _, forged := range []string{"", "{", strings.Replace(string(data), `"name":"install"`, `"name":"base"`, 1), strings.Replace(string(data), `"lock"`, `"../lock"`, 1)} {
		before := s.was.Receipt
		if err := s.remember([]byte(forged)); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(before, s.was.Receipt); diff != "" {
			t.Errorf("%s is believed: %s", forged, diff)
		}
	}
}

// Whatever a box answers, a sync ends, and says what is wrong.
func TestABoxThatAnswersAnything(t *testing.T) {
	t.Setenv("SANDWRIGHT_HOME", t.TempDir())
	gone := errors.New("it is gone")
	for name, tt := range map[string]struct {
		box          saying
		stands, runs string // errors
	}{
		"nothing":      {saying{}, "", "cannot bring the sandbox up to date"},
		"garbage":      {saying{out: "{{"}, "", "cannot bring the sandbox up to date"},
		"a failure":    {saying{code: 1, err: "error: no such command"}, "cannot ask the sandbox what it has run: error: no such command", "a step did not end well in it"},
		"it is gone":   {saying{fails: gone}, "it is gone", "it is gone"},
		"without end":  {saying{out: strings.Repeat("[", maxAnswer+10)}, "", "cannot bring the sandbox up to date"},
		"nothing done": {saying{out: `{"ran":[],"seal":{"version":1,"receipt":"","layers":[]}}`}, "", ""},
		"no seal":      {saying{out: `{"ran":[{"layer":"install","causes":[]}]}`}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := brought()
			s.plan.Installs, s.sandbox = nil, tt.box
			before := s.was.Receipt
			stands, err := s.stands(t.Context())
			if !says(err, tt.stands) || err == nil && cmp.Diff(before, stands) != "" {
				t.Errorf("%v: %v", err, stands)
			}
			ran, err := (&app{Streams: Streams{Err: io.Discard}}).runSteps(t.Context(), *s, time.Second)
			if !says(err, tt.runs) || name == "no seal" && len(ran) != 1 {
				t.Errorf("%v: %v", err, ran)
			}
		})
	}
}

func says(err error, want string) bool {
	if want == "" || err == nil {
		return want == "" && err == nil
	}
	return strings.Contains(err.Error(), want)
}

// TestStepsThatDoNotEnd: a box whose steps are neither done nor given up is not
// waited for without end, as down would wait for it, too.
func TestStepsThatDoNotEnd(t *testing.T) {
	stopped := slowBox{receive: func(ctx context.Context, _ io.Reader, _ io.Writer) error { <-ctx.Done(); return nil }}
	run := []receipt.Step{{Argv: []string{"one"}}, {Argv: []string{"two"}}}
	s := syncing{sandbox: stopped, was: record.Record{Receipt: receipt.Receipt{Layers: []receipt.Layer{{Name: "base"}, {Name: "install", Run: run}}}}}
	for each, want := range map[time.Duration]time.Duration{
		time.Minute:   time.Minute + 4*(time.Minute+10*time.Second),
		math.MaxInt64: time.Minute + 4*(1000*time.Hour+10*time.Second),
	} {
		synctest.Test(t, func(t *testing.T) {
			started := time.Now()
			_, err := (&app{Streams: Streams{Err: io.Discard}}).runSteps(t.Context(), s, each)
			if took := time.Since(started); took != want || err == nil || !strings.Contains(err.Error(), "cannot bring the sandbox up to date: its steps have not ended in their time") {
				t.Errorf("after %v: %v", took, err)
			}
		})
	}
}
