package svlog

import (
	"bytes"
	"os"
)

// A router is the sink that a script is: it deals lines out to several outlets.
type router struct {
	formatter // limit alone is used
	script    *Script
	options   LoggerOptions
	outlets   []*outlet // of all actions, in their order
	out       []byte    // of all 1
	alerts    []byte    // of all 2
}

// An outlet is an action and the lines that it is about to get.
type outlet struct {
	action *action
	stamp  stamper
	head   []byte
	out    *[]byte // those of all 1 are one, and of all 2, so that their order stays
	log    *Log    // of /
	broken bool    // of 1
}

func (r *router) stuck() bool { return r.any((*Log).stuck) }

func (r *router) idle() bool { return !r.any(func(l *Log) bool { return !l.idle() }) }

func (r *router) any(is func(*Log) bool) bool {
	for _, o := range r.outlets {
		if o.log != nil && is(o.log) {
			return true
		}
	}
	return false
}

func (r *router) settle() { r.each(func(l *Log) { l.settle() }) }

func (r *router) forget(s *Stream) { r.each(func(l *Log) { l.forget(s) }) }

func (r *router) each(do func(*Log)) {
	for _, o := range r.outlets {
		if o.log != nil {
			do(o.log)
		}
	}
}

// take deals out some lines, and has them written.
func (r *router) take(s *Stream) bool {
	for _, o := range r.outlets {
		o.head = o.stamp.append(o.head[:0], s.at)
	}
	text := s.rest
	for taken := 0; taken < flushBytes; {
		line, rest, ok := r.line(text)
		if !ok {
			break
		}
		taken += len(text) - len(rest)
		text = rest
		r.deal(line)
	}
	if len(text) == len(s.rest) {
		return false
	}
	s.rest = text
	for _, o := range r.outlets {
		if len(*o.out) > 0 {
			r.write(o)
		}
	}
	return true
}

// line cuts one line off.
func (r *router) line(text []byte) (line, rest []byte, ok bool) {
	end := bytes.IndexByte(text, '\n')
	switch {
	case end > r.limit || end < 0 && len(text) > r.limit:
		return text[:r.limit], text[r.limit:], true
	case end < 0:
		return nil, text, false
	}
	return text[:end], text[end+1:], true
}

// deal adds line to the outlets of the steps that select it.
func (r *router) deal(line []byte) {
	selected, acted, next := true, false, 0
	for i := range r.script.steps {
		step := &r.script.steps[i]
		selected = step.selects(line, selected, acted)
		if selected {
			acted = true
			for _, o := range r.outlets[next : next+len(step.actions)] {
				o.add(line)
			}
		}
		next += len(step.actions)
	}
}

func (o *outlet) add(line []byte) {
	out, end := *o.out, "\n"
	switch size := o.action.size; o.action.kind {
	case '2':
		out = append(out, "sandwright-init: alert: "...)
		if size > 0 && len(line) > size+3 {
			line, end = line[:size], "...\n"
		}
	case '=': // only the last one is seen
		out = out[:0]
	}
	*o.out = append(append(append(out, o.head...), line...), end...)
}

// write empties an outlet. Only a directory can make it keep lines.
func (r *router) write(o *outlet) {
	var err error
	switch o.action.kind {
	case '1':
		if !o.broken {
			_, err = r.options.Out.Write(*o.out)
			o.broken = err != nil
		}
	case '2':
		_, err = r.options.Alerts.Write(*o.out)
	case '=':
		err = writeStatus(o.action.path, *o.out, o.action.size)
	default:
		o.log.add(*o.out)
	}
	*o.out = (*o.out)[:0]
	if err != nil {
		r.options.Warn(err)
	}
}

// writeStatus replaces a file by text of exactly size bytes, cut or filled up
// with newlines; 0 is text as it is.
func writeStatus(path string, text []byte, size int) error {
	if size > 0 {
		text = append(text[:min(len(text), size):min(len(text), size)], bytes.Repeat([]byte{'\n'}, max(size-len(text), 0))...)
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, text, 0o666); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		os.Remove(fresh)
		return err
	}
	return nil
}
