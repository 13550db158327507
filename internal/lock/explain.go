package lock

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// A Relation is one thing that runs in the box, who can change it, and what
// would notice.
type Relation struct {
	What    string `json:"what"`
	Who     string `json:"who"`
	Notices string `json:"notices"`
}

// Explain lists whom one trusts who runs what l pins: what is around the lock
// first, then its base, then its tools by name. docs/trust.md says more.
func (l *Lock) Explain() []Relation {
	out := []Relation{
		{"sandwright.yaml and sandwright.lock", "whoever can push to this repository",
			"review of their diff: the lock has a line for each thing that changes; sandwright lock --check in CI, where the two do not fit"},
		{"the workspace and its build steps", "whoever can push to this repository", "review of its diff"},
		{"the workspace's dependencies", "whoever publishes them, when " + lockFileOf(l.Manager) + " is renewed",
			"the hashes in " + lockFileOf(l.Manager) + " at every install; of their install scripts, only those run that the workspace allows by name"},
		{"PID 1 of the box", "whoever gives you the sandwright program, which carries it", "nothing of Sandwright's: verify the program where you got it"},
		{"npm's and apt's configuration, and apt's keys", "whoever is root on the machine that locks or builds",
			"the hashes of the lock, for what is pinned already; nothing, for what is locked on that machine"},
	}
	if l.Base.Source != "" {
		out = append(out, l.explainBase())
	}
	for _, name := range slices.Sorted(maps.Keys(l.Tools)) {
		out = append(out, l.explainTool(name))
	}
	return out
}

// lockFileOf is the lock of a package manager.
func lockFileOf(manager string) string {
	if manager == "" {
		return "the package manager's lock"
	}
	name, _, _ := strings.Cut(manager, "@")
	return map[string]string{"pnpm": "pnpm-lock.yaml", "npm": "package-lock.json", "yarn": "yarn.lock", "bun": "bun.lock"}[name]
}

func (l *Lock) explainBase() Relation {
	r := Relation{What: "base " + l.Base.Source}
	kind, rest, _ := strings.Cut(l.Base.Source, ":")
	var evidence []Evidence
	packages := 0
	for _, platform := range slices.Sorted(maps.Keys(l.Base.Systems)) {
		evidence = append(evidence, l.Base.Systems[platform].Evidence...)
		packages = max(packages, len(l.Base.Systems[platform].Packages))
	}
	switch kind {
	case "debian":
		r.Who = "Debian, by the keys that apt trusts for " + rest + ", when the lock is made or its base updated; its packages' scripts run without a network when the base is made"
		r.Notices = fmt.Sprintf("sha256 and size of %d packages at every bootstrap; apt's check of Debian's signature when they are locked: a mirror can withhold, and not change", packages)
	case "layout":
		r.Who = "whoever writes to " + rest + " before the lock is made or its base updated"
		r.Notices = "the digest of its manifest, and by it of each layer, at every build; " + vouched(evidence)
	default:
		r.Who = "whoever can push " + rest + " to its registry, or runs that, when the lock is made or its base updated"
		r.Notices = "the digest of its manifest, and by it of each layer, at every build; " + vouched(evidence)
	}
	return r
}

func (l *Lock) explainTool(name string) Relation {
	t := l.Tools[name]
	r := Relation{What: fmt.Sprintf("tool %s %s (%s)", name, t.Version, t.Source)}
	kind, _, _ := strings.Cut(t.Source, ":")
	var packages, hosts, words []string
	dependencies := 0
	for _, platform := range slices.Sorted(maps.Keys(t.Platforms)) {
		a := t.Platforms[platform]
		packages, hosts = append(packages, a.Package), append(hosts, hostsOf(a.URLs)...)
		words, dependencies = append(words, a.Vouched()), max(dependencies, len(a.Closure))
	}
	what, where := strings.Join(unique(packages), " and "), strings.Join(unique(hosts), " and ")
	switch kind {
	case "npm":
		r.Who = "whoever publishes " + what + " on npm, or runs the registry that is used"
		if dependencies > 0 {
			r.Who += fmt.Sprintf(", and who publishes its %d dependencies", dependencies)
		}
	case "github":
		r.Who = "whoever can make releases of " + repositoryOf(t.Source) + ", GitHub, and " + where
	case "url":
		r.Who = "whoever can write to " + where
	case "oci":
		r.Who = "whoever can push " + what + " to its registry, or runs that"
	default:
		r.Who = "Debian, by the keys that apt trusts"
	}
	r.Who += ", when the lock is made or this tool updated"
	r.Notices = "size, sha256 and sha512 at every download; " + strings.Join(unique(words), "; ")
	if slices.ContainsFunc(words, func(s string) bool { return strings.HasPrefix(s, integrityOnly) }) {
		r.Notices += ": nobody vouched for what was there when it was locked"
	}
	return r
}

// repositoryOf is OWNER/NAME of a github source.
func repositoryOf(source string) string {
	repository, _, _ := strings.Cut(strings.TrimPrefix(source, "github:"), "@")
	return repository
}

func hostsOf(urls []string) (hosts []string) {
	for _, text := range urls {
		if u, err := url.Parse(text); err == nil {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}

// unique keeps the first of equal texts.
func unique(list []string) (out []string) {
	for _, s := range list {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
