package stage

import (
	"errors"
	"path"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/sandwright/sandwright/internal/fault"
)

// A matcher matches names with patterns as a .dockerignore has them: the last
// pattern that matches a name, or a folder that it is in, decides. It keeps how
// the folders of the last name matched, so that names in the order of a walk
// are cheap.
type matcher struct {
	patterns []onePattern
	folders  []matched
}

type onePattern struct {
	*patternmatcher.PatternMatcher
	text      string
	exception bool // it starts with !
}

// A matched folder holds, for each pattern, whether it or one above matches.
type matched struct {
	path string
	by   []bool
}

func newMatcher(texts []string) (*matcher, error) {
	m := &matcher{}
	for _, text := range texts {
		p := onePattern{text: strings.TrimSpace(text)}
		body, exception := strings.CutPrefix(p.text, "!")
		if p.exception = exception; body == "" && !exception {
			continue
		}
		if len(body) > 1 {
			body = strings.TrimPrefix(body, "/")
		}
		if strings.HasPrefix(body, "!") {
			body = `\` + body
		}
		var err error
		if body == "" {
			err = errors.New("it excepts nothing")
		} else {
			p.PatternMatcher, err = patternmatcher.New([]string{body})
		}
		if err == nil {
			_, err = p.MatchesUsingParentResult("x", false) //nolint:staticcheck // it is compiled at its first use
		}
		if err != nil {
			return nil, fault.Cannot("use %q as a pattern: %w", text, err).WithCode(fault.ExitConfig).
				WithHint("patterns are as in a .dockerignore: *, ?, [a-z], ** for any folders, and ! for an exception")
		}
		m.patterns = append(m.patterns, p)
	}
	return m, nil
}

func (m *matcher) any() bool { return len(m.patterns) > 0 }

// match says whether the last pattern that matches p, or a folder that p is
// in, is no exception.
func (m *matcher) match(p string) bool {
	if !m.any() {
		return false
	}
	dir, _ := split(p)
	above, yes := m.folder(dir), false
	for i, pattern := range m.patterns {
		if yes == pattern.exception && pattern.matches(p, above.by, i) {
			yes = !pattern.exception
		}
	}
	return yes
}

func (o onePattern) matches(p string, above []bool, i int) bool {
	if above != nil && above[i] {
		return true
	}
	yes, err := o.MatchesUsingParentResult(p, false) //nolint:staticcheck // of one pattern it is right
	return err == nil && yes
}

// folder matches a folder, after those that it is in.
func (m *matcher) folder(dir string) matched {
	if dir == "." {
		m.folders = m.folders[:0]
		return matched{}
	}
	for n := len(m.folders); n > 0; n-- {
		if m.folders[n-1].path == dir {
			m.folders = m.folders[:n]
			return m.folders[n-1]
		}
	}
	in, _ := split(dir)
	above := m.folder(in)
	here := matched{dir, make([]bool, len(m.patterns))}
	for i, pattern := range m.patterns {
		here.by[i] = pattern.matches(dir, above.by, i)
	}
	m.folders = append(m.folders, here)
	return here
}

// reaches says whether a pattern can match something below dir: it matches dir
// itself, or begins with names that dir begins with too, up to a wildcard.
func (m *matcher) reaches(dir string) bool {
	for i, pattern := range m.patterns {
		if pattern.exception {
			continue
		}
		if pattern.matches(dir, m.folder(path.Dir(dir)).by, i) {
			return true
		}
		fixed := pattern.fixed()
		if fixed == "" || fixed == dir || strings.HasPrefix(fixed, dir+"/") || strings.HasPrefix(dir, fixed+"/") {
			return true
		}
	}
	return false
}

// fixed gives the folders that a pattern names before its first wildcard.
func (o onePattern) fixed() string {
	clean := path.Clean("/" + o.text)[1:]
	i := strings.IndexAny(clean, `*?[\`)
	if i < 0 {
		return clean
	}
	if dir := path.Dir(clean[:i] + "x"); dir != "." {
		return dir
	}
	return ""
}
