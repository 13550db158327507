package envscan

import (
	"path"
	"slices"
	"strings"
)

// Command finds the uses in a service's command: those of the script when it
// is a shell that is given one. Lines and columns are in the script.
func Command(argv []string) []Use {
	if len(argv) < 3 || !slices.Contains([]string{"sh", "bash", "dash", "ash", "zsh", "ksh"}, path.Base(argv[0])) {
		return nil
	}
	for i, arg := range argv[1 : len(argv)-1] {
		if strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && strings.HasSuffix(arg, "c") {
			return Shell(argv[i+2])
		}
		if !strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "+") {
			return nil // a script in a file
		}
	}
	return nil
}

// Shell finds $X and ${X} in a script. Those that the script sets itself are
// its own.
func Shell(script string) []Use {
	s := &shellScan{src: script, own: map[string]int{}}
	s.scan()
	uses := slices.DeleteFunc(s.uses, func(u found) bool {
		from, own := s.own[u.name]
		return own && u.at >= from || builtin(u.name)
	})
	return placed(script, uses)
}

// builtin tells whether every shell sets that one.
func builtin(name string) bool {
	return slices.Contains([]string{"PWD", "OLDPWD", "IFS", "PPID", "OPTARG", "OPTIND", "LINENO", "RANDOM", "SECONDS", "BASH_SOURCE", "BASH_VERSION", "FUNCNAME", "UID", "EUID", "HOSTNAME", "SHLVL", "PIPESTATUS", "REPLY", "_"}, name)
}

// A shellScan goes over a script once.
type shellScan struct {
	src  string
	at   int
	own  map[string]int // from where on
	uses []found
}

func (s *shellScan) scan() {
	double, fresh := false, true // within double quotes; a word may begin
	for s.at < len(s.src) {
		c := s.src[s.at]
		switch {
		case c == '\\':
			s.at++
		case c == '"':
			double = !double
		case c == '\'' && !double:
			s.to("'")
		case c == '#' && fresh && !double:
			s.to("\n")
			continue
		case c == '$':
			s.dollar()
			fresh = false
			continue
		case fresh && !double && isLetter(c):
			s.word()
			fresh = false
			continue
		}
		fresh = !double && strings.IndexByte(" \t\n;&|({`", c) >= 0
		s.at++
	}
}

// to moves to text behind this place, or to the last byte.
func (s *shellScan) to(text string) {
	if n := strings.Index(s.src[min(s.at+1, len(s.src)):], text); n >= 0 {
		s.at += 1 + n
	} else {
		s.at = len(s.src)
	}
}

// dollar reads what is replaced.
func (s *shellScan) dollar() {
	s.at++
	if s.at < len(s.src) && s.src[s.at] == '{' {
		s.at++
		for s.at < len(s.src) && (s.src[s.at] == '#' || s.src[s.at] == '!') {
			s.at++
		}
	}
	if start := s.at; s.name() != "" {
		s.uses = append(s.uses, found{s.src[start:s.at], start})
	}
}

// name moves over a name.
func (s *shellScan) name() string {
	start := s.at
	for s.at < len(s.src) && (isLetter(s.src[s.at]) || s.at > start && isDigit(s.src[s.at])) {
		s.at++
	}
	return s.src[start:s.at]
}

// word reads a word that may set variables: X=, for X, read X.
func (s *shellScan) word() {
	name := s.name()
	rest := s.src[s.at:]
	switch {
	case strings.HasPrefix(rest, "=") || strings.HasPrefix(rest, "+="):
		s.set(name, s.before(" \t\n;&|"))
	case name == "for" || name == "select" || name == "read":
		end := s.before("\n;&|")
		for _, field := range strings.Fields(s.src[s.at:end]) {
			if field == "in" || !isName(field) && !strings.HasPrefix(field, "-") {
				break
			}
			s.set(field, end)
		}
	}
}

// before is where the first of some characters stands, or the end.
func (s *shellScan) before(chars string) int {
	end := min(len(s.src), s.at+longest)
	if n := strings.IndexAny(s.src[s.at:end], chars); n >= 0 {
		return s.at + n
	}
	return end
}

// set makes name the script's own from there on.
func (s *shellScan) set(name string, from int) {
	if _, ok := s.own[name]; !ok {
		s.own[name] = from
	}
}
