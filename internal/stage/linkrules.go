package stage

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/config"
)

// A linkRule is one rule of links, with its pattern ready to match.
type linkRule struct {
	config.LinkRule
	pattern *matcher
}

func newLinkRules(rules []config.LinkRule) ([]linkRule, error) {
	var out []linkRule
	for _, r := range rules {
		m, err := newMatcher([]string{r.Pattern()})
		if err != nil {
			return nil, err
		}
		out = append(out, linkRule{r, m})
	}
	return out, nil
}

// ruleFor gives the last rule that matches a link, or nil.
func ruleFor(rules []linkRule, p string) *linkRule {
	for i := len(rules) - 1; i >= 0; i-- {
		if rules[i].pattern.match(p) {
			return &rules[i]
		}
	}
	return nil
}

// links does to each link what a rule says, refuses every one that leads out,
// and names those that lead nowhere. The order of the entries stays.
func (w *walker) links(rules []linkRule) {
	if len(rules) > 0 {
		before := len(w.entries)
		w.entries = slices.DeleteFunc(w.entries, func(e Entry) bool { return e.Kind == Link && w.drops(rules, e.Path) })
		if len(w.entries) < before {
			w.prune()
		}
	}
	r := newResolver(w.lookAlsoOnDisk(&Tree{entries: w.entries}, rules))
	r.allowed = func(p string) bool {
		rule := ruleFor(rules, p)
		return rule != nil && rule.Allow != ""
	}
	for i := range w.entries {
		if rule := ruleFor(rules, w.entries[i].Path); rule != nil && rule.Rewrite != "" && w.entries[i].Kind == Link {
			w.entries[i].Target = rule.To
		}
	}
	refused := map[string]bool{} // names are looked up while there is one link left to judge
	for i := range w.entries {
		if e := &w.entries[i]; e.Kind == Link && w.judge(e, r.follow(e.Path, e.Target)) {
			refused[e.Path] = true
		}
	}
	if len(refused) > 0 {
		w.entries = slices.DeleteFunc(w.entries, func(e Entry) bool { return refused[e.Path] })
	}
}

// prune takes out the folders that nothing is left in.
func (w *walker) prune() {
	last := ""
	for i, e := range slices.Backward(w.entries) {
		if e.Kind == Dir && !w.modules[e.Path] && !strings.HasPrefix(last, e.Path+"/") {
			w.entries[i].Path = ""
			continue
		}
		last = e.Path
	}
	w.entries = slices.DeleteFunc(w.entries, func(e Entry) bool { return e.Path == "" })
}

// drops says whether a rule drops a link, and makes a notice of it.
func (w *walker) drops(rules []linkRule, p string) bool {
	rule := ruleFor(rules, p)
	if rule == nil || rule.Drop == "" {
		return false
	}
	w.notices = append(w.notices, Notice{Path: p, Kind: "link", What: "left out", Reason: "a rule of links drops it"})
	return true
}

// judge says whether a link is refused.
func (w *walker) judge(e *Entry, r resolution) (refused bool) {
	kept := func(reason string) {
		w.notices = append(w.notices, Notice{Path: e.Path, Kind: "link", What: "kept", Reason: "it points to " + show(e.Target) + ", " + reason})
	}
	switch r.outcome {
	case inside:
	case dangling:
		kept(w.missing(r.path))
	case looping:
		kept("which leads round and round")
	case tooFar:
		kept(fmt.Sprintf("which leads over more than %d links, the most that the kernel follows", maxHops))
	case allowed:
		kept("outside the project, as a rule of links allows")
	case leaving:
		reason := "it points to " + show(r.target) + ", outside the project"
		if r.link != e.Path {
			reason = "it leads to " + show(r.link) + ", which points to " + show(r.target) + ", outside the project"
		}
		p := pattern(r.link)
		w.refusals = append(w.refusals, Refusal{
			Path: e.Path, Kind: "link", Reason: reason, Own: e.Target, Hop: r.link, Target: r.target,
			Hint: "point it inside the project by a relative path, or add to sandwright.yaml one of: links: [{drop: " + p +
				"}]; links: [{allow: " + p + "}]; links: [{rewrite: " + p + ", to: TARGET}]",
		})
		return true
	}
	return false
}

// missing says why the tree has nothing where a link leads.
func (w *walker) missing(p string) string {
	_, staged := search(w.entries, p)
	staged = staged || p == "." // something on the way to it is no folder
	switch {
	case p == ".git", strings.HasPrefix(p, ".git/"), strings.Contains(p, "/.git/"), strings.HasSuffix(p, "/.git"):
		return "which is git's own, and is not staged"
	case !staged && (&Tree{root: w.root}).Holds(p):
		return "which is not staged"
	}
	return "which is not there"
}

// maxMissing bounds what is remembered of names that are not in the tree.
const maxMissing = 100_000

// lookAlsoOnDisk looks a name up in the tree, and on the disk where the tree
// does not have it: an ignored link on the way may lead out as well.
func (w *walker) lookAlsoOnDisk(tree *Tree, rules []linkRule) looker {
	missing := map[string]string{} // name -> target, empty where it is no link
	return func(p string) (Kind, string, bool) {
		if i, ok := tree.find(p); ok {
			return tree.entries[i].Kind, tree.entries[i].Target, true
		}
		target, known := missing[p]
		if !known {
			if target = w.unstaged(rules, p); len(missing) < maxMissing {
				missing[p] = target
			}
		}
		return Link, target, target != ""
	}
}

// unstaged gives the target of a link that is on the disk alone, unless a rule
// says otherwise.
func (w *walker) unstaged(rules []linkRule, p string) string {
	if rule := ruleFor(rules, p); rule != nil && rule.Allow == "" {
		return rule.To
	}
	dir, name := split(p)
	fd, err := w.root.openFD(dir, dirFlags)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	target, err := readlink(fd, name)
	if err != nil {
		return ""
	}
	return target
}
