package launch

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/spec"
)

// Check says what is wrong with a service's limits and user in themselves;
// whether they can be had here shows at Start. Each flaw begins with "its".
func Check(l spec.Limits, u *spec.User) []string {
	var out flaws
	if _, ok := umask(l.Umask); !ok {
		out.note(true, "its umask %q is not an octal number of at most 0777", l.Umask)
	}
	out.note(l.Nice < -20 || l.Nice > 19, "its nice %d is not -20 to 19", l.Nice)
	if adj := l.OOMScoreAdj; adj != nil {
		out.note(*adj < -1000 || *adj > 1000, "its oom_score_adj %d is not -1000 to 1000", *adj)
	}
	out.note(l.Memory < 0, "its memory limit %d is negative", l.Memory)
	out.note(l.CPUs != 0 && !(l.CPUs >= 0.01 && l.CPUs <= 100_000), "its cpus %v is not 0.01 to 100000", l.CPUs)
	out.note(l.PIDs < 0, "its limit of %d processes is negative", l.PIDs)
	out.rlimits(l.Rlimits)
	for _, name := range l.CapDrop {
		_, known := capabilityNumber(name)
		out.note(!known && bareName(name) != every, "its capability %q is unknown: it is not %s or one of %s", name, every, strings.Join(capabilityNames(), ", "))
	}
	out.user(u)
	return out
}

type flaws []string

func (f *flaws) note(bad bool, format string, args ...any) {
	if bad {
		*f = append(*f, fmt.Sprintf(format, args...))
	}
}

func (f *flaws) rlimits(limits map[string]spec.Rlimit) {
	known := resources()
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		l := limits[name]
		_, ok := known[name]
		f.note(!ok, "its rlimit %q is unknown: it is not one of %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		f.note(l.Soft < -1 || l.Hard < -1, "its rlimit %s is negative; unlimited is -1", name)
		f.note(uint64(l.Soft) > uint64(l.Hard), "its rlimit %s has a soft limit above its hard one", name)
	}
}

func (f *flaws) user(u *spec.User) {
	if u == nil || !u.Lookup {
		return
	}
	user, group, given := strings.Cut(u.Name, ":")
	f.note(user == "" || given && group == "" || strings.ContainsAny(group, ":") || strings.ContainsAny(u.Name, "\n\x00"),
		"its user %q is not a user or user:group", u.Name)
	f.note(u.UID != 0 || u.GID != 0 || u.Groups != nil || u.Home != "", "its user %q is to be looked up, but ids or a home are given, too", u.Name)
}

// umask reads an octal mask; the empty text is the usual one.
func umask(text string) (mask int, ok bool) {
	if text == "" {
		return 0o022, true
	}
	n, err := strconv.ParseUint(text, 8, 16)
	return int(n), err == nil && n <= 0o777
}
