package lock

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const header = "# Made by sandwright lock. Review and commit it; do not edit it.\n"

// Format writes l: sorted, one block a tool with an empty line before it, one
// line a package, so that changes of two tools merge.
func Format(l *Lock) []byte {
	w := &writer{}
	w.WriteString(header)
	w.line(0, "version: %d", l.Version)
	if l.Manager != "" {
		w.line(0, "manager: %s", scalar(l.Manager))
	}
	if l.Base.Source != "" {
		w.WriteString("\nbase:\n")
		w.base(l.Base)
	}
	if len(l.Tools) > 0 {
		w.WriteString("\ntools:\n")
	}
	for i, name := range slices.Sorted(maps.Keys(l.Tools)) {
		if i > 0 {
			w.WriteByte('\n')
		}
		w.line(1, "%s:", scalar(name))
		w.tool(name, l.Tools[name])
	}
	return w.Bytes()
}

// A writer writes lines, two spaces a level.
type writer struct{ bytes.Buffer }

func (w *writer) line(level int, format string, args ...any) {
	w.WriteString(strings.Repeat("  ", level))
	fmt.Fprintf(w, format+"\n", args...)
}

// text writes a key of a tool's platform, whose value may be none.
func (w *writer) text(key, value string) {
	if value != "" {
		w.line(3, "%s: %s", key, scalar(value))
	}
}

func (w *writer) base(base Base) {
	w.line(1, "source: %s", scalar(base.Source))
	w.line(1, "inputs: %s", base.Inputs)
	for _, platform := range slices.Sorted(maps.Keys(base.Systems)) {
		system := base.Systems[platform]
		w.line(1, "%s:", scalar(platform))
		w.system(system)
		w.line(2, "digest: %s", system.digest(platform))
	}
}

func (w *writer) system(s System) {
	if s.Image != "" {
		w.line(2, "image: %s", s.Image)
	} else {
		w.packages(s)
	}
	w.evidence(2, s.Evidence)
}

func (w *writer) packages(system System) {
	w.line(2, "releases:")
	for _, r := range sortedReleases(system.Releases) {
		w.line(3, "- %s sha256:%s", r.Suite, r.SHA256)
	}
	w.line(2, "packages:")
	for _, d := range sortedDebs(system.Packages) {
		w.line(3, "- %s", d.line())
	}
}

func (w *writer) tool(name string, t Tool) {
	w.line(2, "source: %s", scalar(t.Source))
	w.line(2, "inputs: %s", t.Inputs)
	w.line(2, "version: %s", scalar(t.Version))
	for _, platform := range slices.Sorted(maps.Keys(t.Platforms)) {
		w.line(2, "%s:", scalar(platform))
		w.artifact(t.Platforms[platform])
		w.line(3, "digest: %s", t.Platforms[platform].digest(name, platform))
	}
}

func (w *writer) artifact(a Artifact) {
	w.text("package", a.Package)
	w.line(3, "version: %s", scalar(a.Version))
	w.text("released", a.Released)
	w.text("image", a.Image)
	w.list(3, "urls", a.URLs)
	w.line(3, "packed: %s", a.Packed)
	w.text("root", a.Root)
	w.line(3, "size: %d", a.Size)
	w.line(3, "sha256: %s", a.SHA256)
	w.line(3, "sha512: %s", a.SHA512)
	w.line(3, "files: %d", a.Files)
	w.line(3, "unpacked: %d", a.Unpacked)
	w.line(3, "tree: %s", a.Tree)
	w.list(3, "keep", a.Keep)
	w.dict(3, "scripts", a.Scripts)
	w.dict(3, "bin", a.Bin)
	if len(a.Closure) > 0 {
		w.line(3, "closure:")
	}
	for _, d := range sortedClosure(a.Closure) {
		w.line(4, "- %s", d.line())
	}
	w.evidence(3, a.Evidence)
}

func (w *writer) list(level int, key string, items []string) {
	if len(items) == 0 {
		return
	}
	w.line(level, "%s:", key)
	for _, item := range items {
		w.line(level+1, "- %s", scalar(item))
	}
}

func (w *writer) dict(level int, key string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	w.line(level, "%s:", key)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		w.line(level+1, "%s: %s", scalar(name), scalar(m[name]))
	}
}

func (w *writer) evidence(level int, list []Evidence) {
	if len(list) > 0 {
		w.line(level, "evidence:")
	}
	for _, e := range sortedEvidence(list) {
		text := fmt.Sprintf("kind: %s, verdict: %s", scalar(e.Kind), e.Verdict)
		if e.Identity != "" {
			text += ", identity: " + strconv.Quote(e.Identity)
		}
		if e.Issuer != "" {
			text += ", issuer: " + strconv.Quote(e.Issuer)
		}
		if e.Key != "" {
			text += ", key: " + strconv.Quote(e.Key)
		}
		if e.Proof != "" {
			text += ", proof: " + strconv.Quote(e.Proof)
		}
		w.line(level+1, "- {%s}", text)
	}
}

// line is a package as the lock has it, such as
// "libc6 2.36-9+deb12u14 amd64 2759320 sha256:ba4f…".
func (d Deb) line() string {
	return fmt.Sprintf("%s %s %s %d sha256:%s", d.Name, d.Version, d.Arch, d.Size, d.SHA256)
}

// line is a package of a closure, such as
// "node_modules/a a 1.0.0 2759320 sha512:ba4f…", and signed:PROOF.
func (d Dependency) line() string {
	text := fmt.Sprintf("%s %s %s %d sha512:%s", d.Path, d.Name, d.Version, d.Size, d.SHA512)
	if d.Proof != "" {
		text += " signed:" + d.Proof
	}
	return text
}

func sortedDebs(debs []Deb) []Deb {
	return slices.SortedFunc(slices.Values(debs), func(a, b Deb) int { return cmp.Compare(a.Name, b.Name) })
}

func sortedReleases(releases []Release) []Release {
	return slices.SortedFunc(slices.Values(releases), func(a, b Release) int { return cmp.Compare(a.Suite, b.Suite) })
}

func sortedClosure(list []Dependency) []Dependency {
	return slices.SortedFunc(slices.Values(list), func(a, b Dependency) int { return cmp.Compare(a.Path, b.Path) })
}

func sortedEvidence(list []Evidence) []Evidence {
	return slices.SortedFunc(slices.Values(list), func(a, b Evidence) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Identity, b.Identity), cmp.Compare(a.Verdict, b.Verdict))
	})
}

// plain matches what needs no quotes in YAML.
var plain = patternOf(`^[A-Za-z0-9/][A-Za-z0-9._/@+~-]*(:[A-Za-z0-9._/@+~-]+)*$`)

// other matches what YAML takes for something else than a text.
var other = patternOf(`^([0-9]+(\.[0-9]+)?|true|false|null|[yY]es|[nN]o|[oO]n|[oO]ff)$`)

func scalar(s string) string {
	if plain().MatchString(s) && !other().MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}
