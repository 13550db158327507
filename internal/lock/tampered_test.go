package lock

import (
	"errors"
	"strings"
	"testing"
)

// asking is a Wanted that fits l, as far as what it says can be asked for.
func asking(l *Lock) Wanted {
	w := Wanted{Platforms: []string{"linux/amd64", "linux/arm64"}, Manager: l.Manager, Base: WantedSource{Source: l.Base.Source, Inputs: l.Base.Inputs}, Tools: map[string]WantedSource{}}
	for name, t := range l.Tools {
		w.Tools[name] = WantedSource{Source: t.Source, Inputs: t.Inputs, Exact: t.Version}
	}
	return w
}

// whole is full with every platform of every tool.
func whole() *Lock {
	l := full()
	for _, t := range l.Tools {
		for _, a := range t.Platforms {
			t.Platforms["linux/amd64"], t.Platforms["linux/arm64"] = a, a
		}
	}
	return l
}

// held tells whether an edited lock is refused, or does not fit what is asked for.
func held(text string, w Wanted) bool {
	l, err := Parse("l", []byte(text))
	return err != nil || errors.Is(l.Check(w), ErrDrift)
}

// TestNoEditGoesUnnoticed takes every line out of a lock, doubles it, and
// changes its characters: each is refused or is drift, or is the same
// lock as before.
func TestNoEditGoesUnnoticed(t *testing.T) {
	l := whole()
	w, text := asking(l), string(Format(l))
	if held(text, w) {
		t.Fatal("the lock is refused as it is")
	}
	same := func(edited string) bool {
		l, err := Parse("l", []byte(edited))
		return err == nil && string(Format(l)) == text
	}
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		with := func(replacement string) string {
			return strings.Join(lines[:i], "") + replacement + strings.Join(lines[i+1:], "")
		}
		for what, edited := range map[string]string{"without": with(""), "twice": with(line + line)} {
			if !held(edited, w) && !same(edited) {
				t.Errorf("line %d %s is not noticed: %s", i+1, what, line)
			}
		}
		for at := range len(line) - 1 {
			if at%5 != i%5 || at > 30 && at%25 != i%5 { // of a hash, one character is as good as another
				continue
			}
			edited := with(line[:at] + string(another(line[at])) + line[at+1:])
			if !held(edited, w) && !same(edited) {
				t.Errorf("line %d is not noticed with another character %d: %s", i+1, at, line)
			}
		}
	}
}

// another is a character that may stand where c does.
func another(c byte) byte {
	switch {
	case c == '9' || c == 'f' || c == 'z' || c == 'Z':
		return c - 1
	case c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		return c + 1
	}
	return 'a'
}

// Blocks that change places are noticed: each is of its tool and platform.
func TestBlocksHaveTheirPlace(t *testing.T) {
	l := whole()
	for name, edit := range map[string]func(text string) string{
		"of two platforms": func(s string) string {
			return strings.NewReplacer("    linux/amd64:\n", "    linux/arm64:\n", "    linux/arm64:\n", "    linux/amd64:\n").Replace(s)
		},
		"of two tools": func(s string) string { return strings.NewReplacer("  gh:", "  node:", "  node:", "  gh:").Replace(s) },
	} {
		text := string(Format(l))
		edited := edit(text)
		if edited == text {
			t.Fatalf("%s: nothing is edited", name)
		}
		if _, err := Parse("l", []byte(edited)); err == nil || !strings.Contains(err.Error(), "it was changed by hand or by a merge") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
