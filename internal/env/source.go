package env

import (
	"maps"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// A Source is one layer that values come from.
type Source struct {
	Name    string // completes "PORT from …"
	Values  map[string]string
	At      map[string]fault.Position // where each stands; may lack some or be nil
	Origins map[string]string         // what is said in place of Name; may lack some or be nil
	Speaks  map[string][]string       // the variables that were replaced in each; may lack some or be nil
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

// madeOf are the variables that a secret stands in, each with the name of one:
// those that it was replaced in, those that they were replaced in, and so on.
func (s Source) madeOf(schema Schema) map[string]string {
	if len(s.Speaks) == 0 {
		return nil
	}
	users := map[string][]string{}
	for _, user := range slices.Sorted(maps.Keys(s.Speaks)) {
		for _, name := range s.Speaks[user] {
			users[name] = append(users[name], user)
		}
	}
	out := map[string]string{}
	for _, secret := range schema.secrets() {
		for next := slices.Clone(users[secret]); len(next) > 0; next = next[1:] {
			if user := next[0]; out[user] == "" {
				out[user] = secret
				next = append(next, users[user]...)
			}
		}
	}
	return out
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
