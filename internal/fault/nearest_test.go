package fault

import (
	"strings"
	"testing"
	"time"
)

func TestNearest(t *testing.T) {
	known := []string{"name", "base", "platforms", "services", "ports", "logs", "fd", "a", "iterate-server"}
	for word, want := range map[string]string{
		"nmae":           "name",
		"NAME":           "name",
		"nam":            "name",
		"names":          "name",
		"servces":        "services",
		"serivce":        "services",
		"sevices":        "services",
		"prots":          "ports",
		"logz":           "logs",
		"iterate_server": "iterate-server",
		"volumes":        "",
		"bus":            "",
		"b":              "",
		"df":             "",
		"FD":             "fd",
		"":               "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%q is near %q, want %q", word, got, want)
		}
	}
	if got := Nearest("aple", []string{"able", "apple"}); got != "able" {
		t.Errorf("of two that are as near, the first: %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "bac", 1},
		{"ca", "abc", 3}, {"kitten", "sitting", 3}, {"abcdef", "badcfe", 3},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestNearestEndsQuickly(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	began := time.Now()
	Nearest(long, []string{long + "y", "name"})
	Nearest("name", []string{long})
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}
