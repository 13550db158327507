package engine

import (
	"errors"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/sandwright/sandwright/internal/fault"
)

// What a step was to leave is named; a text that only looks so is left as it is.
func TestWhatIsNotLeft(t *testing.T) {
	const text = "failed to solve: failed to compute cache key: failed to calculate checksum of ref a1::b2: "
	for given, want := range map[string]string{
		text + `"/home/app/dist": not found`:        "/home/app/dist",
		text + `"/home/a \"b\"/\u00fc": not found`:  `/home/a "b"/ü`,
		text + `"/home/\q": not found`:              "",
		text + `/home/app/dist: not found`:          "",
		`failed to solve: "/home/app/x": not found`: "",
	} {
		var missing NotLeftError
		err := explain(given, "")
		if errors.As(err, &missing) != (want != "") || missing.Path != want {
			t.Errorf("%s: %v", given, err)
		}
	}
}

// A step that says nothing of its failure is named, without the command that
// stands around it.
func TestAStepThatFailsIsNamed(t *testing.T) {
	const process = `process "/bin/sh -euc /bin/sh -ec 'pnpm build'\ncd /home/app\nfor file in \"x\"; do" did not complete successfully: `
	for given, want := range map[string]struct{ shown, what, hint string }{
		process + "exit code: 1":             {"exit code: 1", "cannot build: exit code 1 of: pnpm build in apps/web", "the step's own output stands above"},
		process + "exit code: 137":           {"exit code: 137", "cannot build: exit code 137 of: pnpm build in apps/web", "something killed it, as a machine does that is out of memory; the step's own output stands above"},
		process + "context canceled":         {process + "context canceled", "cannot build: the solve's", ""},
		"failed to fetch: exit code: 1 of x": {"failed to fetch: exit code: 1 of x", "cannot build: the solve's", ""},
	} {
		s := &client.SolveStatus{Vertexes: []*client.Vertex{{Digest: digest.FromString("x"), Name: "pnpm build in apps/web", Error: given}}}
		var told told
		abridge(s)
		told.note(s)
		var f *fault.Fault
		if err := explain("failed to solve: the solve's", told.fault); !errors.As(err, &f) || f.What != want.what || f.Hint != want.hint {
			t.Errorf("%s: %v", given, err)
		}
		if s.Vertexes[0].Error != want.shown {
			t.Errorf("%s: shown as %s", given, s.Vertexes[0].Error)
		}
	}
}

// What a step says of its own failure is the fault of the build; what another
// step says is not.
func TestAStepTellsItsFault(t *testing.T) {
	script := func(line, name string) struct{ by, line, what, hint string } {
		return struct{ by, line, what, hint string }{"failed", line, "cannot install: the install script of " + name + " failed",
			"its output stands above; give it a variable that it reads by env: {NAME: {scope: build, default: VALUE}} and workspace: {env: [NAME]}, or a program by base or tools"}
	}
	gone := func(line, name string) struct{ by, line, what, hint string } {
		return struct{ by, line, what, hint string }{"failed", line, "cannot install: the registry does not have " + name,
			"the lock file says who asks for it: take a version that is there, or name a registry that has it in .npmrc"}
	}
	sought := func(line, file string) struct{ by, line, what, hint string } {
		return struct{ by, line, what, hint string }{"failed", line, "cannot build: exit code 1 of: the step", "its own output stands above; it did not find " + file +
			": a step in a package sees that package, those that it depends on and what is in no folder of packages; add what else it reads to its inputs (hook-inputs, where it runs lifecycle scripts)"}
	}
	unfit := func(line string) struct{ by, line, what, hint string } {
		return struct{ by, line, what, hint string }{"failed", line, outdated, "what differs stands above; run the install of the package manager, and commit the lock file"}
	}
	failed, other := digest.FromString("failed"), digest.FromString("other")
	for name, c := range map[string]struct{ by, line, what, hint string }{
		"our own step": {"failed", "error: cannot find ldd\n", "cannot find ldd", "the step's own output stands above"},
		"pnpm's policies": {"failed", "The lockfile contains entries that the active policies reject. This can mean\n", policies,
			"why stands above; when you know the entries, or the registry cannot say enough of them, set: workspace: {trust-lockfile: true}"},
		"pnpm's policies that found no answer": {"failed", "✗ Lockfile failed supply-chain policy check (484 entries in 6.7s)\nprogress\n[ERR_PNPM_FETCH_404] GET x\n", policies,
			"why stands above; when you know the entries, or the registry cannot say enough of them, set: workspace: {trust-lockfile: true}"},
		"a package that pnpm's policies miss": {"failed", "Lockfile failed supply-chain policy check (484 entries in 6.7s)\n[ERR_PNPM_FETCH_404] GET https://registry.example/@x%2ftyped: Not Found - 404\n\n" +
			"@x/typed is not in the npm registry, or you have no permission to fetch it.\n", "cannot install: the registry does not have @x/typed, which pnpm's supply-chain policies ask about",
			"take a package that is there, or name a registry that has it in .npmrc; where it only cannot say enough of it, set: workspace: {trust-lockfile: true}"},
		"a script of the workspace's own": {"failed", "apps/todo postinstall: Error\napps/todo postinstall: Failed\n ELIFECYCLE  Command failed with exit code 1.\n", "cannot build: the script postinstall of apps/todo failed",
			"its output stands above; it has the files that workspace.hook-inputs says, and variables by env: {NAME: {scope: build, default: VALUE}} and workspace: {env: [NAME]}"},
		"a file that is not there":        sought("Error: Cannot find module '/w/packages/meta/index.json'\n    at y\nError: Cannot find module './later.js'\n", "/w/packages/meta/index.json"),
		"one that tsc misses":             sought("src/a.ts(1,2): error TS2307: Cannot find module '../../meta/x' or its corresponding type declarations.\n", "../../meta/x"),
		"one that tsc asks for":           sought("error TS6053: File '/w/tsconfig.base.json' not found.\n", "/w/tsconfig.base.json"),
		"one that is opened":              sought("Error: ENOENT: no such file or directory, open '/w/LICENSE'\n", "/w/LICENSE"),
		"one of a package":                {"failed", "Error: Cannot find module '/w/node_modules/x/y.js'\nError: Cannot find module 'x'\n", "cannot build: exit code 1 of: the step", "the step's own output stands above"},
		"one before what counts":          gone("Error: Cannot find module './x.js'\n[ERR_PNPM_FETCH_404] GET https://registry.example/x/-/x-1.0.0.tgz: Not Found - 404\n", "x@1.0.0"),
		"what a script of the own prints": {"failed", "apps/todo postinstall: x prepare: Failed\n", "cannot build: exit code 1 of: the step", "the step's own output stands above"},
		"a script that pnpm ran":          script(".../node_modules/@x/chromium install: Failed\n", "@x/chromium"),
		"a script that yarn ran":          script("➤ YN0009: │ sharp@npm:0.33.0 couldn't be built successfully (exit code 1, logs can be found here: /tmp/x)\n", "sharp"),
		"a script that bun ran":           script("error: postinstall script from \"sharp\" exited with 1\n", "sharp"),
		"what a script says":              {"failed", ".../node_modules/x install: Failed to load, trying again\n", "cannot build: exit code 1 of: the step", "the step's own output stands above"},
		"a package that pnpm misses":      gone("[ERR_PNPM_FETCH_404] GET https://registry.example/@x/size-checker/-/size-checker-1.0.9-canary.88.tgz: Not Found - 404\n", "@x/size-checker@1.0.9-canary.88"),
		"one that npm misses":             gone("npm error 404 Not Found - GET https://registry.example/npm/is-3d/-/is-3d-2.0.0.tgz - not found\n", "is-3d@2.0.0"),
		"one that bun misses":             gone("error: GET https://registry.example/@x%2fy/-/y-1.0.0.tgz - 404\n", "@x/y@1.0.0"),
		"one that yarn misses":            gone("error Error: https://registry.example/x/-/x-1.0.404.tgz: Request failed \"404 Not Found\"\n", "x@1.0.404"),
		"a version that has 404":          {"failed", "GET https://registry.example/x/-/x-1.0.404.tgz: 500\n", "cannot build: exit code 1 of: the step", "the step's own output stands above"},
		"a lock that does not fit pnpm":   unfit("[ERR_PNPM_OUTDATED_LOCKFILE] Cannot install with \"frozen-lockfile\"\n"),
		"one of another pnpm":             unfit("ERR_PNPM_FROZEN_LOCKFILE_WITH_OUTDATED_LOCKFILE  Cannot perform a frozen installation\n"),
		"one with other settings":         unfit("ERR_PNPM_LOCKFILE_CONFIG_MISMATCH  Cannot proceed with the frozen installation.\n"),
		"one that does not fit npm":       unfit("npm error `npm ci` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync.\n"),
		"yarn classic":                    unfit("error Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`.\n"),
		"yarn":                            unfit("➤ YN0028: │ The lockfile would have been modified by this install, which is explicitly forbidden.\n"),
		"bun":                             unfit("error: lockfile had changes, but lockfile is frozen\n"),
		"another step":                    {"other", "error: cannot find ldd\n", "cannot build: exit code 1 of: the step", "the step's own output stands above"},
		"a usual error":                   {"failed", "error: something else\n", "cannot build: exit code 1 of: the step", "the step's own output stands above"},
	} {
		by := map[string]digest.Digest{"failed": failed, "other": other}[c.by]
		var told told
		told.note(&client.SolveStatus{Logs: []*client.VertexLog{{Vertex: by, Data: []byte("before\n" + c.line)}}})
		told.note(&client.SolveStatus{Vertexes: []*client.Vertex{{Digest: failed, Name: "the step", Error: "exit code: 1"}}})
		var f *fault.Fault
		if err := explain("failed to solve: exit code: 1", told.fault); !errors.As(err, &f) || f.What != c.what || f.Hint != c.hint {
			t.Errorf("%s: %v", name, err)
		}
	}
}
