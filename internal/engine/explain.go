package engine

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// explain is explain, but for a disk that is full: ours, or the builder's.
// Programs do not always say so when it is.
func (e *Engine) explain(ctx context.Context, text, told string) error {
	said := told == outOfRoom || noSpace(text)
	here := e.opts.Builder.embedded()
	switch {
	case here && (said || nearlyFull(e.opts.Root)):
		return errors.Join(fullDisk(e.opts.Root, text), e.local.tidy(context.WithoutCancel(ctx)))
	case said:
		return fault.Cannot("build: no room is left on the disk of the builder %s", e.opts.Builder.Address).
			WithHint("make room there: buildctl prune")
	}
	return explain(text, told)
}

// explain says what BuildKit's error means to the one who reads it. The causes
// arrive as text: they have been through gRPC, also in this process. Told is
// the fault that the failed step itself has told; it may be empty.
func explain(text, told string) error {
	text = strings.TrimPrefix(text, "failed to solve: ")
	for _, k := range tellings() {
		if f := k.fault(told); f != nil {
			return f
		}
	}
	if step, ok := strings.CutPrefix(told, stepFailed); ok {
		return explainStep(step)
	}
	if told != "" {
		return (&fault.Fault{What: told}).WithHint("the step's own output stands above")
	}
	if push, ok := strings.CutPrefix(text, "failed to push "); ok {
		return explainPush(push)
	}
	if err := explainNotLeft(text); err != nil {
		return err
	}
	return fault.Cannot("build: %s", text)
}

// A telling is what a step can have told: all of it, or what stands before a
// name, which goes into the fault then.
type telling struct{ told, named, hint string }

// fault is nil where something else was told.
func (k telling) fault(told string) *fault.Fault {
	name, ok := strings.CutPrefix(told, k.told)
	switch {
	case ok && k.named != "":
		return fault.Cannot(k.named, name).WithHint("%s", k.hint)
	case ok && name == "":
		return (&fault.Fault{What: told}).WithHint("%s", k.hint)
	}
	return nil
}

func tellings() []telling {
	return []telling{
		{policies, "", "why stands above; when you know the entries, or the registry cannot say enough of them, set: workspace: {trust-lockfile: true}"},
		{outdated, "", "what differs stands above; run the install of the package manager, and commit the lock file"},
		{scriptFailed, "install: the install script of %s failed",
			"its output stands above; give it a variable that it reads by env: {NAME: {scope: build, default: VALUE}} and workspace: {env: [NAME]}, or a program by base or tools"},
		{notServed, "install: the registry does not have %s",
			"the lock file says who asks for it: take a version that is there, or name a registry that has it in .npmrc"},
		{notKnown, "install: the registry does not have %s, which pnpm's supply-chain policies ask about",
			"take a package that is there, or name a registry that has it in .npmrc; where it only cannot say enough of it, set: workspace: {trust-lockfile: true}"},
		{ownFailed, "build: the script %s failed",
			"its output stands above; it has the files that workspace.hook-inputs says, and variables by env: {NAME: {scope: build, default: VALUE}} and workspace: {env: [NAME]}"},
	}
}

// explainStep says which step failed, given as its exit code and its name.
func explainStep(step string) error {
	step, file, _ := strings.Cut(step, "\n")
	code, name, _ := strings.Cut(step, " ")
	f := fault.Cannot("build: exit code %s of: %s", code, name).WithHint("the step's own output stands above")
	switch {
	case file != "":
		f.Hint = "its own output stands above; it did not find " + file + ": a step in a package sees that package, those that it depends on and what is in no folder of packages; add what else it reads to its inputs (hook-inputs, where it runs lifecycle scripts)"
	case code == "137":
		f.Hint = "something killed it, as a machine does that is out of memory; the step's own output stands above"
	}
	return f
}

// A NotLeftError is inside what Solve returns for a file that is to be copied
// from what a step has left, and is not there.
type NotLeftError struct{ Path string }

func (e NotLeftError) Error() string { return "no step has left " + e.Path }

// explainNotLeft is nil for any other error.
func explainNotLeft(text string) error {
	m := regexp.MustCompile(`failed to calculate checksum of ref [^ "]+: ("(?:[^"\\]|\\.)*"): not found`).FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	path, err := strconv.Unquote(m[1])
	if err != nil {
		return nil
	}
	return fault.Cannot("build: %w", NotLeftError{path})
}

// explainPush says what was in the way of a push, which is told as NAME: why.
func explainPush(text string) error {
	name, why, _ := strings.Cut(text, ": ")
	host, _, _ := strings.Cut(name, "/")
	f := fault.Cannot("push %s: %s", name, why)
	switch {
	case strings.Contains(why, "401 Unauthorized"), strings.Contains(why, "403 Forbidden"), strings.Contains(why, "authorization failed"):
		f.Hint = "run: docker login " + host
	case strings.Contains(why, "certificate"):
		f.Hint = "name the file of the registry's authority in SSL_CERT_FILE, or put it into " + certsDir + "/" + host
	case strings.Contains(why, "server gave HTTP response to HTTPS client"):
		f.Hint = "for a registry without TLS, write: http://" + name
	case strings.Contains(why, "connection refused"), strings.Contains(why, "no such host"):
		f.Hint = "check the name, the network and its proxy"
	}
	return f
}
