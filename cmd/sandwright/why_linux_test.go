package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A reason is a layer of what why --json prints.
type reason struct {
	Layer     string
	Rebuilt   bool
	SendBytes *int64
	Causes    []struct{ File, Field, Change, From, To string }
}

// reasons asks why, and gives the layers and those of them that are made again.
func (b *box) reasons(t *testing.T, args ...string) (all []reason, again []string) {
	t.Helper()
	out, stderr, code := b.run(t, append([]string{"why", "--json"}, args...)...)
	var answer struct{ Layers []reason }
	if err := json.Unmarshal([]byte(out), &answer); err != nil || code != 0 {
		t.Fatalf("%d, %v: %s%s", code, err, out, stderr)
	}
	for _, l := range answer.Layers {
		if l.Rebuilt {
			again = append(again, l.Layer)
		}
	}
	return answer.Layers, again
}

// why is asked before each edit is built, and the build does what it said.
func why(t *testing.T, b *box) {
	if _, again := b.reasons(t); len(again) > 0 {
		t.Errorf("nothing has changed, and made again are %q", again)
	}
	steps := map[string]string{"install the workspace's dependencies": "install", "copy git": "repository"}
	for _, tt := range []struct{ file, from, to, layer, cause string }{
		{"apps/daemon/server/extra.js", "", "// more\n", "source what differs from the commit", `^apps/daemon/server/extra.js added$`},
		{"apps/daemon/package.json", `"dependencies": {`, `"engines": {"node": ">=20"}, "dependencies": {`, "install", `^engines.node >=20 added in apps/daemon/package.json$`},
		{"sandwright.yaml", "port: 3002", "port: 3002\n    umask: \"0022\"", "services", `^services.example-service-b-depends-on-a.limits .* in sandwright.yaml$`},
	} {
		if tt.from == "" {
			b.write(t, tt.file, tt.to)
		} else {
			b.edit(t, tt.file, tt.from, tt.to)
		}
		_, again := b.reasons(t)
		if slices.Contains(again, "build 1") != strings.HasPrefix(tt.file, "apps/daemon/") {
			t.Errorf("%s: made again are %q", tt.file, again)
		}
		out, stderr, _ := b.run(t, "why", tt.layer)
		cause := ""
		if lines := strings.Split(out, "\n"); len(lines) > 1 {
			cause = lines[1][strings.Index(lines[0], "WHY"):]
		}
		if !regexp.MustCompile(tt.cause).MatchString(cause) {
			t.Errorf("%s: the cause is %q\n%s%s", tt.file, cause, out, stderr)
		}
		_, progress, code := b.run(t, "build")
		if code != 0 {
			t.Fatal(tail(progress))
		}
		if !strings.Contains(progress, tt.layer+" is made again: "+cause[:10]) {
			t.Errorf("the build does not say why %s is made again:\n%s", tt.layer, tail(progress))
		}
		for step, layer := range steps {
			ran := !regexp.MustCompile(`(?m)^#(\d+) ` + regexp.QuoteMeta(step) + `\n#\d+ CACHED$`).MatchString(progress)
			if ran != slices.Contains(again, layer) {
				t.Errorf("%s: %s ran: %t, and why said %q", tt.file, layer, ran, again)
			}
		}
		if _, left := b.reasons(t); len(left) > 0 {
			t.Errorf("%s is built, and made again are %q", tt.file, left)
		}
	}
	_, again := b.reasons(t, "--against", "sandbox:iterate-sandbox")
	for _, layer := range []string{"install", "source what differs from the commit", "services"} {
		if !slices.Contains(again, layer) {
			t.Errorf("against what runs, made again are %q", again)
		}
	}
	if out, stderr, code := b.run(t, "why", "instal"); code != 2 || !strings.Contains(stderr, "did you mean install?") {
		t.Errorf("%d: %s%s", code, out, stderr)
	}
	b.up(t)
	if _, again := b.reasons(t, "--against", "sandbox:iterate-sandbox"); len(again) > 0 {
		t.Errorf("against what runs, made again are %q", again)
	}
	if out, _, _ := b.run(t, "__complete", "why", ""); !strings.Contains(out, "\ntool node\n") || !strings.Contains(out, "install\n") {
		t.Errorf("completed with %s", out)
	}
}
