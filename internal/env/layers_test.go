package env

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// project writes files into a folder of their own.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// froms resolves, and gives each value with where it comes from.
func froms(t *testing.T, l Layers, s Schema) map[string]string {
	t.Helper()
	sources, err := l.Read(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	result, err := Resolver{}.Resolve(s, sources...)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for name, value := range result.Values {
		out[name] = value.Text + " from " + value.From
	}
	return out
}

// Each layer is over those before it, and a value remembers its own.
func TestLayersInOrder(t *testing.T) {
	names := []string{"V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8", "V9"}
	// lines sets the variables from the n-th on.
	lines := func(n int) (out string) {
		for _, name := range names[n:] {
			out += name + "=" + string(rune('0'+n)) + "\n"
		}
		return out
	}
	dir := project(t, map[string]string{".env": lines(1), ".env.local": lines(2), ".env.prod": lines(3), "flags": lines(5), "flags2": lines(6), "secret": "8\n"})
	var s Schema
	for _, name := range names {
		s.Variables = append(s.Variables, Variable{Variable: spec.Variable{Name: name, Default: ptr("0")}})
	}
	last := &s.Variables[8]
	last.Secret, last.Default, last.Provider = true, nil, Provider{File: "secret"}
	got := froms(t, Layers{
		Dir: dir, Stage: "prod", Environ: strings.Fields(lines(4)),
		Files: []string{filepath.Join(dir, "flags"), filepath.Join(dir, "flags2")}, Set: strings.Fields(lines(7)),
	}, s)
	want := map[string]string{
		"V1": "0 from default", "V2": "1 from .env", "V3": "2 from .env.local", "V4": "3 from .env.prod", "V5": "4 from the environment",
		"V6": "5 from " + dir + "/flags", "V7": "6 from " + dir + "/flags2", "V8": "7 from --env", "V9": "8 from file:secret",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func secretSchema(p Provider) Schema {
	return Schema{Variables: []Variable{{Variable: spec.Variable{Name: "KEY", Secret: true}, Provider: p, Pos: positionOf(line(4))}}}
}

// --secret is over KEY_FILE, and that over what the file says.
func TestProviders(t *testing.T) {
	dir := project(t, map[string]string{"own": "own\r\n", "other": "other\n\n", "third": "third"})
	other, third := filepath.Join(dir, "other"), filepath.Join(dir, "third")
	link := filepath.Join(dir, "link")
	if err := os.Symlink("own", link); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		layers Layers
		p      Provider
		want   string
	}{
		"the schema's file":     {Layers{}, Provider{File: "own"}, "own from file:own"},
		"a link in the project": {Layers{}, Provider{File: "link"}, "own from file:link"},
		"KEY_FILE":              {Layers{Environ: []string{"KEY_FILE=" + other, "KEY=x"}}, Provider{File: "own"}, "other\n from KEY_FILE"},
		"KEY_FILE in --env":     {Layers{Environ: []string{"KEY_FILE=/nope"}, Set: []string{"KEY_FILE=" + other}}, Provider{}, "other\n from KEY_FILE"},
		"--secret":              {Layers{Environ: []string{"KEY_FILE=/nope"}, Secrets: []string{"KEY=file:" + third}}, Provider{File: "own"}, "third from --secret"},
		"--secret with a shell": {Layers{Environ: []string{"WHO=me", "PATH=" + os.Getenv("PATH")}, Secrets: []string{"KEY=exec:printf '%s\\n' $WHO"}}, Provider{}, "me from --secret"},
		"a program":             {Layers{AllowExec: true, Environ: os.Environ()}, Provider{Exec: []string{"cat", "third"}, Timeout: time.Minute}, "third from exec:cat"},
		"nothing":               {Layers{Environ: []string{"KEY=plain"}}, Provider{}, "plain from the environment"},
	} {
		c.layers.Dir = dir
		if got := froms(t, c.layers, secretSchema(c.p)); got["KEY"] != c.want {
			t.Errorf("%s: %q, want %q", name, got["KEY"], c.want)
		}
	}
}

// What a provider does wrong is a fault that shows nothing of what it gave.
func TestProviderFaults(t *testing.T) {
	dir := project(t, map[string]string{"binary": "sesame\xff", "nul": "sesame\x00", "large": strings.Repeat("sesame", 1<<18), ".env": "KEY_FILE=sesame\n"})
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	program := func(timeout time.Duration, script string) Provider {
		return Provider{Exec: []string{"sh", "-c", script}, Timeout: timeout}
	}
	allowed := Layers{AllowExec: true}
	for name, c := range map[string]struct {
		layers Layers
		p      Provider
		want   string
	}{
		"no file":         {Layers{}, Provider{File: "nope"}, "read KEY from file:nope: no such file or directory"},
		"a way out":       {Layers{}, Provider{File: "out"}, "read KEY from file:out: path escapes from parent"},
		"a FIFO":          {Layers{}, Provider{File: "fifo"}, "it is no regular file"},
		"a folder":        {Layers{}, Provider{File: "."}, "it is no regular file"},
		"binary":          {Layers{}, Provider{File: "binary"}, "use KEY from file:binary: it is not UTF-8 text"},
		"NUL":             {Layers{}, Provider{File: "nul"}, "it is not UTF-8 text"},
		"large":           {Layers{}, Provider{File: "large"}, "it is larger than 1 MiB"},
		"a named file":    {Layers{Environ: []string{"KEY_FILE=/sesame"}}, Provider{}, "read the file that holds KEY: no such file or directory"},
		"not allowed":     {Layers{}, program(time.Minute, "touch ran"), "run sh for KEY: programs that this file names run only where that is allowed"},
		"exit code":       {allowed, program(time.Minute, "echo sesame; echo sesame >&2; exit 3"), "run sh for KEY: exit code 3"},
		"too late":        {allowed, program(50*time.Millisecond, "echo sesame; sleep 1000 & sleep 1000"), "run sh for KEY: it did not end within 50ms"},
		"a signal":        {allowed, program(time.Minute, "kill -9 $$"), "run sh for KEY: it was ended by a signal"},
		"one left behind": {allowed, program(time.Minute, "sleep 1000 & echo $! > left; echo sesame"), "run sh for KEY: it left a program behind that holds its output open"},
		"too much":        {allowed, program(time.Minute, "yes sesame"), "run sh for KEY: it prints more than 1 MiB"},
		"no program":      {allowed, Provider{Exec: []string{"no-such-program"}, Timeout: time.Minute}, "run no-such-program for KEY: no such program"},
		"an unknown flag": {Layers{Secrets: []string{"KEY=sesame"}}, Provider{}, "use a --secret that is neither NAME=file:PATH nor NAME=exec:COMMAND"},
		"an unknown name": {Layers{Secrets: []string{"KYE=file:sesame"}}, Provider{}, "use --secret for KYE: no secret of that name is declared"},
	} {
		t.Run(name, func(t *testing.T) {
			c.layers.Dir = dir
			if len(c.layers.Environ) == 0 {
				c.layers.Environ = os.Environ()
			}
			began := time.Now()
			sources, err := c.layers.Read(t.Context(), secretSchema(c.p))
			if out := rendered(err); !strings.Contains(out, c.want) || strings.Contains(out, "sesame") {
				t.Errorf("%s", out)
			}
			if took := time.Since(began); took > time.Minute/2 {
				t.Errorf("it took %s", took)
			}
			// The variable itself is not said to be missing as well.
			if _, err := (Resolver{}).Resolve(secretSchema(c.p), sources...); err != nil {
				t.Error(err)
			}
		})
	}
	if left, err := os.ReadFile(filepath.Join(dir, "left")); err != nil || running(strings.TrimSpace(string(left))) {
		t.Errorf("what was left behind runs: %q, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("a program ran that was not allowed to")
	}
}

// running waits a little for a process to end; a zombie has.
func running(pid string) bool {
	for range 500 {
		state, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}

func TestInterruptedProvider(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := Layers{Dir: t.TempDir(), AllowExec: true, Environ: os.Environ()}
	_, err := l.Read(ctx, secretSchema(Provider{Exec: []string{"sleep", "1000"}, Timeout: time.Hour}))
	if err == nil || !strings.Contains(err.Error(), "it was interrupted") {
		t.Errorf("got %v", err)
	}
}

func TestStages(t *testing.T) {
	dir := project(t, map[string]string{".env.production": "V=1\n", ".env.staging": "V=$sesame\n"})
	s := of(spec.Variable{Name: "V"})
	for stage, want := range map[string]string{
		"production": "",
		"prodution":  "cannot find " + dir + "/.env.prodution of the stage prodution\nhint:  did you mean production?\n",
		"other":      "hint:  write it, or leave out --stage and SANDWRIGHT_STAGE\n",
		"staging":    "error: .env.staging:1: cannot replace a variable in V",
		"../x":       `cannot use the stage "../x"`,
		"local":      `cannot use the stage "local"`,
	} {
		_, err := Layers{Dir: dir, Stage: stage}.Read(t.Context(), s)
		if out := rendered(err); !strings.Contains(out, want) || want == "" && out != "" || strings.Contains(out, "sesame") {
			t.Errorf("%s: %s", stage, out)
		}
	}
}

// TestABadStageHidesNoFault: the other files are read all the same.
func TestABadStageHidesNoFault(t *testing.T) {
	dir := project(t, map[string]string{".env": "V=1\n", ".env.local": "broken line\n"})
	sources, err := Layers{Dir: dir, Stage: "../x"}.Read(t.Context(), of(spec.Variable{Name: "V", Required: true}))
	_, missing := Resolver{}.Resolve(of(spec.Variable{Name: "V", Required: true}), sources...)
	if out := rendered(err); missing != nil || !strings.Contains(out, `cannot use the stage "../x"`) || !strings.Contains(out, ".env.local:1") {
		t.Errorf("%v, %s", missing, out)
	}
}

// A .env file is read by others too: what looks like no slip is theirs.
func TestStrangersInDotenv(t *testing.T) {
	dir := project(t, map[string]string{".env": "API_KEY2=x\nCOMPOSE_PROJECT_NAME=x\nPROT=x\nLOG_LEVEL=x\nLOG_LEVELS=y\nTOKEN_FILE=/etc/passwd\n"})
	s := of(spec.Variable{Name: "API_KEY", Secret: true}, spec.Variable{Name: "PORT"}, spec.Variable{Name: "LOG_LEVEL"}, spec.Variable{Name: "TOKEN", Secret: true})
	sources, err := Layers{Dir: dir}.Read(t.Context(), s)
	_, more := Resolver{}.Resolve(s, sources...)
	var out bytes.Buffer
	fault.Render(&out, append(fault.All(err), fault.All(more)...), false)
	const want = `error: .env:6:1: cannot use TOKEN_FILE from .env: a file of the project does not say which files hold secrets
hint:  export TOKEN_FILE, or give --secret TOKEN=file:PATH
error: .env:1:1: cannot use API_KEY2 from .env: it is not declared
hint:  did you mean API_KEY?
error: .env:3:1: cannot use PROT from .env: it is not declared
hint:  did you mean PORT?
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What --env-file names is read as all files are: whole and small, or not at all.
func TestEnvFilesAreSmallFiles(t *testing.T) {
	dir := project(t, map[string]string{"large": strings.Repeat("# more\n", 200_000)})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, why := range map[string]string{
		filepath.Join(dir, "large"):  "it is larger than 1 MiB",
		filepath.Join(dir, "pipe"):   "it is no regular file",
		filepath.Join(dir, "absent"): "no such file or directory",
		"/dev/zero":                  "it is no regular file",
		dir:                          "it is no regular file",
	} {
		_, err := Layers{Files: []string{path}}.Read(t.Context(), Schema{})
		if err == nil || err.Error() != "cannot read --env-file "+path+": "+why || fault.Code(err) != fault.ExitUsage {
			t.Errorf("%v, code %d, want %s", err, fault.Code(err), why)
		}
	}
}
