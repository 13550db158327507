package semver

import (
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func versions() []string {
	return []string{
		"0.0.0", "0.0.1", "0.0.2", "0.1.0", "0.1.1", "0.2.0", "1.0.0-0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta",
		"1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.2.3-rc.1", "1.2.3", "1.2.10", "1.9.0", "1.10.0",
		"2.0.0-0", "2.0.0-alpha", "2.0.0", "2.0.1+build.5", "2.1.0", "3.0.0", "10.28.0", "10.28.1-next", "11.0.0", "9007199254740991.0.0",
	}
}

func constraints() []string {
	return []string{
		"1.2.3", "=1.2.3", "v1.2.3", "1.2.3-rc.1", "^1.2.3", "^1.2", "^1", "^0.1.0", "^0.0.1", "^0.0", "^0", "~1.2.3", "~1.2", "~1", "~0.1", "~>1.2",
		"1.x", "1.2.x", "1", "1.2", "*", "x", ">=1.2.3", ">1.2", ">1", "<2", "<=1.2", "<=1", ">=1.2", "<1.2.3", ">1.2.3 <2", ">=1.2.3 <1.10.0 || ^3",
		"1.2.3 - 2", "1.2 - 2.0.0", "1 - 1.2", "^1.0.0-alpha", "~1.0.0-beta.2", ">=1.0.0-rc.1 <2.0.0", ">=1.0.0-alpha", "^2.0.0-0", "> 1.2.3", "^ 1.2.3",
		"1.2.3 || 2.0.0", ">x", "<*", ">=*", "<=x", "^*", "~x", "1.2.3+build", "^1.2.3+x", "=1", "=1.2", "1.X.*", ">=1 <1.2.3-rc.2", "10.x", "^10.28",
	}
}

func TestOrder(t *testing.T) {
	list := versions()
	for i, a := range list {
		for j, b := range list {
			if got, want := parse(t, a).Compare(parse(t, b)), min(1, max(-1, i-j)); got != want {
				t.Errorf("%s against %s: %d, want %d", a, b, got, want)
			}
		}
	}
	if parse(t, "1.0.0+a").Compare(parse(t, "1.0.0+b")) != 0 {
		t.Error("build metadata counts")
	}
}

func parse(t *testing.T, text string) Version {
	t.Helper()
	v, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.02.3", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3+", " 1.2.3", "1.2.3 ", "1.2.x", "-1.2.3",
		"99999999999999999999.0.0", "1.2.3-" + strings.Repeat("a", 300),
	} {
		if v, err := Parse(text); !errors.Is(err, ErrVersion) {
			t.Errorf("%q is %+v, %v", text, v, err)
		}
	}
	for _, text := range []string{
		"", " ", "latest", "a.b.c", "1.2.3.4", "^", ">=", "1.2.3 ||", "|| 1", "01.2.3", "1.2-rc", "1.2.3 - ", ">>1", "^^1", "1..2", "=>1", "1.2.3,2", strings.Repeat("1 ", 300),
	} {
		if c, err := ParseConstraint(text); !errors.Is(err, ErrConstraint) {
			t.Errorf("%q is %+v, %v", text, c, err)
		}
	}
}

func TestExact(t *testing.T) {
	for text, want := range map[string]bool{"1.2.3": true, "1.2.3-rc.1": true, "^1.2.3": false, "1.2": false, "=1.2.3": false, "1.2.3 || 2.0.0": false} {
		c, err := ParseConstraint(text)
		if err != nil || c.Exact() != want {
			t.Errorf("%s: %v, %v", text, c.Exact(), err)
		}
	}
}

func TestAllows(t *testing.T) {
	for text, want := range map[string]string{
		"^1.2.3": "1.2.3 1.2.10 1.9.0 1.10.0", "~1.2": "1.2.0 1.2.3 1.2.10", "^0.1.0": "0.1.0 0.1.1", "10.x": "10.28.0",
		">=1.0.0-rc.1 <1.2": "1.0.0-rc.1 1.0.0 1.0.1", "<0.0.2 || 3.0.0": "0.0.0 0.0.1 3.0.0",
	} {
		var got []string
		c, err := ParseConstraint(text)
		for _, v := range versions() {
			if err == nil && c.Allows(parse(t, v)) {
				got = append(got, v)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s allows %v, want %s (%v)", text, got, want, err)
		}
	}
}

// TestAgainstNPM holds every constraint against npm's own semver.
func TestAgainstNPM(t *testing.T) {
	script := `
const {execPath} = process, path = require("path"), fs = require("fs");
const npm = fs.realpathSync(process.argv[1]);
let dir = path.dirname(npm), semver;
for (const p of [path.join(dir, "../node_modules/semver"), "/usr/share/nodejs/semver", path.join(dir, "../../semver")])
  try { semver = require(p); break } catch {}
const [versions, ranges] = JSON.parse(fs.readFileSync(0));
console.log(JSON.stringify(ranges.map(r => versions.filter(v => semver.satisfies(v, r)))));`
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Fatal("cannot compare with npm: it is not installed; run: scripts/setup.sh test")
	}
	in, err := json.Marshal([][]string{versions(), constraints()})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "-e", script, npm)
	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("npm's semver: %v", err)
	}
	var want [][]string
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	for i, text := range constraints() {
		c, err := ParseConstraint(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		got := slices.DeleteFunc(versions(), func(v string) bool { return !c.Allows(parse(t, v)) })
		if !slices.Equal(got, want[i]) {
			t.Errorf("%s allows %v, and npm %v", text, got, want[i])
		}
	}
}

func FuzzConstraint(f *testing.F) {
	for _, c := range constraints() {
		f.Add(c, "1.2.3")
	}
	f.Fuzz(func(t *testing.T, constraint, version string) {
		v, err := Parse(version)
		c, bad := ParseConstraint(constraint)
		if err != nil || bad != nil {
			return
		}
		if v.Compare(v) != 0 {
			t.Fatalf("%s is not itself", version)
		}
		if c.Exact() && c.Allows(v) && v != parseOf(constraint) {
			t.Fatalf("%s allows %s", constraint, version)
		}
	})
}

func parseOf(text string) Version {
	v, _ := Parse(text)
	return v
}
