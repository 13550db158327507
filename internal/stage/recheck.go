package stage

import (
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// A recheck is what Recheck was given, and what needs none any more.
type recheck struct {
	look   func(path string, contents io.Reader) error
	passed []atomic.Pointer[Entry] // by place
}

// Recheck is for who has judged the tree by Contents. From now on look is called
// with the contents of a file that changed since, or that could have without
// leaving a trace, before a byte of it is handed on. They are as ReadHeld gives
// them. It reads to the end, and its error, which must name the path, is that of reading the file.
func (t *Tree) Recheck(look func(path string, contents io.Reader) error) {
	r := &recheck{look, make([]atomic.Pointer[Entry], len(t.entries))}
	for i := range t.entries {
		if e := t.at(i); e.id.racy == 0 {
			r.passed[i].Store(e)
		}
	}
	t.judged.Store(r)
}

// sure gives the entry of a file whose contents, when they are still what was
// looked at, have been judged where that is asked for.
func (t *Tree) sure(i int, e *Entry) (*Entry, error) {
	r := t.judged.Load()
	if r == nil || r.passed[i].Load() == e {
		return e, nil
	}
	e, err := t.settle(i, e)
	if err != nil {
		return nil, err
	}
	c, err := t.content(e)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := r.look(e.Path, held{c}); err != nil {
		return nil, err
	}
	r.passed[i].Store(e)
	return e, nil
}

// settle looks at a file until a change after the look could not be hidden.
func (t *Tree) settle(i int, e *Entry) (*Entry, error) {
	for end := time.Now().Add(2 * coarseWindow); e.id.racy != 0; {
		next, err := t.again(i)
		if err != nil {
			return nil, err
		}
		if e = next; e.id.racy == 0 {
			break
		}
		if time.Now().After(end) {
			return nil, finalError{changed(e.Path)}
		}
		time.Sleep(racyWindow / 4)
	}
	return e, nil
}

// transferred opens a file for who was told already what it is.
func (t *Tree) transferred(i int) (io.ReadCloser, error) {
	told := t.at(i)
	e, err := t.sure(i, told)
	if late := (finalError{}); errors.As(err, &late) {
		err = late.error
	}
	if err != nil {
		return nil, err
	}
	if !e.id.same(told.id) {
		return nil, changed(e.Path)
	}
	return t.content(e)
}
