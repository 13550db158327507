package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/moby/patternmatcher"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/leak"
	"github.com/sandwright/sandwright/internal/redact"
	"github.com/sandwright/sandwright/internal/stage"
)

// A verdict is what is said of a tree beside what staging it says.
type verdict struct {
	notices  []stage.Notice
	refusals []stage.Refusal
	hide     *redact.Set // what nothing that is printed may show
}

// faults are the refusals for people.
func (v verdict) faults() (all fault.List) {
	for _, r := range v.refusals {
		all = append(all, r.Fault())
	}
	return all
}

// unread refuses the files that cannot be read. Those that something writes to
// are noted where a list of names is all that is made. It gives what else is wrong.
func (v *verdict) unread(err error, list bool) (others fault.List) {
	for _, f := range fault.All(err) {
		var u *stage.Unreadable
		switch {
		case errors.As(f, &u):
			v.refusals = append(v.refusals, stage.Refusal{Path: u.Path, Kind: "file", Reason: u.Error(), Hint: f.Hint})
		case list && errors.Is(f, stage.ErrChanged):
			v.notices = append(v.notices, stage.Notice{Reason: "could not look for secrets: " + f.What})
		default:
			others = append(others, f)
		}
	}
	return others
}

// treeMemory begins the name of what is remembered of a folder's secrets.
const treeMemory = "tree-"

// judge looks for secrets in a tree in which nothing is refused: those whose
// values are known are always refused, what looks like one under strict. So is,
// when it is read, a file that changes afterwards.
func judge(ctx context.Context, tree *stage.Tree, file *config.File, secrets map[string]string) (verdict, error) {
	if err := claim(tree.Root()); err != nil {
		return verdict{}, fault.Cannot("keep what is found of this folder: %w", err).WithHint("set SANDWRIGHT_HOME to a folder that you can write to")
	}
	contents, err := tree.Contents(ctx)
	if err != nil {
		return verdict{}, err
	}
	checker, err := leak.NewTree(secrets, filepath.Join(home(), "leaks"), treeMemory+folderID(tree.Root()))
	if err != nil {
		return verdict{}, err
	}
	files := make([]leak.File, len(contents))
	for i, c := range contents {
		files[i] = leak.File{Path: c.Path, Sum: c.Sum}
	}
	suspects, err := checker.Look(ctx, files, func(place int) (io.ReadCloser, error) {
		if c := contents[place]; c.Kind == stage.Link { // it is looked into as if its target were its contents
			return io.NopCloser(strings.NewReader(c.Target)), nil
		}
		return tree.ReadHeld(place)
	})
	if err != nil {
		return verdict{}, err
	}
	harmless, err := patternmatcher.New(file.NotSecret)
	if err != nil {
		return verdict{}, err
	}
	p := policy{strict: file.Strict, harmless: harmless}
	var one sync.Mutex // patterns are compiled when they are first used
	tree.Recheck(func(path string, contents io.Reader) error {
		suspects, err := checker.Again(path, contents)
		if err != nil {
			return err
		}
		one.Lock()
		defer one.Unlock()
		return p.verdict(suspects).faults().Err()
	})
	v := p.verdict(suspects)
	v.hide = checker.Secrets()
	return v, nil
}

// A policy says what becomes of what only looks like a secret.
type policy struct {
	strict   bool
	harmless *patternmatcher.PatternMatcher
}

func (p policy) verdict(suspects []leak.Suspect) (v verdict) {
	for _, s := range suspects {
		if s.Variable != "" {
			v.refusals = append(v.refusals, known(s))
			continue
		}
		if skip, err := p.harmless.MatchesOrParentMatches(s.Path); err != nil || skip {
			continue
		}
		if p.strict {
			v.refusals = append(v.refusals, stage.Refusal{Path: s.Path, Kind: "file", Reason: reasonOf(s), Hop: s.Path, Hint: hintOf(s)})
		} else {
			v.notices = append(v.notices, stage.Notice{Path: s.Path, Kind: "file", What: "kept", Reason: reasonOf(s)})
		}
	}
	return v
}

// known refuses a file with the value of a variable, which is not shown.
func known(s leak.Suspect) stage.Refusal {
	return stage.Refusal{
		Path: s.Shown, Kind: "file", Hop: s.Shown, Reason: "it holds the value of " + s.Variable,
		Hint: fmt.Sprintf("take it out, or add the file to .gitignore or exclude; then change %s where it was committed", s.Variable),
	}
}

func reasonOf(s leak.Suspect) string {
	if s.Line == 0 {
		return "it looks like a secret: " + s.What
	}
	return fmt.Sprintf("it looks like a secret: %s on line %d", s.What, s.Line)
}

func hintOf(s leak.Suspect) string {
	return fmt.Sprintf("add it to .gitignore or exclude; if it is none, write to sandwright.yaml: not-secret: [%s]", stage.Pattern(s.Path))
}

// overBudget refuses a tree that is larger than the file allows.
func overBudget(tree *stage.Tree, file *config.File) fault.List {
	if file.Budget == 0 {
		return nil
	}
	report := measure(tree.Entries())
	if report.bytes <= file.Budget {
		return nil
	}
	return fault.List{file.At("budget").Cannot("stage %s: budget allows %s; the largest are %s",
		bytesText(report.bytes), bytesText(file.Budget), strings.Join(report.lines(), ", ")).
		WithHint("add what the box does not need to exclude, or raise budget").WithCode(fault.ExitFailed)}
}

// mostNamed is how many of the largest paths are named.
const mostNamed = 10

// A sizes is how large a tree is.
type sizes struct {
	files, links, folders int
	bytes                 int64
	largest               []stage.Entry // files, the largest first
}

func measure(entries []stage.Entry) (s sizes) {
	for _, e := range entries {
		switch e.Kind {
		case stage.File:
			s.files++
			s.bytes += e.Size
			s.add(e)
		case stage.Link:
			s.links++
		case stage.Dir:
			s.folders++
		}
	}
	return s
}

// add keeps an entry that is among the largest; of equal ones the first.
func (s *sizes) add(e stage.Entry) {
	at, _ := slices.BinarySearchFunc(s.largest, e, func(a, b stage.Entry) int { return cmp.Or(cmp.Compare(b.Size, a.Size), -1) })
	if at < mostNamed && e.Size > 0 {
		s.largest = slices.Insert(s.largest, at, e)
		s.largest = s.largest[:min(len(s.largest), mostNamed)]
	}
}

// lines names the largest.
func (s sizes) lines() (out []string) {
	for _, e := range s.largest {
		out = append(out, stage.Show(e.Path)+" ("+bytesText(e.Size)+")")
	}
	return out
}

// bytesText is a size for people, in thousands.
func bytesText(n int64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%d B", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(n)/1e9)
}
