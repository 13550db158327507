package lock

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const header = "# Made by sandwright lock. Do not edit.\n"

// Format writes l: sorted, one block a tool, one line a package.
func Format(l *Lock) []byte {
	var b bytes.Buffer
	b.WriteString(header)
	fmt.Fprintf(&b, "version: %d\n", l.Version)
	if l.Base.Suite != "" {
		b.WriteString("base:\n")
		formatBase(&b, l.Base)
	}
	if len(l.Tools) > 0 {
		b.WriteString("tools:\n")
	}
	for _, name := range slices.Sorted(maps.Keys(l.Tools)) {
		fmt.Fprintf(&b, "  %s:\n", scalar(name))
		formatTool(&b, l.Tools[name])
	}
	return b.Bytes()
}

func formatBase(b *bytes.Buffer, base Base) {
	fmt.Fprintf(b, "  suite: %s\n", scalar(base.Suite))
	fmt.Fprintf(b, "  packages: %s\n", flow(slices.Sorted(slices.Values(base.Packages))))
	fmt.Fprintf(b, "  security: %t\n", base.Security)
	for _, platform := range slices.Sorted(maps.Keys(base.Systems)) {
		system := base.Systems[platform]
		fmt.Fprintf(b, "  %s:\n    releases:\n", scalar(platform))
		for _, r := range sortedReleases(system.Releases) {
			fmt.Fprintf(b, "      - %s sha256:%s\n", r.Suite, r.SHA256)
		}
		b.WriteString("    packages:\n")
		for _, d := range sortedDebs(system.Packages) {
			fmt.Fprintf(b, "      - %s\n", d.line())
		}
	}
}

func formatTool(b *bytes.Buffer, t Tool) {
	fmt.Fprintf(b, "    source: %s\n", scalar(t.Source))
	if len(t.Bin) > 0 {
		fmt.Fprintf(b, "    bin: %s\n", flow(t.Bin))
	}
	for _, platform := range slices.Sorted(maps.Keys(t.Platforms)) {
		a := t.Platforms[platform]
		fmt.Fprintf(b, "    %s:\n", scalar(platform))
		fmt.Fprintf(b, "      package: %s\n", scalar(a.Package))
		fmt.Fprintf(b, "      version: %s\n", scalar(a.Version))
		fmt.Fprintf(b, "      size: %d\n", a.Size)
		fmt.Fprintf(b, "      sha256: %s\n      sha512: %s\n", a.SHA256, a.SHA512)
		fmt.Fprintf(b, "      tree: %s\n", a.Tree)
		b.WriteString("      bin:\n")
		for _, name := range slices.Sorted(maps.Keys(a.Bin)) {
			fmt.Fprintf(b, "        %s: %s\n", scalar(name), scalar(a.Bin[name]))
		}
	}
}

// line is a package as the lock has it, such as
// "libc6 2.36-9+deb12u14 amd64 2759320 sha256:ba4f…".
func (d Deb) line() string {
	return fmt.Sprintf("%s %s %s %d sha256:%s", d.Name, d.Version, d.Arch, d.Size, d.SHA256)
}

func sortedDebs(debs []Deb) []Deb {
	return slices.SortedFunc(slices.Values(debs), func(a, b Deb) int { return cmp.Compare(a.Name, b.Name) })
}

func sortedReleases(releases []Release) []Release {
	return slices.SortedFunc(slices.Values(releases), func(a, b Release) int { return cmp.Compare(a.Suite, b.Suite) })
}

func flow(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = scalar(item)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// plain matches what needs no quotes in YAML, in a flow sequence too.
var plain = regexp.MustCompile(`^[A-Za-z0-9/][A-Za-z0-9._/@+~-]*(:[A-Za-z0-9._/@+~-]+)*$`)

func scalar(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}
