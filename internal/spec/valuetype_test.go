package spec

import (
	"strings"
	"testing"
)

func TestFits(t *testing.T) {
	for _, c := range []struct {
		t         ValueType
		yes, no   string // separated by spaces
		emptyFits bool
	}{
		{"", "x 1 é", "", true},
		{String, "x 1 é", "", true},
		{Int, "0 -1 +7 9223372036854775807", "1.0 x 1_000 0x10 9223372036854775808 1e3", false},
		{Float, "0 -1.5 .5 5. 1e3 1.5E-7", "x NaN Inf 0x1p2 1_0 1e999 1,5 . e3", false},
		{Bool, "true false 1 0", "yes True TRUE t f on 2", false},
		{Port, "1 80 65535", "0 -1 65536 http 80.0 +80", false},
		{URL, "http://x postgres://u:p@h:5432/db?x=1", "x example.org //host http:// mailto:a@b :x", false},
		{Enum, "red green", "blue Red", false},
		{"number", "", "1 x", false},
	} {
		values := []string{"red", "green"}
		for _, text := range strings.Fields(c.yes) {
			if !c.t.Fits(text, values) {
				t.Errorf("%q is not %q", text, c.t)
			}
		}
		for _, text := range strings.Fields(c.no) {
			if c.t.Fits(text, values) {
				t.Errorf("%q is %q", text, c.t)
			}
		}
		if c.t.Fits("", values) != c.emptyFits {
			t.Errorf("the empty text fits %q: %v", c.t, !c.emptyFits)
		}
	}
}

func TestMisfit(t *testing.T) {
	for _, vt := range ValueTypes() {
		got := vt.Misfit([]string{"red", "green"})
		if !strings.Contains(got, string(vt)) && vt != Enum {
			t.Errorf("%s: %q", vt, got)
		}
		if strings.HasSuffix(got, ".") || strings.Contains(got, "\n") {
			t.Errorf("%s: %q", vt, got)
		}
	}
	if got := Enum.Misfit([]string{"red", "green"}); got != "one of red, green" {
		t.Errorf("%q", got)
	}
}
