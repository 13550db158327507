package fault

import (
	"strings"
	"testing"
)

func TestClip(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"äöü", 3, "äöü"}, {"äöüß", 3, "äöü…"}, {"x", 0, "…"},
		{"\xff\xfe\xfdz", 3, "\xff\xfe\xfd…"}, {strings.Repeat("y", 1<<20), 2, "yy…"},
	} {
		if got := Clip(c.text, c.most); got != c.want {
			t.Errorf("Clip(%.20q, %d) is %q, want %q", c.text, c.most, got, c.want)
		}
	}
}
