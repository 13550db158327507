package probe

import (
	"slices"
	"testing"
)

func TestStatus(t *testing.T) {
	set, err := parseStatus("200-204, 304,599")
	if err != nil || set.String() != "200-204,304,599" {
		t.Fatalf("got %s, %v", set, err)
	}
	for code, want := range map[int]bool{199: false, 200: true, 204: true, 205: false, 303: false, 304: true, 599: true, 600: false} {
		if set.has(code) != want {
			t.Errorf("%d: %t", code, !want)
		}
	}
}

func TestStatusRefuses(t *testing.T) {
	for _, text := range []string{"", ",", "200,", "2xx", "99", "600", "300-200", "200-", "-200", "+20", "200--300", "0200", "200 - 300"} {
		if set, err := parseStatus(text); err == nil {
			t.Errorf("%q is %s", text, set)
		}
	}
}

func FuzzStatus(f *testing.F) {
	f.Add("200-299,304")
	f.Add("200, 599")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := parseStatus(text)
		if err != nil {
			return
		}
		again, err := parseStatus(set.String())
		if err != nil || !slices.Equal(set, again) {
			t.Errorf("%q: %s becomes %s, %v", text, set, again, err)
		}
	})
}
