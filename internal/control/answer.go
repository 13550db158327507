package control

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// A problem is the body of an answer that is an error. Of several faults it is
// the first, and Faults has all.
type problem struct {
	Error  string    `json:"error"`
	Hint   string    `json:"hint,omitempty"`
	At     string    `json:"at,omitempty"` // file:line:column
	Faults []problem `json:"faults,omitempty"`
}

// errAbsent is what this supervisor was not given.
var errAbsent = errors.New("not supported")

// codeOf is the status code for an error. A fault of no special kind is
// something that cannot be; what is no fault is our own failure.
func codeOf(err error) int {
	var f *fault.Fault
	switch {
	case errors.Is(err, ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, ErrStopping):
		return http.StatusConflict
	case errors.Is(err, errAbsent):
		return http.StatusNotImplemented
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	case !errors.As(err, &f):
		return http.StatusInternalServerError
	case fault.Code(err) == fault.ExitUsage:
		return http.StatusBadRequest
	}
	return http.StatusUnprocessableEntity
}

func answerError(w http.ResponseWriter, err error) { answer(w, codeOf(err), problemOf(err)) }

func problemOf(err error) problem {
	var all []problem
	for _, f := range fault.All(err) {
		all = append(all, problem{Error: f.What, Hint: f.Hint, At: f.At.String()})
	}
	first := all[0]
	if len(all) > 1 {
		first.Faults = all
	}
	return first
}

// faults is what a problem was before it was answered. Each wraps kind and has
// the exit code, or that of a configuration fault where it has a place.
func (p problem) faults(kind error, code int) error {
	if len(p.Faults) < 2 {
		return p.fault(kind, code)
	}
	var all fault.List
	for _, one := range p.Faults {
		all = append(all, one.fault(kind, code))
	}
	return all
}

func (p problem) fault(kind error, code int) *fault.Fault {
	f := &fault.Fault{At: position(p.At), What: p.Error, Hint: p.Hint, Code: code, Err: kind}
	if code == 0 && f.At.File != "" {
		f.Code = fault.ExitConfig
	}
	return f
}

// position reads what fault.Position prints.
func position(text string) fault.Position {
	rest, last, one := cutNumber(text)
	if !one {
		return fault.Position{File: text}
	}
	file, line, two := cutNumber(rest)
	if !two {
		return fault.Position{File: rest, Line: last}
	}
	return fault.Position{File: file, Line: line, Column: last}
}

func cutNumber(text string) (before string, n int, ok bool) {
	i := strings.LastIndexByte(text, ':')
	if i <= 0 {
		return text, 0, false
	}
	n, err := strconv.Atoi(text[i+1:])
	return text[:i], n, err == nil && n > 0
}

// answer writes body. A client that is gone does not want to know.
func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}
