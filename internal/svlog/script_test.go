package svlog

import (
	"errors"
	"strings"
	"testing"
)

func TestParseScript(t *testing.T) {
	tests := []struct {
		directives string // separated by blanks
		fault      string // empty: it is a script
	}{
		{"1", ""},
		{"n20 s1000000 S50000000 T /var/log/x", ""},
		{"- +fatal: 2 f =status ./rest", ""},
		{"s4096 l2048 1", ""},
		{"! 1", ""},
		{"n5", "no action directive"},
		{"+a", "no action directive"},
		{"q", `"q" is no directive`},
		{"nx 1", `"nx": a number from 0 to 4294967295 follows n`},
		{"n 1", `"n": a number`},
		{"S99999999999999999999 1", "follows S"},
		{"l60000 1", "more than half of a file, which is 99999 bytes"},
		{"+( 1", "missing closing )"},
		{"+\\d 1", "invalid escape"},
		{"1a", "nothing may follow 1"},
		{"ta 1", "nothing may follow t"},
		{"= 1", "= needs the name of a file"},
		{"!gzip /x", "processors are not supported"},
		{"?gzip /x", "processors are not supported"},
	}
	for _, tt := range tests {
		_, err := ParseScript(strings.Fields(tt.directives))
		switch {
		case tt.fault == "" && err != nil:
			t.Errorf("%s: %v", tt.directives, err)
		case tt.fault != "" && (!errors.Is(err, ErrScript) || !strings.Contains(err.Error(), tt.fault)):
			t.Errorf("%s: %v, want %q", tt.directives, err, tt.fault)
		}
	}
	if _, err := ParseScript([]string{"", "1"}); err == nil {
		t.Error("an empty directive is taken")
	}
}

func TestScriptWarns(t *testing.T) {
	for _, tt := range []struct {
		directives []string
		want       int
	}{{[]string{"1"}, 0}, {[]string{"1", "+a"}, 1}, {[]string{"e"}, 1}, {[]string{"1", "n3"}, 0}} {
		s, err := ParseScript(tt.directives)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Warnings) != tt.want {
			t.Errorf("%q: %q", tt.directives, s.Warnings)
		}
	}
}

// A script that is taken has an action in each step, and its selections can be
// asked about any line.
func FuzzParseScript(f *testing.F) {
	f.Add("n20 s1000000 T /x", "a line")
	f.Add("- +^a.*b$ 1 f t 2", "ab")
	f.Add("+[[:alpha:]]{2} -x|y =s ^0 E0", "\xff")
	f.Fuzz(func(t *testing.T, directives, line string) {
		s, err := ParseScript(strings.Fields(directives))
		if err != nil {
			if !errors.Is(err, ErrScript) {
				t.Error(err)
			}
			return
		}
		for i := range s.steps {
			if len(s.steps[i].actions) == 0 {
				t.Errorf("%q: a step without action", directives)
			}
			s.steps[i].selects([]byte(line), true, false)
		}
	})
}
