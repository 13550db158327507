//go:build linux

package svlog

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What differs between any two runs.
var (
	stamps   = regexp.MustCompile(`@4[0-9a-f]{23}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9}`)
	programs = regexp.MustCompile(`(?m)^(s6-log|sandwright-init): `)
)

// tree is every file below dir with its mode and content. Of rotated files the
// contents are joined: where s6-log ends one depends on its reads.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		info, err := d.Info()
		if err != nil || strings.HasPrefix(d.Name(), "@") || path == dir {
			return err
		}
		text := ""
		if d.Name() == "current" {
			text = all(t, filepath.Dir(path))
		} else if !d.IsDir() {
			text = read(t, path)
		}
		fmt.Fprintf(&out, "%s %s %q\n", name, info.Mode(), stamps.ReplaceAllString(text, "STAMP"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// result is all that a logger leaves and says.
func result(t *testing.T, cmd *exec.Cmd, dir string, feed func(w *os.File, cmd *exec.Cmd)) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, r, &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("this test needs s6-log (apt install s6): %v", err)
	}
	feed(w, cmd)
	w.Close()
	_ = cmd.Wait() // the exit code is compared
	rest, _ := io.ReadAll(r)
	r.Close()
	say := programs.ReplaceAllString(stamps.ReplaceAllString(stderr.String(), "STAMP"), "")
	return fmt.Sprintf("exit %d, left %q\nstdout %q\nstderr %q\n%s", cmd.ProcessState.ExitCode(), rest,
		stamps.ReplaceAllString(stdout.String(), "STAMP"), say, tree(t, dir))
}

// The same input and the same directives leave the same files as the real
// s6-log, say the same and end the same way. Two differences are meant: we keep
// a last line without newline, and a zero byte, which ends a line of s6-log.
func TestScriptsLikeS6Log(t *testing.T) {
	lines := "info: start\nfatal: no disk\n\ninfo: end of fatal\nSTAT 42\n"
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, "line %d of a service that has a lot to say\n", i)
	}
	tests := []struct{ name, directives, input string }{
		{"plain", "./a", lines},
		{"stamps", "t ./a T ./b t T ./c ./d", lines},
		{"stdout", "t 1 T 1 1", lines},
		{"alerts", "- +fatal 2 t 2 E3 2 T 2 E0 2", lines},
		{"alert sizes", "E5 2", "12345\n12345678\n123456789\n"},
		{"select", "- +^fatal: ./a", lines},
		{"deselect", "-^info: ./a", lines},
		{"rest", "- +fatal ./a - +^STAT =status f T ./b", lines},
		{"selection stays", "-info ./a +start ./b", lines},
		{"classes", "- +^[[:alpha:]]+:\x20(no|end)\x20 ./a", lines},
		{"status", "=status", lines},
		{"status cut", "^4 =status", lines},
		{"status as is", "^0 t =status", lines},
		{"files kept", "n3 s4096 ./a", "short\n"},
		{"all rotated", "n1000 s4096 ./a", many.String()},
		{"none kept", "n0 s4096 ./a", "short\n"},
		{"long lines", "./a", strings.Repeat("x", 20_000) + "\n" + strings.Repeat("y", 8192) + "\nshort\n" + strings.Repeat("z", 8193) + "\n"},
		{"bytes", "t ./a", "\xff\xfe\n\n\n"},
		{"nothing", "./a", ""},
		{"last action", "1 +a", "b\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var directives []string
			for _, d := range strings.Split(tt.directives, " ") {
				directives = append(directives, strings.ReplaceAll(d, "\x20", " "))
			}
			if tt.name == "classes" {
				directives = []string{"-", "+^[[:alpha:]]+: (no|end) ", "./a"}
			}
			feed := func(w *os.File, _ *exec.Cmd) { w.WriteString(tt.input) }
			want := result(t, exec.Command("s6-log", append([]string{"--"}, directives...)...), t.TempDir(), feed)
			got := result(t, child(t, directives...), t.TempDir(), feed)
			if tt.name == "last action" { // the warnings have their own words
				got = strings.Replace(got, "what follows the last action does nothing", "", 1)
				want = strings.Replace(want, "warning: ignoring extraneous non-action directives\\n", "", 1)
			}
			if got != want {
				t.Errorf("got\n%s\ns6-log:\n%s", got, want)
			}
		})
	}
}

// A directory in each state that a logger may find is continued in the same way.
func TestRestartLikeS6Log(t *testing.T) {
	type file struct {
		name, text string
		mode       os.FileMode
	}
	tests := map[string][]file{
		"finished":           {{"current", "old\n", 0o744}, {"state", "kept", 0o644}},
		"unfinished":         {{"current", "old\n", 0o644}, {"state", "dropped", 0o644}},
		"rotating":           {{"current", "new\n", 0o644}, {"previous", "old\n", 0o644}},
		"rotating, finished": {{"current", "new\n", 0o644}, {"previous", "old\n", 0o744}},
		"processing":         {{"current", "new\n", 0o644}, {"previous", "old\n", 0o744}, {"processed", "ol", 0o644}, {"newstate", "x", 0o644}},
		"processed":          {{"current", "new\n", 0o644}, {"previous", "old\n", 0o744}, {"processed", "OLD\n", 0o744}, {"newstate", "x", 0o644}},
		"rotated":            {{"@400000006b05c63828462452.s", "1\n", 0o744}, {"@400000006b05c63928462452.u", "2\n", 0o644}, {"@strange", "3\n", 0o644}},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			var got [2]string
			for i := range got {
				dir := t.TempDir()
				logs := filepath.Join(dir, "logs")
				if err := os.Mkdir(logs, 0o755); err != nil {
					t.Fatal(err)
				}
				for _, f := range files {
					path := filepath.Join(logs, f.name)
					if err := os.WriteFile(path, []byte(f.text), 0o644); err != nil {
						t.Fatal(err)
					}
					if err := os.Chmod(path, f.mode); err != nil {
						t.Fatal(err)
					}
				}
				// s6-log wants one name for both previous and current, fails,
				// and gets on at the next start.
				for range 2 - i {
					cmd := exec.Command("s6-log", "./logs")
					if i == 1 {
						cmd = child(t, "./logs")
					}
					got[i] = result(t, cmd, dir, func(w *os.File, _ *exec.Cmd) { w.WriteString("more\n") }) + fmt.Sprint(shape(t, logs))
					if strings.HasPrefix(got[i], "exit 0") {
						break
					}
				}
			}
			if got[0] != got[1] {
				t.Errorf("got\n%s\ns6-log:\n%s", got[1], got[0])
			}
		})
	}
}

// SIGTERM within a line ends with that line, and leaves what follows it in the
// pipe; SIGALRM rotates.
func TestSignalsLikeS6Log(t *testing.T) {
	// said waits until the logger has taken text.
	said := func(t *testing.T, dir, text string) {
		eventually(t, text, func() bool {
			got, _ := os.ReadFile(filepath.Join(dir, "a", "current"))
			return strings.HasSuffix(string(got), text)
		})
	}
	taken := func(t *testing.T, w *os.File) {
		eventually(t, "an empty pipe", func() bool {
			n, err := unix.IoctlGetInt(int(w.Fd()), unix.TIOCINQ)
			return err == nil && n == 0
		})
	}
	tests := map[string]func(t *testing.T, dir string, w *os.File, cmd *exec.Cmd){
		"TERM between lines": func(t *testing.T, dir string, w *os.File, cmd *exec.Cmd) {
			w.WriteString("one\n")
			said(t, dir, "one\n")
			cmd.Process.Signal(unix.SIGTERM)
		},
		"TERM within a line": func(t *testing.T, dir string, w *os.File, cmd *exec.Cmd) {
			w.WriteString("one\nhalf ")
			said(t, dir, "one\n")
			taken(t, w)
			cmd.Process.Signal(unix.SIGTERM)
			eventually(t, "the signal taken", func() bool { return !pendingSignal(t, cmd.Process.Pid) })
			eventually(t, "rest", func() bool { return atRest(t, cmd.Process.Pid) })
			w.WriteString("a line\nleft\n")
		},
		"ALRM": func(t *testing.T, dir string, w *os.File, cmd *exec.Cmd) {
			w.WriteString("one\n")
			said(t, dir, "one\n")
			cmd.Process.Signal(unix.SIGALRM)
			eventually(t, "rotation", func() bool { return len(old(t, filepath.Join(dir, "a"), "s")) == 1 })
			w.WriteString("two\n")
		},
	}
	for name, feed := range tests {
		t.Run(name, func(t *testing.T) {
			var got [2]string
			for i := range got {
				dir := t.TempDir()
				cmd := exec.Command("s6-log", "./a")
				if i == 1 {
					cmd = child(t, "./a")
				}
				got[i] = result(t, cmd, dir, func(w *os.File, cmd *exec.Cmd) { feed(t, dir, w, cmd) }) + fmt.Sprint(shape(t, filepath.Join(dir, "a")))
			}
			if got[0] != got[1] {
				t.Errorf("got\n%s\ns6-log:\n%s", got[1], got[0])
			}
		})
	}
}

// pendingSignal tells whether a signal waits for the process.
func pendingSignal(t *testing.T, pid int) bool {
	t.Helper()
	status := read(t, fmt.Sprintf("/proc/%d/status", pid))
	return !strings.Contains(status, "SigPnd:\t0000000000000000") || !strings.Contains(status, "ShdPnd:\t0000000000000000")
}

// atRest tells whether no thread of the process has run for a while: what a
// signal sets off is over.
func atRest(t *testing.T, pid int) bool {
	t.Helper()
	switches := func() string {
		var all strings.Builder
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		for _, path := range tasks {
			text, _ := os.ReadFile(path) // of a thread that has ended there is none
			for line := range strings.Lines(string(text)) {
				if strings.Contains(line, "ctxt_switches") {
					all.WriteString(line)
				}
			}
		}
		return all.String()
	}
	before := switches()
	time.Sleep(200 * time.Millisecond)
	return before == switches()
}
