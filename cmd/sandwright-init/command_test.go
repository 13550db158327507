//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/spec"
)

// command runs the binary to its end.
func command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(os.Getenv(binaryEnv), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// A run whose variables are missing or wrong names all of them, and starts nothing.
func TestUnusableVariables(t *testing.T) {
	b := prepare(t, subreaper, spec.Spec{
		Variables: []spec.Variable{
			{Name: "API_KEY", At: "sandwright.yaml:12:3", Required: true, Secret: true},
			{Name: "GIVEN", At: "sandwright.yaml:9:3", Required: true},
			{Name: "PORT", At: "sandwright.yaml:14:3", Rule: spec.Rule{Type: "port"}},
			{Name: "BARE", Required: true},
			{Name: "DATA", At: "sandwright.yaml:15:3", Rule: spec.Rule{Type: "path", Kind: "dir"}, Default: new("/nowhere")},
			{Name: "CODE", At: "sandwright.yaml:16:3", Rule: spec.Rule{Type: "int"}, Secret: true},
			{Name: "MODE", At: "sandwright.yaml:17:3", Rule: spec.Rule{Type: "enum", Values: []string{"dev", "prod"}}},
			{Name: "CERT", At: "sandwright.yaml:18:3", RequiredIf: []spec.When{{Name: "MODE", Values: []string{"prod"}}}},
		},
		Services: []spec.Service{sh("x", "touch $DIR/started", func(s *spec.Service) {
			s.Variables = []spec.Variable{{Name: "LISTEN", At: "sandwright.yaml:21:15", Rule: spec.Rule{Type: "host:port"}, Required: true}}
		})},
	}, withEnv("GIVEN=", "PORT=http", "CODE=s3cret", "MODE=prod"))
	err := b.cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 78 {
		t.Errorf("got %v", err)
	}
	const want = `error: cannot find a value for BARE: it is required
hint:  start the sandbox with BARE
error: sandwright.yaml:9:3: cannot find a value for GIVEN: it is required
hint:  start the sandbox with GIVEN
error: sandwright.yaml:12:3: cannot find a value for API_KEY: it is required
hint:  start the sandbox with API_KEY
error: sandwright.yaml:14:3: cannot use PORT from the environment: "http" is not a port, a port is 1 to 65535
hint:  start the sandbox with another PORT
error: sandwright.yaml:15:3: cannot use DATA from default: "/nowhere" is not an absolute path to a folder that exists
hint:  start the sandbox with another DATA
error: sandwright.yaml:16:3: cannot use CODE from the environment: it is not an int, an int is a whole number
hint:  start the sandbox with another CODE
error: sandwright.yaml:18:3: cannot find a value for CERT: it is required where MODE is prod
hint:  start the sandbox with CERT
error: sandwright.yaml:21:15: cannot find a value for LISTEN of x: it is required
hint:  start the sandbox with LISTEN
`
	if diff := cmp.Diff(want, b.stderr.String()); diff != "" {
		t.Errorf("stderr, -want +got:\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "log")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was started: %v", err)
	}
}

func TestUnusableInput(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	broken, other := write("broken", "{"), write("other", `{"version": 7}`)
	cyclic := write("cyclic", `{"version":1,"name":"x","logDir":"","services":[{"name":"a","command":["a"],"after":{"a":"ready"},
		"restart":{"policy":"always","minDelay":"1s","maxDelay":"1s"},"stop":{"timeout":"1s"},"logs":{"files":1,"maxBytes":1,"stamp":"none"}}]}`)
	good := write("good", `{"version":1,"name":"x","logDir":"","services":[]}`)
	secrets, err := os.Open(write("secrets", `{"TOKEN": ["s3cret"]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer secrets.Close()
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"--spec", dir + "/nope"}, "error: cannot read " + dir + "/nope: no such file or directory\nhint:  run: sandwright-init --spec PATH\n"},
		{[]string{"--spec", broken}, "error: " + broken + ": cannot read the spec: unexpected EOF\n"},
		{[]string{"--spec", other}, "error: " + other + ": cannot read the spec: version 7, and this sandwright-init knows 1\n"},
		{[]string{"--spec", cyclic}, "error: cannot order services: a -> a\n"},
		{[]string{"--spec", good, "--env-fd", "3"}, "error: cannot read the start-time variables from descriptor 3: not one JSON object of strings\n"},
	}
	for _, tt := range tests {
		var stderr bytes.Buffer
		cmd := exec.Command(os.Getenv(binaryEnv), append(tt.args, "--socket", dir+"/s")...)
		cmd.Stderr, cmd.ExtraFiles = &stderr, []*os.File{secrets}
		_ = cmd.Run()
		if stderr.String() != tt.want || cmd.ProcessState.ExitCode() != 78 {
			t.Errorf("%q: exit code %d, %s", tt.args, cmd.ProcessState.ExitCode(), stderr.String())
		}
	}
}

func TestCommandLine(t *testing.T) {
	nobody := "--socket=" + filepath.Join(t.TempDir(), "nobody")
	tests := []struct {
		args           string
		code           int
		stdout, stderr string // patterns
	}{
		{"--help", 0, `(?s)^sandwright-init supervises.*Examples:\n  sandwright-init restart web\n`, `^$`},
		{"status -h", 0, `^sandwright-init supervises`, `^$`},
		{"version", 0, `^sandwright-init \S+\n$`, `^$`},
		{"frobnicate", 2, `^$`, `^error: cannot understand "frobnicate"\nhint:  run: sandwright-init --help\n$`},
		{"start", 2, `^$`, `^error: cannot start: it takes SERVICE`},
		{"reload x", 2, `^$`, `^error: cannot reload: it takes nothing`},
		{"--frob", 2, `^$`, `^error: cannot understand the command line: there is no flag --frob\nhint:`},
		{"--env-fd x", 2, `^$`, `^error: cannot understand the command line: -env-fd cannot be "x"\n`},
		{"status " + nobody, 1, `^$`, `^error: cannot reach the supervisor: \S+/nobody: no such file or directory\n$`},
	}
	for _, tt := range tests {
		stdout, stderr, code := command(t, strings.Fields(tt.args)...)
		if code != tt.code || !regexp.MustCompile(tt.stdout).MatchString(stdout) || !regexp.MustCompile(tt.stderr).MatchString(stderr) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", tt.args, code, stdout, stderr)
		}
	}
}

func TestCommandsInTheBox(t *testing.T) {
	b := start(t, subreaper, box1(
		sh("web", "exec sleep 1000", func(s *spec.Service) { s.Port = 3000 }),
		sh("broken", "", func(s *spec.Service) { s.Command = []string{"/nope"} }),
	))
	b.settled()
	ask := func(args ...string) (string, string, int) { return command(t, append(args, "--socket", b.socket)...) }

	stdout, stderr, code := ask("status")
	want := `^SERVICE  STATE   SINCE  PID +RESTARTS  (MEMORY +)?(CPU +)?WHY
broken   failed  \ds     - +0 +(- +)*cannot start /nope: no such file or directory
web      ready   \ds     \d+ +0 +(\S+ +){0,2}started
$`
	if code != 0 || stderr != "" || !regexp.MustCompile(want).MatchString(stdout) {
		t.Errorf("status: exit code %d\n%s%s", code, stdout, stderr)
	}
	var status spec.Status
	stdout, _, code = ask("status", "--json")
	if err := json.Unmarshal([]byte(stdout), &status); err != nil || code != 0 || !status.Failed || find(t, status, "web").Port != 3000 {
		t.Errorf("status --json: exit code %d, %v\n%s", code, err, stdout)
	}
	var web spec.ServiceStatus
	stdout, _, code = ask("restart", "web", "--json")
	if err := json.Unmarshal([]byte(stdout), &web); err != nil || code != 0 || web.Restarts != 1 || web.State != spec.StateReady {
		t.Errorf("restart: exit code %d, %v\n%s", code, err, stdout)
	}
	if stdout, _, code = ask("stop", "web"); code != 0 || !strings.Contains(stdout, "stopped") {
		t.Errorf("stop: exit code %d\n%s", code, stdout)
	}
	if stdout, _, code = ask("start", "web"); code != 0 || !strings.Contains(stdout, "ready") {
		t.Errorf("start: exit code %d\n%s", code, stdout)
	}
	if _, stderr, code = ask("start", "broken"); code != 1 || !strings.HasPrefix(stderr, "error: cannot start broken: cannot start /nope: no such file or directory\nhint:  look at ") {
		t.Errorf("start broken: exit code %d\n%s", code, stderr)
	}
	if _, stderr, code = ask("restart", "wbe"); code != 1 || stderr != "error: cannot find service \"wbe\"\nhint:  did you mean web?\n" {
		t.Errorf("restart wbe: exit code %d\n%s", code, stderr)
	}
}
