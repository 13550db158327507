package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// variables declares some of every scope, and looks who has seen them: a build
// step those of its own, a service those declared for it.
func variables(t *testing.T, b *box) {
	before, err := os.ReadFile(filepath.Join(b.dir, "sandwright.yaml"))
	must(t, err)
	defer func() {
		b.write(t, "sandwright.yaml", string(before))
		must(t, errors.Join(os.Remove(filepath.Join(b.dir, ".env")), os.Remove(filepath.Join(b.dir, ".env.prod"))))
	}()
	b.edit(t, "sandwright.yaml", "\nenv:\n", `
env:
  BUILD_PLAIN: {scope: build, default: built}
  BUILD_SECRET: {scope: build, secret: true, required: true}
  BOTH: {scope: [build, run], type: enum, values: [dev, prod], default: dev}
  RUN_SECRET: {secret: true, required-if: {BOTH: prod}, services: [`+daemon+`]}
  RUN_EVERYWHERE: {default-from: BOTH}
  PUBLISH_SECRET: {scope: publish, secret: true}
  SHARED_DIR: {type: path, kind: dir, default: /tmp}
`)
	b.edit(t, "sandwright.yaml", "\n  build:\n", "\n  build:\n    - {run: \"env | cut -d= -f1 > seen-by-build; echo $BOTH >> seen-by-build\", env: [BUILD_PLAIN, BUILD_SECRET, BOTH]}\n")
	b.edit(t, "sandwright.yaml", "    dir: services/"+serviceA+"\n", "    dir: services/"+serviceA+"\n    env: {OWN: {type: int, required: true}, RUN_EVERYWHERE: fixed}\n")
	b.write(t, ".env", "BOTH=dev\nOWN=1\n")
	b.write(t, ".env.prod", "BOTH=prod\nOWN=2\n")
	given := func(args ...string) []string {
		return append(args, "--stage", "prod", "--secret", "BUILD_SECRET=exec:echo sesame-build", "--env", "RUN_SECRET=sesame-run", "--env", "PUBLISH_SECRET=sesame-publish")
	}
	_, v := b.up(t, given("--recreate")...)
	seen := map[string]string{}
	out, _, _ := b.run(t, "exec", "cat", "seen-by-build")
	seen["the build"] = out
	for _, s := range v.Services {
		out, stderr, code := b.run(t, "exec", "sh", "-c", fmt.Sprintf("tr '\\0' '\\n' < /proc/%d/environ", s.PID))
		if code != 0 {
			t.Errorf("%s: %s", s.Service, stderr)
		}
		seen[s.Service] = out
	}
	for who, lines := range map[string]string{
		"the build": "BUILD_PLAIN BUILD_SECRET BOTH prod -RUN_SECRET -RUN_EVERYWHERE -PUBLISH_SECRET -SHARED_DIR -OWN",
		daemon:      "BOTH=prod RUN_SECRET=sesame-run RUN_EVERYWHERE=prod SHARED_DIR=/tmp -OWN -BUILD_PLAIN -BUILD_SECRET -PUBLISH_SECRET",
		serviceA:    "BOTH=prod RUN_EVERYWHERE=fixed OWN=2 -RUN_SECRET -BUILD_PLAIN -BUILD_SECRET -PUBLISH_SECRET -PORT",
		serviceB:    "BOTH=prod RUN_EVERYWHERE=prod -RUN_SECRET -OWN -BUILD_SECRET -PUBLISH_SECRET",
	} {
		text := "\n" + seen[who]
		for line := range strings.FieldsSeq(lines) {
			name, absent := strings.CutPrefix(line, "-")
			if absent && strings.Contains(text, "\n"+name) || !absent && !strings.Contains(text, "\n"+line+"\n") {
				t.Errorf("%s: %s in\n%s", who, line, text)
			}
		}
	}
	refusedInTheBox(t, b, given)
}

// refusedInTheBox holds PID 1 to what only it can see: nothing starts.
func refusedInTheBox(t *testing.T, b *box, given func(...string) []string) {
	b.edit(t, "sandwright.yaml", "default: /tmp}", "default: /nowhere}")
	out, stderr, code := b.run(t, given("up", "--publish-all", "--recreate")...)
	const want = `cannot use SHARED_DIR from default: "/nowhere" is not an absolute path to a folder that exists`
	if code != 78 || !strings.Contains(stderr, want) || strings.Contains(stderr+out, "sesame") {
		t.Errorf("up ended with %d:\n%s%s", code, stderr, out)
	}
	if ps, _, code := b.run(t, "ps", "--json"); code == 0 && strings.Contains(ps, daemon) {
		t.Errorf("something runs:\n%s", ps)
	}
	b.edit(t, "sandwright.yaml", "default: /nowhere}", "default: /tmp}")
	b.up(t, given("--recreate")...)
}
