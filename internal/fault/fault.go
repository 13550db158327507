// Package fault is the error that a person reads: what cannot be done, where,
// why, and what to type next.
package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Exit codes of both binaries. ExitConfig is EX_CONFIG of sysexits.h.
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
	ExitConfig = 78
)

// A Position is a place in a file. Line and Column count from 1; a zero Line
// means the file as a whole, an empty File means nowhere.
type Position struct {
	File   string
	Line   int
	Column int
}

// String is file:line:column, as compilers print it.
func (p Position) String() string {
	switch {
	case p.File == "":
		return ""
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// A Fault is one thing that cannot be done. The zero Code means ExitFailed.
type Fault struct {
	At   Position
	What string // starts with "cannot"; lower case, no full stop
	Hint string // what to do next; may be empty
	Code int
	Err  error // what a caller may inspect; may be nil
}

// Cannot makes a Fault that says "cannot" followed by the formatted text.
// A %w verb keeps that error for errors.Is and errors.As.
func Cannot(format string, args ...any) *Fault {
	err := fmt.Errorf("cannot "+format, args...)
	return &Fault{What: err.Error(), Err: errors.Unwrap(err)}
}

// Cannot makes a configuration Fault at the position p.
func (p Position) Cannot(format string, args ...any) *Fault {
	f := Cannot(format, args...)
	f.At, f.Code = p, ExitConfig
	return f
}

// WithHint sets what to do next and returns f.
func (f *Fault) WithHint(format string, args ...any) *Fault {
	f.Hint = fmt.Sprintf(format, args...)
	return f
}

// WithCode sets the exit code and returns f.
func (f *Fault) WithCode(code int) *Fault {
	f.Code = code
	return f
}

// Error is one line: the position, then what cannot be done.
func (f *Fault) Error() string {
	if at := f.At.String(); at != "" {
		return at + ": " + f.What
	}
	return f.What
}

// Unwrap gives the cause that Cannot kept.
func (f *Fault) Unwrap() error { return f.Err }

// A List is several faults, reported together.
type List []*Fault

// Err is nil for an empty list, and otherwise the faults in a stable order:
// by file, line and column, then as they were added.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	sorted := slices.Clone(l)
	slices.SortStableFunc(sorted, func(a, b *Fault) int {
		if c := strings.Compare(a.At.File, b.At.File); c != 0 {
			return c
		}
		if a.At.Line != b.At.Line {
			return a.At.Line - b.At.Line
		}
		return a.At.Column - b.At.Column
	})
	return sorted
}

// Distinct gives l without the faults whose text another before them has.
func (l List) Distinct() (out List) {
	said := map[string]bool{}
	for _, f := range l {
		if text := f.Error(); !said[text] {
			said[text] = true
			out = append(out, f)
		}
	}
	return out
}

// Error is one line a fault.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, f := range l {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is and errors.As look at each fault.
func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, f := range l {
		errs[i] = f
	}
	return errs
}

// All gives the faults in err, looking through wrapping and into what
// errors.Join joined; an error that is not a Fault becomes one whose What is
// its text.
func All(err error) List {
	switch e := err.(type) { //nolint:errorlint // what it wraps is looked at below
	case nil:
		return nil
	case List:
		return e
	case *Fault:
		return List{e}
	case interface{ Unwrap() []error }:
		var all List
		for _, one := range e.Unwrap() {
			all = append(all, All(one)...)
		}
		return all
	}
	var list List
	if errors.As(err, &list) {
		return list
	}
	var f *Fault
	if errors.As(err, &f) {
		return List{f}
	}
	return List{{What: err.Error(), Err: err}}
}

// Code is the exit code that err asks for: the first non-zero code of its
// faults, ExitFailed when none asks, ExitOK for nil.
func Code(err error) int {
	if err == nil {
		return ExitOK
	}
	for _, f := range All(err) {
		if f.Code != 0 {
			return f.Code
		}
	}
	return ExitFailed
}
