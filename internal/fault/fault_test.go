package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPosition(t *testing.T) {
	for want, p := range map[string]Position{
		"":         {},
		"a.yaml":   {File: "a.yaml"},
		"a.yaml:3": {File: "a.yaml", Line: 3},
		"a:3:5":    {File: "a", Line: 3, Column: 5},
	} {
		if got := p.String(); got != want {
			t.Errorf("%#v is %q, want %q", p, got, want)
		}
	}
	if got := (Position{Line: 3, Column: 5}).String(); got != "" {
		t.Errorf("a position in no file is %q", got)
	}
}

func TestError(t *testing.T) {
	at := Position{File: "f.yaml", Line: 2, Column: 4}
	for want, f := range map[string]*Fault{
		"cannot open x":                   Cannot("open %s", "x"),
		"f.yaml:2:4: cannot use port 0":   at.Cannot("use port %d", 0),
		"f.yaml:2:4: cannot use port 1":   at.Cannot("use port %d", 1).WithHint("write %d", 2).WithCode(3),
		"cannot open x: file is not here": Cannot("open x: %w", errors.New("file is not here")),
	} {
		if got := f.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestUnwrap(t *testing.T) {
	var err error = List{Cannot("use a"), Cannot("open b: %w", fs.ErrNotExist)}
	wrapped := fmt.Errorf("build: %w", err)
	if !errors.Is(wrapped, fs.ErrNotExist) {
		t.Error("a cause in a list is not found")
	}
	var f *Fault
	if !errors.As(wrapped, &f) || f.What != "cannot use a" {
		t.Errorf("found %v", f)
	}
	if Cannot("use %v", fs.ErrNotExist).Unwrap() != nil {
		t.Error("only %w keeps a cause")
	}
}

func TestCode(t *testing.T) {
	at := Position{File: "f"}
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"nil", nil, ExitOK},
		{"plain error", errors.New("x"), ExitFailed},
		{"fault", Cannot("x"), ExitFailed},
		{"at a place", at.Cannot("x"), ExitConfig},
		{"code", Cannot("x").WithCode(ExitUsage), ExitUsage},
		{"wrapped", fmt.Errorf("y: %w", at.Cannot("x")), ExitConfig},
		{"first that asks", List{Cannot("x"), at.Cannot("y"), Cannot("z").WithCode(9)}, ExitConfig},
		{"list that asks nothing", List{Cannot("x")}, ExitFailed},
	} {
		if got := Code(c.err); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestOrder(t *testing.T) {
	place := func(file string, line, column int, what string) *Fault {
		return Position{file, line, column}.Cannot("%s", what)
	}
	given := List{
		place("b", 1, 1, "one"), place("a", 2, 1, "two"), place("a", 1, 9, "three"), place("a", 1, 2, "four"),
		place("a", 1, 2, "five"), Cannot("six"), place("a", 0, 0, "seven"), place("a", 10, 1, "eight"),
	}
	before := given.Error()
	const want = `cannot six
a: cannot seven
a:1:2: cannot four
a:1:2: cannot five
a:1:9: cannot three
a:2:1: cannot two
a:10:1: cannot eight
b:1:1: cannot one`
	if diff := cmp.Diff(want, given.Err().Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if given.Error() != before {
		t.Error("Err changed the list it was given")
	}
	if List(nil).Err() != nil {
		t.Error("an empty list is an error")
	}
}

func TestAll(t *testing.T) {
	one, two := Cannot("x"), Cannot("y")
	for _, c := range []struct {
		name string
		err  error
		want []string
	}{
		{"nil", nil, nil},
		{"one", one, []string{"cannot x"}},
		{"list", List{one, two}, []string{"cannot x", "cannot y"}},
		{"wrapped list", fmt.Errorf("z: %w", List{one, two}), []string{"cannot x", "cannot y"}},
		{"plain", errors.New("cannot z"), []string{"cannot z"}},
	} {
		var got []string
		for _, f := range All(c.err) {
			got = append(got, f.Error())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, diff)
		}
	}
	if plain := errors.New("z"); !errors.Is(All(plain), plain) {
		t.Error("a plain error is lost")
	}
}

func TestAllLooksIntoJoins(t *testing.T) {
	one, two := Cannot("do one"), Position{File: "f", Line: 2}.Cannot("do two")
	err := errors.Join(one, nil, fmt.Errorf("while three: %w", two), errors.New("plain"))
	var got []string
	for _, f := range All(err) {
		got = append(got, f.Error())
	}
	if want := []string{"cannot do one", "f:2: cannot do two", "plain"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if Code(err) != ExitConfig {
		t.Errorf("the code is %d", Code(err))
	}
}

func TestDistinct(t *testing.T) {
	first, again, other := Cannot("find a"), Cannot("find a").WithHint("of another platform"), Position{File: "x", Line: 1}.Cannot("find a")
	if got := (List{first, again, other}).Distinct(); len(got) != 2 || got[0] != first || got[1] != other {
		t.Errorf("left are %v", got)
	}
}
