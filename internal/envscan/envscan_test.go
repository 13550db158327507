package envscan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/envscan"
)

// listed writes uses as LINE:COLUMN NAME.
func listed(uses []envscan.Use) (out []string) {
	for _, u := range uses {
		out = append(out, fmt.Sprintf("%d:%d %s", u.Line, u.Column, u.Name))
	}
	return out
}

type sourceCase struct{ name, src, want string }

func check(t *testing.T, file string, cases []sourceCase) {
	t.Helper()
	for _, c := range cases {
		got := strings.Join(listed(envscan.Source(file, []byte(c.src))), ", ")
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestScript(t *testing.T) {
	check(t, "a.ts", []sourceCase{
		{"dotted", "const a = process.env.A_B;", "1:23 A_B"},
		{"index", "x(process.env['A'], process.env[\"B\"], process.env[`C`])", "1:15 A, 1:33 B, 1:51 C"},
		{"optional", "process?.env?.A; process.env?.[\"B\"]", "1:15 A, 1:32 B"},
		{"not null", "process.env.A!; process.env!.B", "1:13 A, 1:30 B"},
		{"over lines", "process\n  .env\n  .A", "3:4 A"},
		{"global", "globalThis.process.env.A + window.process.env.B", "1:24 A, 1:47 B"},
		{"somebody else's", "this.process.env.A; my.import.meta.env.B", ""},
		{"computed", "process.env[name]; process.env['a' + b]", ""},
		{"set", "process.env.A = '1'; process.env['B'] = 2; process.env.C === 'x'; process.env.D ??= 'x'", "1:56 C, 1:79 D"},
		{"vite", "import.meta.env.VITE_A; import.meta.env.MODE; import.meta.env['DEV']", "1:17 VITE_A"},
		{"bun and deno", "Bun.env.A; Deno.env.get('B'); Deno.env.get(c)", "1:9 A, 1:25 B"},
		{"destructuring", "const { A, B: b = 'x', 'C': c, D = f({ no: 1 }), ...rest } = process.env;", "1:9 A, 1:12 B, 1:24 C, 1:32 D"},
		{"destructuring a parameter", "function f({ A, B } = process.env) {}", "1:14 A, 1:17 B"},
		{"destructuring vite", "const {\n  VITE_A,\n  MODE,\n} = import.meta.env", "2:3 VITE_A"},
		{"alias", "const env = process.env;\nuse(env.A, env['B']);\nconst { C } = env;\nother.env.D; ({ env: 1 })", "2:9 A, 2:16 B, 3:9 C"},
		{"no alias", "const env = process.env.A; env.B", "1:25 A"},
		{"line comment", "// process.env.A\nprocess.env.B // process.env.C", "2:13 B"},
		{"comment", "/* process.env.A\n * process.env.B */ process.env.C", "2:33 C"},
		{"strings", `"process.env.A"; 'it\'s process.env.B'; process.env.C`, "1:53 C"},
		{"template", "`process.env.A ${process.env.B} ${`${process.env.C}`} }` + process.env.D", "1:30 B, 1:50 C, 1:72 D"},
		{"template in an object", "const f = { a: `${b}` }; process.env.A", "1:38 A"},
		{"regular expression", "x = /\"process.env.A[/'\"]/.test(process.env.B); y = a / b / process.env.C", "1:44 B, 1:72 C"},
		{"division", "const half = total / 2; const q = \"/\"; process.env.A", "1:52 A"},
		{"jsx", "<p>Don't</p>\n<b>{process.env.A}</b>", "2:17 A"},
		{"types", "(process.env as Env); declare const x: typeof process.env;", ""},
		{"shebang", "#!/usr/bin/env node 'quote\nprocess.env.A", "2:13 A"},
		{"unfinished", "process.env.A; `${ process.env.B", "1:13 A, 1:32 B"},
		{"no name", "process.env.ä; process.env['a b']; process.env['']", ""},
	})
}

func TestGo(t *testing.T) {
	check(t, "a.go", []sourceCase{
		{"both", "package a\nvar a = os.Getenv(\"A\")\nfunc f() { v, ok := os.LookupEnv(`B`) }", "2:19 A, 3:34 B"},
		{"comments and strings", "package a\n// os.Getenv(\"A\")\nvar a = \"os.Getenv(`A`)\" /* os.Getenv(\"B\") */", ""},
		{"others", "os.Getenv(name); my.Getenv(\"A\"); os.Setenv(\"B\", \"\"); os.Getenv(\"C\" + d)", "1:64 C"},
		{"broken", "package ' \x00 os.Getenv(\"A\")", ""},
	})
}

func TestPython(t *testing.T) {
	check(t, "a.py", []sourceCase{
		{"all", "import os\na = os.environ['A']\nb = os.environ.get(\"B\", 'x')\nc = os.getenv('C')", "2:16 A, 3:20 B, 4:15 C"},
		{"imported", "from os import environ, getenv\nenviron['A']; getenv('B'); environ.get('C')", "2:9 A, 2:22 B, 2:40 C"},
		{"not imported", "environ['A']; getenv('B'); my.environ['C']; x.os.environ['D']", ""},
		{"set", "os.environ['A'] = 'x'\nif os.environ['B'] == 'x': pass", "2:15 B"},
		{"comments and strings", "# os.environ['A']\n'''\nos.environ['B']\n'''\n\"os.getenv('C')\"\nf'{x}' r\"\\\\\" os.getenv('D')", "6:24 D"},
		{"prefixed", "os.getenv(r'A'); os.getenv(b\"B\")", "1:12 A, 1:29 B"},
		{"computed", "os.environ[name]; os.getenv('a' 'b')", "1:29 a"},
		{"unfinished", "os.getenv('A", ""},
	})
}

func TestShell(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"exec server --port $PORT --host ${HOST:-localhost}", "1:21 PORT, 1:35 HOST"},
		{"echo '$NO' \"$YES\" \\$NO", "1:14 YES"},
		{"echo \"it's $A\" # $NO\n# $NO\necho a#$B", "1:13 A, 3:9 B"},
		{"X=1; echo $X ${X}; Y=$Y; echo $Y", "1:23 Y"},
		{"PORT=${PORT:-3000} exec server", "1:8 PORT"},
		{"for f in $LIST; do echo $f; done", "1:11 LIST"},
		{"read -r A B\necho $A $B $C", "2:13 C"},
		{"echo $1 $@ $? $$ ${#LIST} ${!REF} $PWD $(date) $((1+2))", "1:21 LIST, 1:30 REF"},
		{"export TOKEN; cat <<E\n$BODY\nE", "2:2 BODY"},
		{"echo ${A", "1:8 A"},
		{"echo $", ""},
		{"echo \\", ""},
		{"'unfinished $A", ""},
	} {
		if got := strings.Join(listed(envscan.Shell(c.script)), ", "); got != c.want {
			t.Errorf("%q: %q, want %q", c.script, got, c.want)
		}
	}
}

func TestCommand(t *testing.T) {
	for _, c := range []struct {
		argv []string
		want []string
	}{
		{[]string{"sh", "-c", "echo $A"}, []string{"1:7 A"}},
		{[]string{"/bin/bash", "-eu", "-o", "pipefail", "-c", "$A"}, nil},
		{[]string{"/bin/bash", "-euc", "$A"}, []string{"1:2 A"}},
		{[]string{"bash", "-e", "-c", "$A", "$NO"}, []string{"1:2 A"}},
		{[]string{"sh", "script.sh", "$NO"}, nil},
		{[]string{"node", "-c", "$NO"}, nil},
		{[]string{"sh", "-c"}, nil},
		{nil, nil},
	} {
		if got := listed(envscan.Command(c.argv)); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.argv, got, c.want)
		}
	}
}

func TestKnows(t *testing.T) {
	for name, want := range map[string]bool{
		"apps/web/src/main.ts": true, "a.vue": true, "cmd/main.go": true, "tool.py": true,
		"README.md": false, "a.test.ts": false, "main_test.go": false, "test_a.py": false, "src/__tests__/a.ts": false,
		"types.d.ts": false, ".yarn/releases/yarn.cjs": false, ".pnp.cjs": false, "public/a.min.js": false, "vendor/a/a.go": false,
	} {
		if envscan.Knows(name) != want {
			t.Errorf("%s: %v, want %v", name, !want, want)
		}
	}
}

// A hostile text takes no more time than its length asks for.
func TestLongLines(t *testing.T) {
	for _, piece := range []string{"/[", "}=process.env", "`${", "for ", "X=", "'", "$", "{process.env.A,"} {
		src := []byte(strings.Repeat(piece, 128<<10/len(piece)))
		envscan.Source("a.ts", src)
		envscan.Source("a.py", src)
		envscan.Source("a.go", src)
		envscan.Shell(string(src))
	}
}

// No text makes it fail, and what it finds stands there.
func FuzzSource(f *testing.F) {
	for _, src := range []string{"process.env.A", "`${process.env['A']}`", "const {A} = process.env", "os.getenv('A')", "os.Getenv(\"A\")", "echo ${A} '", "/[/'", "}=process.env"} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		lines := strings.Split(src, "\n")
		for _, uses := range [][]envscan.Use{
			envscan.Source("a.ts", []byte(src)), envscan.Source("a.py", []byte(src)), envscan.Source("a.go", []byte(src)), envscan.Shell(src),
		} {
			for _, u := range uses {
				if u.Line < 1 || u.Line > len(lines) || u.Column < 1 || !strings.Contains(lines[u.Line-1][u.Column-1:], u.Name) && !strings.Contains(src, "\\") {
					t.Errorf("%q: %+v does not stand there", src, u)
				}
			}
		}
	})
}
