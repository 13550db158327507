package lock

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/sandwright/sandwright/internal/fault"
	"go.yaml.in/yaml/v4"
)

// A pattern is a regular expression that is compiled when it is first used: most
// commands read no lock.
type pattern func() *regexp.Regexp

func patternOf(text string) pattern {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// What the values of a lock may look like. None lets a control character in.
var (
	digits       = patternOf(`^(0|[1-9][0-9]*)$`)
	hex256       = patternOf(`^[0-9a-f]{64}$`)
	hex512       = patternOf(`^[0-9a-f]{128}$`)
	platformName = patternOf(`^[a-z0-9]+/[a-z0-9]+$`)
	toolName     = patternOf(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	managerName  = patternOf(`^[a-z]+@[0-9][0-9A-Za-z.+-]*$`)
	sourceName   = patternOf(`^(debian|oci|layout|npm|github|url|deb):[\pL\pN\pM\pP\pS]+$`)
	packageName  = patternOf(`^(@[A-Za-z0-9][A-Za-z0-9._~-]*/)?[A-Za-z0-9_~][A-Za-z0-9._~+-]*(/[A-Za-z0-9_][A-Za-z0-9._~+-]*)*$`)
	anyVersion   = patternOf(`^[0-9A-Za-z][0-9A-Za-z.+:~_-]*$`)
	utcTime      = patternOf(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$`)
	webAddress   = patternOf(`^https?://[!-~]+$`)
	printable    = patternOf(`^[\pL\pN\pM\pP\pS ]+$`)
	kindName     = patternOf(`^[a-z][a-z0-9-]*$`)
	verdictWord  = patternOf(`^(verified|listed|absent)$`)
	base64Text   = patternOf(`^[A-Za-z0-9+/]+={0,2}$`)
	releaseLine  = patternOf(`^([a-z][a-z0-9.-]*) sha256:([0-9a-f]{64})$`)
	debLine      = patternOf(`^([a-z0-9][a-z0-9+.-]+) ([0-9A-Za-z.+~:-]+) ([a-z0-9]+) ([1-9][0-9]{0,17}) sha256:([0-9a-f]{64})$`)
	closureLine  = patternOf(`^((?:/?node_modules/(?:@[A-Za-z0-9._~-]+/)?[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+) ((?:@[A-Za-z0-9._~-]+/)?[A-Za-z0-9._~-]+) ([0-9][0-9A-Za-z.+-]*) ([1-9][0-9]{0,17}) sha512:([0-9a-f]{128})(?: signed:([A-Za-z0-9+/]+={0,2}))?$`)
)

// Parse reads a lock strictly: every unknown key, doubled name and malformed
// value is a fault with its position in path.
func Parse(path string, data []byte) (*Lock, error) { return parse(path, data, true) }

// parse is Parse, or that without a look at the digests of blocks.
func parse(path string, data []byte, sealed bool) (*Lock, error) {
	if f := strange(path, data); f != nil {
		return nil, f
	}
	var doc yaml.Node
	if err := yaml.Load(data, &doc); err != nil {
		return nil, malformed(path, data, err)
	}
	r := &reader{path: path, sealed: sealed}
	r.plain(doc.Content[0])
	l := r.lock(doc.Content[0])
	if err := r.faults.Err(); err != nil {
		return nil, err
	}
	return l, nil
}

// strange is the fault of what no lock holds: it is UTF-8 without a byte order
// mark or directive, and a line ends where everybody sees it end.
func strange(path string, data []byte) error {
	at := fault.Position{File: path, Line: 1}
	for i := 0; i < len(data); {
		c, n := utf8.DecodeRune(data[i:])
		switch {
		case c == utf8.RuneError && n == 1:
			return at.Cannot("read the lock: it is not UTF-8").WithHint("%s", startOver)
		case c == '%' && (i == 0 || data[i-1] == '\n'):
			return at.Cannot("read the lock: it has a directive of YAML in it").WithHint("%s", startOver)
		case c == '\n':
			at.Line++
		case c != '\t' && c != '\r' && unicode.IsControl(c), c == '\ufeff', c == '\u2028', c == '\u2029':
			return at.Cannot("read the lock: it has the character %U in it", c).WithHint("%s", startOver)
		}
		i += n
	}
	return nil
}

// malformed turns what the YAML reader says into a fault with its position.
func malformed(path string, data []byte, err error) error {
	at := fault.Position{File: path}
	if i := bytes.Index(append([]byte("\n"), data...), []byte("\n<<<<<<< ")); i >= 0 {
		at.Line, at.Column = bytes.Count(data[:i], []byte("\n"))+1, 1
		return at.Cannot("read the lock: a merge left a conflict in it").
			WithHint("keep the blocks of both sides, or those of one, then run: sandwright lock")
	}
	why := "it must be one YAML document"
	var le *yaml.LoadError
	if errors.As(err, &le) && le.Message != "" {
		at.Line, at.Column, why = le.Mark.Line, le.Mark.Column, strings.TrimPrefix(le.Message, "yaml: ")
	}
	return at.Cannot("read the lock: %s", why).WithHint("%s", startOver)
}

// startOver is what helps with a lock that cannot be read.
const startOver = "restore it with git, or make a new one: rm " + Name + " && sandwright lock"

func (r *reader) lock(n *yaml.Node) *Lock {
	if v, ok := versionOf(n); ok && v.Value != fmt.Sprint(Version) {
		r.refuse(v, "read version %.20q of the lock: this sandwright knows %d", v.Value, Version)
		if made, err := strconv.Atoi(v.Value); err == nil && made > Version {
			r.faults[len(r.faults)-1].WithHint("update sandwright: a newer one made this lock")
		}
		return nil
	}
	keys, rest := r.known(n, "the lock", "version", "manager?", "base?", "tools?")
	r.refuseRest(rest, "the lock")
	l := &Lock{Version: int(r.between(keys["version"], "version", Version, Version)), Manager: r.text(keys["manager"], "a package manager", managerName)}
	if base, ok := keys["base"]; ok {
		l.Base = r.base(base)
	}
	if tools, ok := keys["tools"]; ok {
		l.Tools = map[string]Tool{}
		for _, e := range r.entries(tools, "tools") {
			name := r.text(e.key, "the name of a tool", toolName)
			l.Tools[name] = r.tool(e.value, name)
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
	keys, rest := r.known(n, "base", "source", "inputs")
	b := Base{
		Source:  r.text(keys["source"], "a source", sourceName),
		Inputs:  r.text(keys["inputs"], "a sha256", hex256),
		Systems: map[string]System{},
	}
	for _, e := range rest {
		platform := r.text(e.key, "a platform", platformName)
		b.Systems[platform] = r.system(e.value, platform)
	}
	return b
}

func (r *reader) system(n *yaml.Node, platform string) System {
	what, before := "base for "+platform, len(r.faults)
	keys, rest := r.known(n, what, "releases?", "packages?", "image?", "evidence?", "digest")
	r.refuseRest(rest, what)
	s := System{Image: r.text(keys["image"], "a sha256", hex256), Evidence: r.evidence(keys["evidence"], what)}
	if packaged := keys["releases"] != nil && keys["packages"] != nil; packaged == (keys["image"] != nil) {
		r.refuse(n, "use %s: it has either releases and packages or an image", what)
	}
	for _, m := range r.matches(keys["releases"], "a release", releaseLine) {
		s.Releases = append(s.Releases, Release{Suite: m[1], SHA256: m[2]})
	}
	for _, m := range r.matches(keys["packages"], "a package", debLine) {
		s.Packages = append(s.Packages, Deb{Name: m[1], Version: m[2], Arch: m[3], Size: r.bounded(n, "size of package "+m[1], m[4]), SHA256: m[5]})
		if m[3] != "all" && platform != "" && "linux/"+m[3] != platform {
			r.refuse(n, "use package %s of %s: it is for %s", m[1], what, m[3])
		}
	}
	s.Releases, s.Packages = sortedReleases(s.Releases), sortedDebs(s.Packages)
	refuseDoubled(r, n, "package", what, s.Packages, func(d Deb) string { return d.Name })
	refuseDoubled(r, n, "release", what, s.Releases, func(d Release) string { return d.Suite })
	r.seal(keys["digest"], what, before, func() string { return s.digest(platform) })
	return s
}

// refuseDoubled refuses what stands twice in a sorted list.
func refuseDoubled[T any](r *reader, n *yaml.Node, kind, what string, list []T, name func(T) string) {
	for i := 1; i < len(list); i++ {
		if name(list[i]) == name(list[i-1]) {
			r.refuse(n, "use %s %s of %s: it stands there twice", kind, name(list[i]), what)
		}
	}
}
