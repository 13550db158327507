package env

import (
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// A Source is one layer that values come from.
type Source struct {
	Name    string // completes "PORT from …"
	Values  map[string]string
	At      map[string]fault.Position // where each stands; may lack some or be nil
	Origins map[string]string         // what is said in place of Name; may lack some or be nil
	Failed  map[string]bool           // could not be read, which was said
	Others  map[string]bool           // names that are no variables of the schema and yet meant
	Ambient bool                      // holds much else: names that no schema knows are no fault
	Loose   bool                      // others read it too: only names that look like a declared one are
}

func (s Source) origin(name string) string {
	if origin := s.Origins[name]; origin != "" {
		return origin
	}
	return s.Name
}

// FromEnviron reads NAME=VALUE texts as os.Environ gives them. Others are
// passed over.
func FromEnviron(environ []string) Source {
	s := Source{Name: "the environment", Values: map[string]string{}, Ambient: true}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && validName(name) {
			s.Values[name] = value
		}
	}
	return s
}

// FromFlags reads the NAME=VALUE texts given with --env; the last of one name
// holds. A text that is something else is never shown: it may be a secret.
func FromFlags(flags []string) (Source, error) {
	s := Source{Name: "--env", Values: map[string]string{}}
	var faults fault.List
	for _, flag := range flags {
		name, value, ok := strings.Cut(flag, "=")
		if !ok || !validName(name) || strings.ContainsRune(value, 0) {
			faults = append(faults, fault.Cannot("use an --env that is not NAME=VALUE").
				WithCode(fault.ExitUsage).WithHint("write --env NAME=VALUE"))
			continue
		}
		s.Values[name] = value
	}
	return s, faults.Err()
}

// validName tells whether name is letters, digits and underscores, and does
// not start with a digit.
func validName(name string) bool {
	for i, c := range []byte(name) {
		letter := c == '_' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
