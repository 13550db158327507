package lock

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"go.yaml.in/yaml/v4"
)

// What the values of a lock may look like. None lets a control character in.
var (
	digits       = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)
	truth        = regexp.MustCompile(`^(true|false)$`)
	hex256       = regexp.MustCompile(`^[0-9a-f]{64}$`)
	hex512       = regexp.MustCompile(`^[0-9a-f]{128}$`)
	platformName = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9]+$`)
	suiteName    = regexp.MustCompile(`^[a-z][a-z0-9.-]*$`)
	debName      = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)
	toolName     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	npmName      = regexp.MustCompile(`^(@[A-Za-z0-9._~-]+/)?[A-Za-z0-9._~-]+$`)
	npmVersion   = regexp.MustCompile(`^[0-9][0-9A-Za-z.+-]*$`)
	printable    = regexp.MustCompile(`^[\pL\pN\pM\pP\pS ]+$`)
	releaseLine  = regexp.MustCompile(`^([a-z][a-z0-9.-]*) sha256:([0-9a-f]{64})$`)
	debLine      = regexp.MustCompile(`^([a-z0-9][a-z0-9+.-]+) ([0-9A-Za-z.+~:-]+) ([a-z0-9]+) ([1-9][0-9]{0,17}) sha256:([0-9a-f]{64})$`)
)

// Parse reads a lock strictly: every unknown key, doubled name and malformed
// value is a fault with its position in path.
func Parse(path string, data []byte) (*Lock, error) {
	var doc yaml.Node
	if err := yaml.Load(data, &doc); err != nil {
		return nil, malformed(path, err)
	}
	r := &reader{path: path}
	l := r.lock(doc.Content[0])
	if err := r.faults.Err(); err != nil {
		return nil, err
	}
	return l, nil
}

// malformed turns what the YAML reader says into a fault with its position.
func malformed(path string, err error) error {
	at := fault.Position{File: path}
	why := "it must be one YAML document"
	var le *yaml.LoadError
	if errors.As(err, &le) && le.Message != "" {
		at.Line, at.Column, why = le.Mark.Line, le.Mark.Column, strings.TrimPrefix(le.Message, "yaml: ")
	}
	return at.Cannot("read the lock: %s", why).WithHint("run: sandwright lock")
}

func (r *reader) lock(n *yaml.Node) *Lock {
	if v, ok := versionOf(n); ok && v.Value != fmt.Sprint(Version) {
		r.refuse(v, "read version %q of the lock: this sandwright knows %d", v.Value, Version)
		return nil
	}
	keys, rest := r.known(n, "the lock", "version", "base?", "tools?")
	r.refuseRest(rest, "the lock")
	l := &Lock{Version: int(r.number(keys["version"], "version"))}
	if base, ok := keys["base"]; ok {
		l.Base = r.base(base)
	}
	if tools, ok := keys["tools"]; ok {
		l.Tools = map[string]Tool{}
		for _, e := range r.entries(tools, "tools") {
			l.Tools[r.text(e.key, "the name of a tool", toolName)] = r.tool(e.value, "tool "+e.key.Value)
		}
	}
	return l
}

// versionOf looks for the version before anything else is judged.
func versionOf(n *yaml.Node) (*yaml.Node, bool) {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "version" && n.Content[i+1].Kind == yaml.ScalarNode {
			return n.Content[i+1], true
		}
	}
	return nil, false
}

func (r *reader) base(n *yaml.Node) Base {
	keys, rest := r.known(n, "base", "suite", "packages", "security")
	b := Base{
		Suite:    r.text(keys["suite"], "a suite", suiteName),
		Packages: r.list(keys["packages"], "a package", debName),
		Security: r.boolean(keys["security"], "security"),
		Systems:  map[string]System{},
	}
	slices.Sort(b.Packages)
	for _, e := range rest {
		platform := r.text(e.key, "a platform", platformName)
		b.Systems[platform] = r.system(e.value, "base for "+platform)
	}
	return b
}

func (r *reader) system(n *yaml.Node, what string) System {
	keys, rest := r.known(n, what, "releases", "packages")
	r.refuseRest(rest, what)
	var s System
	for _, line := range r.list(keys["releases"], "a release", releaseLine) {
		if m := releaseLine.FindStringSubmatch(line); m != nil {
			s.Releases = append(s.Releases, Release{Suite: m[1], SHA256: m[2]})
		}
	}
	for _, line := range r.list(keys["packages"], "a package", debLine) {
		if m := debLine.FindStringSubmatch(line); m != nil {
			size, _ := strconv.ParseInt(m[4], 10, 64) // debLine bounds it
			s.Packages = append(s.Packages, Deb{Name: m[1], Version: m[2], Arch: m[3], Size: size, SHA256: m[5]})
		}
	}
	s.Releases, s.Packages = sortedReleases(s.Releases), sortedDebs(s.Packages)
	r.refuseDoubled(n, what, s)
	return s
}

func (r *reader) refuseDoubled(n *yaml.Node, what string, s System) {
	for i := 1; i < len(s.Packages); i++ {
		if s.Packages[i].Name == s.Packages[i-1].Name {
			r.refuse(n, "use package %s of %s: it stands there twice", s.Packages[i].Name, what)
		}
	}
	for i := 1; i < len(s.Releases); i++ {
		if s.Releases[i].Suite == s.Releases[i-1].Suite {
			r.refuse(n, "use release %s of %s: it stands there twice", s.Releases[i].Suite, what)
		}
	}
}

func (r *reader) tool(n *yaml.Node, what string) Tool {
	keys, rest := r.known(n, what, "source", "bin?")
	t := Tool{
		Source:    r.text(keys["source"], "a source", printable),
		Bin:       r.list(keys["bin"], "a file", printable),
		Platforms: map[string]Artifact{},
	}
	for _, e := range rest {
		platform := r.text(e.key, "a platform", platformName)
		t.Platforms[platform] = r.artifact(e.value, what+" for "+platform)
	}
	return t
}

func (r *reader) artifact(n *yaml.Node, what string) Artifact {
	keys, rest := r.known(n, what, "package", "version", "size", "sha256", "sha512", "tree", "bin")
	r.refuseRest(rest, what)
	a := Artifact{
		Package: r.text(keys["package"], "a package", npmName),
		Version: r.text(keys["version"], "a version", npmVersion),
		Size:    r.number(keys["size"], "a size"),
		SHA256:  r.text(keys["sha256"], "a sha256", hex256),
		SHA512:  r.text(keys["sha512"], "a sha512", hex512),
		Tree:    r.text(keys["tree"], "a sha256", hex256),
		Bin:     map[string]string{},
	}
	if bin, ok := keys["bin"]; ok {
		for _, e := range r.entries(bin, "bin of "+what) {
			a.Bin[r.text(e.key, "the name of a program", toolName)] = r.file(e.value)
		}
	}
	return a
}

// file is a path inside a package: relative, clean, without "..".
func (r *reader) file(n *yaml.Node) string {
	name := r.text(n, "a file", printable)
	if strings.HasPrefix(name, "/") || slices.Contains(strings.Split(name, "/"), "..") {
		r.refuse(n, "use %q as a file: it leaves its package", name)
	}
	return name
}
