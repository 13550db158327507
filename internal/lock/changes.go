package lock

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Change is what became of the base or of one tool between two locks.
type Change struct {
	Name  string   `json:"name"`            // of the tool, or base
	From  string   `json:"from,omitempty"`  // what it was; empty: not pinned
	To    string   `json:"to,omitempty"`    // what it is; empty: no longer pinned
	Lines []string `json:"lines,omitempty"` // in detail
}

// String is the change as people read it, in several lines.
func (c Change) String() string {
	var head string
	switch {
	case c.From == "":
		head = fmt.Sprintf("%s: %s, new", c.Name, c.To)
	case c.To == "":
		head = fmt.Sprintf("%s: %s, no longer pinned", c.Name, c.From)
	case c.From == c.To:
		head = fmt.Sprintf("%s: %s, changed", c.Name, c.To)
	default:
		head = fmt.Sprintf("%s: %s -> %s", c.Name, c.From, c.To)
	}
	return strings.Join(append([]string{head}, c.Lines...), "\n  ") + "\n"
}

// Compare lists what differs between two locks: the base, then tools by name.
func Compare(old, next *Lock) (changes []Change) {
	add := func(c Change) {
		if c.From != c.To || len(c.Lines) > 0 {
			changes = append(changes, c)
		}
	}
	base := Change{Name: "base", From: old.Base.Source, To: next.Base.Source}
	for _, platform := range keysOf(old.Base.Systems, next.Base.Systems) {
		base.Lines = append(base.Lines, compareSystems(platform, old.Base.Systems, next.Base.Systems)...)
	}
	add(base)
	for _, name := range keysOf(old.Tools, next.Tools) {
		was, is := old.Tools[name], next.Tools[name]
		c := Change{Name: name, From: was.Version, To: is.Version}
		if was.Source != is.Source && was.Source != "" && is.Source != "" {
			c.Lines = append(c.Lines, fmt.Sprintf("source %s -> %s", was.Source, is.Source))
		}
		for _, platform := range keysOf(was.Platforms, is.Platforms) {
			if line := compareArtifacts(was.Platforms, is.Platforms, platform); line != "" {
				c.Lines = append(c.Lines, platform+": "+line)
			}
		}
		add(c)
	}
	return changes
}

// keysOf are the keys of either map, sorted.
func keysOf[V any](a, b map[string]V) []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(all)
	return slices.Compact(all)
}

func compareSystems(platform string, old, next map[string]System) []string {
	was, had := old[platform]
	is, has := next[platform]
	switch {
	case !has:
		return []string{platform + ": no longer pinned"}
	case !had && is.Image != "":
		return []string{fmt.Sprintf("%s: image sha256:%s, evidence %s", platform, is.Image, vouched(is.Evidence))}
	case !had:
		return []string{fmt.Sprintf("%s: %d packages", platform, len(is.Packages))}
	case was.Image != "" || is.Image != "":
		parts := []string{moved("image", orNone(was.Image), orNone(is.Image)), moved("evidence", vouched(was.Evidence), vouched(is.Evidence))}
		if line := strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", "); line != "" {
			return []string{platform + ": " + line}
		}
		return nil
	}
	a, b := debsByName(was.Packages), debsByName(is.Packages)
	var lines []string
	for _, name := range keysOf(a, b) {
		if line := moved("", a[name].text(), b[name].text()); line != "" {
			lines = append(lines, fmt.Sprintf("%s: %s%s", platform, name, line))
		}
	}
	return lines
}

func debsByName(list []Deb) map[string]Deb {
	out := map[string]Deb{}
	for _, d := range list {
		out[d.Name] = d
	}
	return out
}

// text is what is shown of a package: two of one version differ by their hash.
func (d Deb) text() string {
	if d.Name == "" {
		return ""
	}
	return fmt.Sprintf("%s (sha256:%.12s)", d.Version, d.SHA256)
}

// compareArtifacts says in one line what became of a tool on a platform; empty
// when nothing did.
func compareArtifacts(old, next map[string]Artifact, platform string) string {
	was, had := old[platform]
	is, has := next[platform]
	if !has {
		return "no longer pinned"
	}
	if had && describes(was) == describes(is) {
		return ""
	}
	parts := []string{
		moved("", nonEmpty(had, was.Package+"@"+was.Version), is.Package+"@"+is.Version),
		moved(" size", nonEmpty(had, megabytes(was.Size)), megabytes(is.Size)),
		moved(" files", nonEmpty(had, fmt.Sprintf("%d", was.Files)), fmt.Sprintf("%d", is.Files)),
		moved(" unpacked", nonEmpty(had, megabytes(was.Unpacked)), megabytes(is.Unpacked)),
		moved(" scripts", nonEmpty(had, scripts(was)), scripts(is)),
		moved(" dependencies", nonEmpty(had, fmt.Sprintf("%d", len(was.Closure))), fmt.Sprintf("%d", len(is.Closure))),
		moved(" evidence", nonEmpty(had, was.Vouched()), is.Vouched()),
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	if len(parts) > 0 {
		return strings.TrimSpace(strings.Join(parts, ","))
	}
	switch {
	case was.SHA256 != is.SHA256:
		return fmt.Sprintf("sha256 %.12s -> %.12s", was.SHA256, is.SHA256)
	case was.Tree != is.Tree:
		return fmt.Sprintf("unpacked tree %.12s -> %.12s", was.Tree, is.Tree)
	}
	return "the same bytes, and more or less on record about them"
}

// describes is an artifact as the lock has it.
func describes(a Artifact) string {
	w := &writer{}
	w.artifact(a)
	return w.String()
}

func nonEmpty(is bool, s string) string {
	if !is {
		return ""
	}
	return s
}

// moved says how a value changed; empty when it did not.
func moved(what, was, is string) string {
	switch {
	case was == is:
		return ""
	case was == "":
		return fmt.Sprintf("%s %s", what, is)
	case is == "":
		return fmt.Sprintf("%s %s -> none", what, was)
	}
	return fmt.Sprintf("%s %s -> %s", what, was, is)
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// scripts lists the lifecycle scripts of an artifact, which never run.
func scripts(a Artifact) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(a.Scripts)) {
		out = append(out, fmt.Sprintf("%s %q", name, a.Scripts[name]))
	}
	return orNone(strings.Join(out, ", "))
}

// Vouched says in words who vouches for an artifact: "integrity only" where
// nobody's signature can be verified again, and after it who had the same
// bytes on a list. What is absent is not said.
func (a Artifact) Vouched() string { return vouched(a.Evidence) }

func vouched(list []Evidence) string {
	text := cmp.Or(said(list, Verified), integrityOnly)
	if listed := said(list, Listed); listed != "" {
		text += ", as listed by " + listed
	}
	return text
}

// integrityOnly is said where nothing but hashes is known.
const integrityOnly = "integrity only"

// said lists the evidence of one verdict.
func said(list []Evidence, verdict Verdict) string {
	var out []string
	for _, e := range sortedEvidence(list) {
		if e.Verdict != verdict {
			continue
		}
		text := e.Kind
		for _, part := range []string{e.Identity, e.Key} {
			if part != "" {
				text += " " + part
			}
		}
		if e.Issuer != "" {
			text += " (" + e.Issuer + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}
