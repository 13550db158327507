package probe

import "errors"

// A tally counts attempts in a row.
type tally struct {
	schedule Schedule
	well     bool // what the service counts as
	row      int  // attempts in a row that said otherwise
}

func newTally(s Schedule) *tally { return &tally{schedule: s, well: s.Use == Live} }

// add is an attempt's verdict.
func (t *tally) add(how string, err error) Verdict {
	v := Verdict{OK: err == nil, How: how, Err: err}
	if f := (*Failure)(nil); errors.As(err, &f) {
		v.Detail = f.Detail
	}
	if v.OK == t.well {
		t.row = 0
		return v
	}
	t.row++
	if t.row >= t.needed() {
		t.well, t.row, v.Counts = v.OK, 0, true
	}
	return v
}

// needed is how many attempts in a row make a change.
func (t *tally) needed() int {
	if t.well {
		return t.schedule.Failures
	}
	return t.schedule.Successes
}

// over tells whether v leaves nothing to find out.
func (t *tally) over(v Verdict) bool {
	switch t.schedule.Use {
	case Start:
		return v.Counts && v.OK
	case Live:
		return v.Counts && !v.OK
	}
	return false
}
