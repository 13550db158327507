package engine

import (
	"path"
	"regexp"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// A told is what the failed step of a build said of it itself, as our own
// steps do: a line that starts with "error: cannot ".
type told struct {
	last  map[digest.Digest]string // by step
	fault string                   // of the step that failed; without "error: "
}

// outdated stands for an install that would have to write the lock file.
const outdated = "cannot install: the lock file does not fit the manifests"

// lockOutdated is how pnpm, npm, yarn classic, yarn and bun say so.
var lockOutdated = regexp.MustCompile("ERR_PNPM_(?:FROZEN_LOCKFILE_WITH_)?OUTDATED_LOCKFILE|ERR_PNPM_LOCKFILE_CONFIG_MISMATCH|npm (?:error|ERR!) `npm ci` can only install packages when your package.json|" +
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

// ownScript is what pnpm says of a script of the workspace's own package that
// failed: its folder, and the script.
var ownScript = regexp.MustCompile(`^([\w@.~+/-]+) ((?:pre|post)?(?:install|prepare)): Failed\s*$`)

// ownFailed stands before the script and the folder of a package of the
// workspace's own whose lifecycle script failed.
const ownFailed = "cannot build: this lifecycle script failed: "

// notKnown stands before the package that pnpm's supply-chain policies ask
// about, and the registry has not.
const notKnown = "cannot install: the registry does not know this package: "

// unknown is what pnpm prints of a package of which the registry knows nothing.
var unknown = regexp.MustCompile(`^((?:@[\w.~-]+/)?[\w.~-]+) is not in the npm registry, or you have no permission to fetch it`)

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

// notFound stands before a file that a step has not found. It is a hint alone:
// many a program looks for files that need not be there.
const notFound = "cannot find a file: "

// lookedFor is how node, bundlers and compilers say so, around the path.
var lookedFor = regexp.MustCompile(`(?:Cannot find module|Cannot read file|ENOENT: no such file or directory, \w+|Could not resolve|[Cc]annot resolve|Can't resolve|File) ['"]((?:/|\.\.?/)[^'"\s]+)['"]`)

// soughtFile gives the file that a line says is not there, unless it is one of a
// package that an install brings.
func soughtFile(line string) string {
	m := lookedFor.FindStringSubmatch(line)
	if m == nil || strings.Contains(m[1], "node_modules/") || strings.Contains(m[0], "File ") && !strings.Contains(line, " not found") {
		return ""
	}
	return m[1]
}

func (t *told) note(s *client.SolveStatus) {
	if t.last == nil {
		t.last = map[digest.Digest]string{}
	}
	for _, l := range s.Logs {
		for line := range strings.Lines(string(l.Data)) {
			t.last[l.Vertex] = heard(line, t.last[l.Vertex])
		}
	}
	for _, v := range s.Vertexes {
		file, sought := strings.CutPrefix(t.last[v.Digest], notFound)
		switch code, ended := strings.CutPrefix(v.Error, exitCode); {
		case v.Error != "" && t.last[v.Digest] != "" && !sought:
			t.fault = t.last[v.Digest]
		case ended && t.fault == "":
			t.fault = stepFailed + code + " " + v.Name + "\n" + file
		}
	}
}

// heard is the fault that a step has told after one more line of its output.
// What package managers say counts only where nothing was told before.
func heard(line, before string) string {
	text, ours := strings.CutPrefix(strings.TrimSpace(line), "error: ")
	switch {
	case ours && strings.HasPrefix(text, "cannot "):
		return text
	case noSpace(line):
		return outOfRoom
	case strings.Contains(line, "Lockfile failed supply-chain policy check"), strings.Contains(line, "entries that the active policies reject"):
		return policies
	case before == policies && unknown.MatchString(line):
		return notKnown + unknown.FindStringSubmatch(line)[1]
	case before != "" && !strings.HasPrefix(before, notFound):
		return before
	}
	if lockOutdated.MatchString(line) {
		return outdated
	}
	if name := failedScript(line); name != "" {
		return scriptFailed + name
	}
	if name := missing(line); name != "" {
		return notServed + name
	}
	if m := ownScript.FindStringSubmatch(line); m != nil && !strings.Contains(m[1], "node_modules/") {
		return ownFailed + m[2] + " of " + m[1]
	}
	if file := soughtFile(line); file != "" && before == "" {
		return notFound + file
	}
	return before
}

// stepFailed stands before the exit code and the name of a step that has told
// nothing, and, in a second line, the file that it has not found.
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
