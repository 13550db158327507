package svlog

import (
	"bytes"
	"cmp"
	"time"
)

// A formatter makes what is written of what was read.
type formatter struct {
	stamp  *stamper
	json   bool
	name   string // of the service
	stream string
	limit  int               // bytes of a line; a longer one is split into pieces
	hear   func(line []byte) // may be nil
	head   []byte
}

// formatter is the one for a stream of l.
func (l *Log) formatter(stream string, each func([]byte)) *formatter {
	f := &formatter{stamp: &l.stamp, json: l.how.Format == "json", name: l.name, stream: stream, limit: cmp.Or(l.how.limit, maxLine), hear: each}
	if l.how.Mirror && l.pool.mirror != nil {
		f.hear = func(line []byte) {
			l.pool.mirror.show(l.name, line)
			if each != nil {
				each(line)
			}
		}
	}
	return f
}

// format adds the lines of text to out until out is flushBytes or more, and
// gives what it has not taken: at the end, a line without its newline.
func (f *formatter) format(out, text []byte, now time.Time) (lines, rest []byte) {
	if f.json {
		f.head = appendJSONHead(f.head[:0], now, f.name, f.stream)
	} else {
		f.head = f.stamp.append(f.head[:0], now)
	}
	for len(out) < flushBytes {
		end := bytes.IndexByte(text, '\n')
		next := end + 1
		if end > f.limit || end < 0 && len(text) > f.limit {
			end, next = f.limit, f.limit
		} else if end < 0 {
			break
		}
		line := text[:end]
		text = text[next:]
		if f.hear != nil {
			f.hear(line)
		}
		out = append(out, f.head...)
		if f.json {
			out = append(appendJSONText(out, line), '"', '}', '\n')
		} else {
			out = append(append(out, line...), '\n')
		}
	}
	return out, text
}
