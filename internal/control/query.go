package control

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
)

const (
	maxQuery   = 16 << 10  // bytes
	maxTimeout = time.Hour // of a wait
)

// A query is the parameters of a question. What is wrong with them is
// collected; err gives all of it.
type query struct {
	values url.Values
	faults fault.List
}

// readQuery reads the parameters of r, which may have those named.
func readQuery(r *http.Request, names ...string) *query {
	q := &query{}
	if len(r.URL.RawQuery) > maxQuery {
		q.add(fault.Cannot("read the parameters: they are longer than %d bytes", maxQuery))
		return q
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		q.add(fault.Cannot("read the parameters: %v", err))
		return q
	}
	q.values = values
	for name := range values {
		if !slices.Contains(names, name) {
			q.add(fault.Cannot("use parameter %s", quote(name)).WithHint("%s", meant(name, names)))
		}
	}
	return q
}

// add notes what is wrong.
func (q *query) add(f *fault.Fault) { q.faults = append(q.faults, f.WithCode(fault.ExitUsage)) }

// meant is a hint for a word that is none of those known; empty without.
func meant(word string, known []string) string {
	if near := fault.Nearest(word, known); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

// err is nil when nothing was wrong.
func (q *query) err() error {
	slices.SortFunc(q.faults, func(a, b *fault.Fault) int { return strings.Compare(a.What, b.What) })
	return q.faults.Err()
}

// text is a parameter that comes once at most.
func (q *query) text(name string) string {
	values := q.values[name]
	if len(values) > 1 {
		q.add(fault.Cannot("use %d values of %s: it has one", len(values), name))
	}
	return q.values.Get(name)
}

// services are the names asked for, each once.
func (q *query) services() selection {
	names := slices.Clone(q.values["service"])
	slices.Sort(names)
	return slices.Compact(names)
}

func (q *query) flag(name string) bool {
	switch text := q.text(name); text {
	case "", "false", "0":
		return false
	case "true", "1":
		return true
	default:
		q.add(fault.Cannot("use %s=%s: it is true or false", name, quote(text)))
		return false
	}
}

// count is a whole number from 0; -1 without one.
func (q *query) count(name string) int {
	text := q.text(name)
	if text == "" {
		return -1
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		q.add(fault.Cannot("use %s=%s: it is 0 to %d", name, quote(text), math.MaxInt32))
	}
	return int(n)
}

// duration is more than 0; 0 without one.
func (q *query) duration(name string) time.Duration {
	text := q.text(name)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > maxTimeout {
		q.add(fault.Cannot("use %s=%s: it is a time such as 30s, at most %s", name, quote(text), maxTimeout))
	}
	return d
}

// choice is one of those given, the first without one.
func (q *query) choice(name string, choices ...string) string {
	text := q.text(name)
	if text == "" {
		return choices[0]
	}
	if !slices.Contains(choices, text) {
		f := fault.Cannot("use %s=%s: it is one of %s", name, quote(text), strings.Join(choices, ", "))
		q.add(f.WithHint("%s", meant(text, choices)))
	}
	return text
}

// goal is what for says, GoalReady without.
func (q *query) goal() Goal {
	var names []string
	for _, g := range Goals() {
		names = append(names, string(g))
	}
	return Goal(q.choice("for", names...))
}

// Who gets a signal.
const (
	toGroup   = "group"
	toProcess = "process"
)

// signal must be there.
func (q *query) signal() syscall.Signal {
	text := q.text("signal")
	if text == "" {
		q.add(fault.Cannot("send no signal").WithHint("add ?signal=SIGHUP"))
		return 0
	}
	sig, err := ParseSignal(text)
	q.faults = append(q.faults, fault.All(err)...)
	return sig
}

// quote shows what a stranger wrote, and not too much of it.
func quote(text string) string {
	if len(text) > 64 {
		return fmt.Sprintf("%q…", text[:64])
	}
	return strconv.Quote(text)
}
