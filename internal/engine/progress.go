package engine

import (
	"context"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/opencontainers/go-digest"

	"github.com/sandwright/sandwright/internal/redact"
)

// Progress says where a build is shown. The zero Progress shows nothing.
type Progress struct {
	Out io.Writer
	TTY bool // BuildKit's moving display instead of plain lines
}

// Say writes one line.
func (p Progress) Say(format string, args ...any) {
	if p.Out != nil {
		fmt.Fprintf(p.Out, format+"\n", args...)
	}
}

// follow shows the build without its secrets until status is closed, and gives
// its steps, and the fault that the one that failed has told last, if it has. What
// runs meanwhile is in running.
func (p Progress) follow(ctx context.Context, status chan *client.SolveStatus, secrets *redact.Set, running *underWay) ([]Step, string, error) {
	mode := progressui.PlainMode
	switch {
	case p.Out == nil:
		mode = progressui.QuietMode
	case p.TTY:
		mode = progressui.TtyMode
	}
	display, err := progressui.NewDisplay(p.Out, mode)
	if err != nil {
		return nil, "", err
	}
	tee := make(chan *client.SolveStatus)
	var steps []Step
	var told told
	go func() {
		defer close(tee)
		seen := map[string]bool{}
		hider := newHider(secrets)
		for s := range status {
			hider.hide(s)
			abridge(s)
			told.note(s)
			running.note(s)
			for _, v := range s.Vertexes {
				if v.Completed != nil && !seen[v.Digest.String()] {
					seen[v.Digest.String()] = true
					steps = append(steps, Step{Name: v.Name, Cached: v.Cached, source: len(v.Inputs) == 0, failed: v.Error})
				}
			}
			tee <- s
		}
	}()
	// The display ends with the channel: a cancelled build still reports its end.
	_, err = display.UpdateFrom(context.WithoutCancel(ctx), tee)
	return steps, told.fault, err
}

// A told is what the failed step of a build said of it itself, as our own
// steps do: a line that starts with "error: cannot ".
type told struct {
	last  map[digest.Digest]string // by step
	fault string                   // of the step that failed; without "error: "
}

// outdated stands for an install that would have to write the lock file.
const outdated = "cannot install: the lock file does not fit the manifests"

// lockOutdated is how pnpm, npm, yarn classic, yarn and bun say so.
var lockOutdated = regexp.MustCompile("ERR_PNPM_OUTDATED_LOCKFILE|npm (?:error|ERR!) `npm ci` can only install packages when your package.json|" +
	"Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`|YN0028: .*The lockfile would have been |error: lockfile had changes, but lockfile is frozen")

// outOfRoom stands for the fault of a step whose program found the disk full.
const outOfRoom = "the disk is full"

// policies stands for that of an install whose lock file does not pass pnpm's
// own supply-chain policies, as they reject entries or could not be asked about them.
const policies = "cannot install: the lock file does not pass pnpm's supply-chain policies"

// scriptFailed stands before the name of the dependency whose install script failed.
const scriptFailed = "cannot install: this dependency's install script failed: "

// scriptFailures are what pnpm, yarn and bun say of such a script, around the
// name of the dependency.
var scriptFailures = regexp.MustCompile(`node_modules/((?:@[\w.~-]+/)?[\w.~-]+) (?:pre|post)?install: Failed\s*$|` +
	`│ ((?:@[\w.~-]+/)?[\w.~-]+)@\S+ couldn't be built successfully|` +
	`^error: (?:pre|post)?install script from "([^"]+)" exited with`)

// failedScript gives the dependency whose script a line says has failed.
func failedScript(line string) string {
	return strings.Join(append(scriptFailures.FindStringSubmatch(strings.TrimSpace(line)), "", "", "", "")[1:4], "")
}

// notServed stands before the package that an install found missing in the registry.
const notServed = "cannot install: the registry does not have this package: "

// tarball is the address of a package that package managers print beside 404.
var tarball = regexp.MustCompile(`https?://\S+?/((?:@[\w.~-]+(?:/|%2[fF]))?[\w.~-]+)/-/([\w.~+@/-]+)\.tgz\b`)

// missing gives the package, NAME@VERSION, that a line says the registry has not.
func missing(line string) string {
	m := tarball.FindStringSubmatch(line)
	if m == nil || !strings.Contains(strings.Replace(line, m[0], "", 1), "404") {
		return ""
	}
	name := strings.NewReplacer("%2f", "/", "%2F", "/").Replace(m[1])
	return name + "@" + strings.TrimPrefix(path.Base(m[2]), path.Base(name)+"-")
}

func (t *told) note(s *client.SolveStatus) {
	if t.last == nil {
		t.last = map[digest.Digest]string{}
	}
	for _, l := range s.Logs {
		for line := range strings.Lines(string(l.Data)) {
			if text, ok := strings.CutPrefix(strings.TrimSpace(line), "error: "); ok && strings.HasPrefix(text, "cannot ") {
				t.last[l.Vertex] = text
			} else if noSpace(line) {
				t.last[l.Vertex] = outOfRoom
			} else if by := failedScript(line); by != "" && t.last[l.Vertex] == "" {
				t.last[l.Vertex] = scriptFailed + by
			} else if name := missing(line); name != "" && t.last[l.Vertex] == "" {
				t.last[l.Vertex] = notServed + name
			} else if lockOutdated.MatchString(line) {
				t.last[l.Vertex] = outdated
			} else if strings.Contains(line, "Lockfile failed supply-chain policy check") || strings.Contains(line, "entries that the active policies reject") {
				t.last[l.Vertex] = policies
			}
		}
	}
	for _, v := range s.Vertexes {
		switch code, ended := strings.CutPrefix(v.Error, exitCode); {
		case v.Error != "" && t.last[v.Digest] != "":
			t.fault = t.last[v.Digest]
		case ended && t.fault == "":
			t.fault = stepFailed + code + " " + v.Name
		}
	}
}

// stepFailed stands before the exit code and the name of a step that has told nothing.
const stepFailed = "cannot build: this step failed: "

// exitCode stands before the code with which a step's program has ended.
const exitCode = "exit code: "

// processFailed is what BuildKit says of such a step, with the whole of its command.
var processFailed = regexp.MustCompile(`(?s)^process ".*" did not complete successfully: (` + exitCode + `\d+)$`)

// abridge takes the command, which has text of ours around what was asked for,
// out of the errors of steps: their names say it.
func abridge(s *client.SolveStatus) {
	for _, v := range s.Vertexes {
		v.Error = processFailed.ReplaceAllString(v.Error, "$1")
	}
}
