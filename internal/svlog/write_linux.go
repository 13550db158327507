package svlog

import (
	"bytes"
	"fmt"
	"slices"
)

// add takes formatted lines and writes them, or keeps them as long as it
// cannot. lines is only borrowed.
func (l *Log) add(lines []byte) {
	if len(l.pending) > 0 || l.held() {
		l.pending = append(l.pending, lines...)
		l.drop()
		l.flush()
		return
	}
	l.pending = lines
	l.flush()
	l.pending = bytes.Clone(l.pending)
}

// flush writes what is pending until something holds the log.
func (l *Log) flush() {
	for !l.held() && (len(l.pending) > 0 || l.lost.lines > 0) {
		var chunk []byte
		if l.dir.current >= 0 {
			chunk = l.cut()
		}
		if len(chunk) == 0 {
			l.rotate()
			return
		}
		whole := l.pending
		l.pending = whole[len(chunk):] // as long as the write may hang
		n, err := l.pool.write(l, l.dir.current, chunk)
		l.pending = whole[n:]
		l.wrote(chunk[:n], err)
	}
	if len(l.pending) == 0 {
		l.pending = nil
	}
}

// answered is a write that hung and has returned.
func (l *Log) answered(chunk []byte, n int, err error) {
	l.busy = false
	l.pending = slices.Concat(chunk[n:], l.pending)
	l.wrote(chunk[:n], err)
	l.resume()
}

// wrote is what follows a write of text.
func (l *Log) wrote(text []byte, err error) {
	l.dir.size += int64(len(text))
	if len(text) > 0 {
		l.midline = text[len(text)-1] != '\n'
	}
	if l.marker != nil {
		if len(text) == 0 { // it is told again, with what is dropped until then
			l.pending = l.pending[len(l.marker):]
			l.lost.lines += l.marked.lines
			l.lost.bytes += l.marked.bytes
		}
		l.marker = nil
	}
	if err != nil {
		l.fail(err)
	} else if !l.midline && l.dir.full() {
		l.rotate()
	}
}

// cut is how much of pending can be written now: whole lines that current has
// room for. A line that is longer than a file may be gets a file of its own.
func (l *Log) cut() []byte {
	if l.lost.lines > 0 && !l.midline {
		if l.dir.size > 0 && l.dir.room() < markerRoom {
			return nil
		}
		l.marked, l.lost = l.lost, gap{}
		l.marker = l.tell(l.marked)
		l.pending = slices.Concat(l.marker, l.pending)
		return l.pending[:len(l.marker)]
	}
	if l.lost.lines > 0 { // the gap is behind the line that has begun
		return l.pending[:bytes.IndexByte(l.pending, '\n')+1]
	}
	room := l.dir.room()
	if len(l.pending) == 0 || int64(len(l.pending)) <= room {
		return l.pending
	}
	end := bytes.LastIndexByte(l.pending[:max(room, 0)], '\n') + 1
	if end == 0 && (l.dir.size == 0 || l.midline) {
		end = bytes.IndexByte(l.pending, '\n') + 1
	}
	return l.pending[:end]
}

// tell is the line that stands where lines are missing.
func (l *Log) tell(g gap) []byte {
	text := fmt.Appendf(nil, "sandwright: %d lines (%d bytes) are missing here: they could not be written in time\n", g.lines, g.bytes)
	f := l.formatter("log", nil)
	out, _ := f.format(nil, text, l.pool.sys.now())
	return out
}

// drop forgets the oldest pending lines that are too many, and counts them. A
// line that is written in part stays.
func (l *Log) drop() {
	if len(l.pending) <= ringBytes || !l.overflowing {
		return
	}
	over := len(l.pending) - ringBytes*3/4 // so that not every line moves all others
	start := 0
	if l.midline {
		start = bytes.IndexByte(l.pending, '\n') + 1
	}
	end := start + over
	end += bytes.IndexByte(l.pending[end-1:], '\n')
	l.lost.lines += int64(bytes.Count(l.pending[start:end], []byte{'\n'}))
	l.lost.bytes += int64(end - start)
	l.pending = slices.Delete(l.pending, start, end)
}

// remember keeps the last line of text that says something.
func (l *Log) remember(text []byte) {
	text = bytes.TrimRight(text, " \t\r\n\v\f")
	if len(text) == 0 {
		return
	}
	line, goesOn := telling(text)
	l.mu.Lock()
	defer l.mu.Unlock()
	if goesOn && namesError(l.last) {
		return
	}
	l.last = append(l.last[:0], line[:min(len(line), lastBytes)]...)
}
