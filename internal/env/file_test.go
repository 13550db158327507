package env

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
)

// given is the environment that files speak of in these tests.
func given(name string) (string, bool) {
	value, ok := map[string]string{"HOST": "h", "EMPTY": "", "A": "outer"}[name]
	return value, ok
}

func TestParseFile(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       map[string]string
	}{
		{"empty", "", map[string]string{}},
		{"comments", "# one\n\n   # two\n\t\n", map[string]string{}},
		{"plain", "A=1\nB=two words  \nC=", map[string]string{"A": "1", "B": "two words", "C": ""}},
		{"around the sign", "  A = 1\n\tB\t=\t2", map[string]string{"A": "1", "B": "2"}},
		{"export", "export A=1\nexport\tB=2\nexported=3\nexport=4", map[string]string{"A": "1", "B": "2", "exported": "3", "export": "4"}},
		{"comment after", "A=1 # c\nB=1#c\nD='x' # c\nE=\"x\"#c", map[string]string{"A": "1", "B": "1#c", "D": "x", "E": "x"}},
		{"colon", "A: 1\nB:2\nD = a:b\nE=: f", map[string]string{"A": "1", "B": "2", "D": "a:b", "E": ": f"}},
		{"replaced", "X=1\nB=$X-${X}\nC=\"${HOST} $A\"\nD='$X'\nE=a$$b$ c$1", map[string]string{"X": "1", "B": "1-1", "C": "h outer", "D": "$X", "E": "a$b$ c$1"}},
		{"defaults", "B=${NO:-d}\nC=${EMPTY:-d}\nD=${EMPTY-d}\nE=${HOST:-d}\nF=${NO-}\nG=${NO:-${HOST}-x}", map[string]string{"B": "d", "C": "d", "D": "", "E": "h", "F": "", "G": "h-x"}},
		{"alternatives", "B=${NO:+d}\nC=${EMPTY:+d}\nD=${EMPTY+d}\nE=${HOST:+<$HOST>}\nF=${HOST?why}", map[string]string{"B": "", "C": "", "D": "d", "E": "<h>", "F": "h"}},
		{"the environment goes first", "A=inner\nB=$A", map[string]string{"A": "inner", "B": "outer"}},
		{"single quotes", `A='$x \n "y" # z \' \\'`, map[string]string{"A": `$x \n "y" # z ' \\`}},
		{"double quotes", `A="a\tb\n\"c\" \\ \$d 'e' #"`, map[string]string{"A": "a\tb\n\"c\" \\ $d 'e' #"}},
		{"lines in quotes", "A='1\n2'\nB=\"3\n4\"\nC=5", map[string]string{"A": "1\n2", "B": "3\n4", "C": "5"}},
		{"empty quotes", "A=''\nB=\"\"", map[string]string{"A": "", "B": ""}},
		{"last holds", "A=1\nA=2", map[string]string{"A": "2"}},
		{"signs in a value", "A=b=c==\nURL=postgres://u:p@h/d?x=1&y", map[string]string{"A": "b=c==", "URL": "postgres://u:p@h/d?x=1&y"}},
		{"quotes inside", "A=it's\nB=a\"b", map[string]string{"A": "it's", "B": `a"b`}},
		{"other line ends", "\ufeffA=1\r\nB='x\r\ny'\r\n", map[string]string{"A": "1", "B": "x\r\ny"}},
		{"no last line end", "A=1", map[string]string{"A": "1"}},
		{"backslashes", `A=C:\dir\n`, map[string]string{"A": `C:\dir\n`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := ParseFile(".env", []byte(c.text), Lookup(given))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, s.Values); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseFilePositions(t *testing.T) {
	s, err := ParseFile("a/.env", []byte("# c\nA='1\n2\n3'\n  export B=2\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "a/.env" || s.Ambient || s.At["A"].String() != "a/.env:2:1" || s.At["B"].String() != "a/.env:5:10" {
		t.Errorf("%+v", s)
	}
}

// Each fault has its line and never holds a value.
func TestParseFileFaults(t *testing.T) {
	text := strings.Join([]string{
		"GOOD=sesame",
		"sesame",
		"9=sesame",
		"a-b=sesame",
		"export a b=sesame",
		"A=$sesame",
		`B="x${sesame}"`,
		`C="\qsesame"`,
		"D='sesame' sesame",
		"E='two",
		"lines $' sesame",
		"F=${sesame",
		"F=${9:-sesame}",
		"F=${A=sesame}",
		"F=${A:-{sesame}}",
		"F=${NO:?sesame}",
		"F=#sesame",
		"F=x\t#sesame",
		"export =sesame",
		"G=\"sesame",
		"H=sesame",
	}, "\n")
	_, err := ParseFile(".env", []byte(text), nil)
	want := `error: .env:2: cannot read a line that is not NAME=VALUE
error: .env:3: cannot read a line that is not NAME=VALUE
error: .env:4: cannot read a line that is not NAME=VALUE
error: .env:5: cannot read a line that is not NAME=VALUE
hint:  write NAME=VALUE; a name is letters, digits and underscores
error: .env:6: cannot replace a variable in A: it has no value
error: .env:7: cannot replace a variable in B: it has no value
hint:  give it one, or a default: ${NAME:-default}; in single quotes, or as $$, a $ is one
error: .env:8: cannot read an escape in C
hint:  known escapes: \n \r \t \" \\ \$
error: .env:9: cannot read text after the closing quote of D
error: .env:11: cannot read text after the closing quote of E
hint:  put the whole value in quotes
error: .env:12: cannot replace a variable in F: a $ is not followed by a name
error: .env:13: cannot replace a variable in F: a $ is not followed by a name
error: .env:14: cannot replace a variable in F: a $ is not followed by a name
error: .env:15: cannot replace a variable in F: a $ is not followed by a name
hint:  write ${NAME} or ${NAME:-default}; in single quotes, or as $$, a $ is one
error: .env:16: cannot replace a variable in F: it has no value
hint:  give it one, or a default: ${NAME:-default}; in single quotes, or as $$, a $ is one
error: .env:17: cannot tell whether a # in F begins a comment
error: .env:18: cannot tell whether a # in F begins a comment
hint:  put the value in quotes, or one space before the #
error: .env:19: cannot read a line that is not NAME=VALUE
hint:  write NAME=VALUE; a name is letters, digits and underscores
error: .env:20: cannot find the closing quote of G
hint:  end the value with "
`
	if diff := cmp.Diff(want, rendered(err)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if fault.Code(err) != fault.ExitConfig {
		t.Errorf("exit code %d", fault.Code(err))
	}
}

func TestParseFileRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"A=\xff":                         ".env: cannot read it: it is not UTF-8 text",
		"A=\x00":                         ".env: cannot read it: it is not UTF-8 text",
		strings.Repeat("A=1\n", 1<<18+1): ".env: cannot read it: it is larger than 1 MiB",
	} {
		if _, err := ParseFile(".env", []byte(text), nil); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestParseFileEndsQuickly(t *testing.T) {
	for _, unit := range []string{"A=1\n", "A='\n", "A=\"\\\n", "x\n", "=\n", "A='x'\n", "A=$\n", " "} {
		began := time.Now()
		_, _ = ParseFile(".env", []byte(strings.Repeat(unit, 1<<20/len(unit))), nil)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%q took %s", unit, took)
		}
	}
}

// A file cannot make much out of little.
func TestParseFileIsBounded(t *testing.T) {
	for name, text := range map[string]string{
		"doubling": "A=xx\n" + strings.Repeat("A=$A$A\n", 1000),
		"copies":   "A=" + strings.Repeat("x", 1<<19) + "\n" + strings.Repeat("B=$A\n", 1000),
		"nested":   "A=" + strings.Repeat("${B:-", 1000) + strings.Repeat("}", 1000),
	} {
		if _, err := ParseFile(".env", []byte(text), nil); err == nil || len(err.Error()) > 1<<16 {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}

// quote writes a value so that ParseFile reads it back.
func quote(value string) string {
	return `"` + strings.NewReplacer("\\", `\\`, `"`, `\"`, "$", `\$`, "\n", `\n`, "\r", `\r`).Replace(value) + `"`
}

// ParseFile never panics, shows no value, and reads back what it read.
func FuzzParseFile(f *testing.F) {
	for _, seed := range []string{"A=1\n", "export A='x\ny' # c\n", `A="\n\$\\"` + "\nB=$x\n", "\ufeffA = 1\r\n", "A=\"", "=\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseFile(".env", data, nil)
		if err != nil {
			if s.Values != nil {
				t.Error("values came with faults")
			}
			return
		}
		var again strings.Builder
		for name, value := range s.Values {
			if !validName(name) || s.At[name].Line < 1 {
				t.Errorf("name %q at %v", name, s.At[name])
			}
			again.WriteString(name + "=" + quote(value) + "\n")
		}
		back, err := ParseFile(".env", []byte(again.String()), nil)
		if err != nil && again.Len() <= maxFile {
			t.Fatalf("%s\n%v", again.String(), err)
		}
		if diff := cmp.Diff(s.Values, back.Values); err == nil && diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
