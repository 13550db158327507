package logview

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
)

// A tail is an open file, read up to where it stands, and the part of a line
// that has not ended yet.
type tail struct {
	file    *os.File
	partial []byte
}

// next is the next line that ends in in, which reads the file. What has not
// ended is kept for later.
func (t *tail) next(in *bufio.Reader) (text string, ok bool) {
	for {
		part, err := in.ReadSlice('\n')
		room := max(0, maxLine-len(t.partial))
		t.partial = append(t.partial, part[:min(len(part), room)]...)
		if err == nil {
			return t.take(), true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", false // io.EOF: for now
		}
	}
}

// take is what there is of a line.
func (t *tail) take() string {
	text := string(bytes.TrimSuffix(t.partial, []byte{'\n'}))
	if t.partial = t.partial[:0]; cap(t.partial) > blockSize {
		t.partial = nil
	}
	return text
}

// size is how many bytes the file has now, 0 when that cannot be known.
func (t *tail) size() int64 {
	info, err := t.file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

const blockSize = 64 << 10

// lastLines is where the last n lines of the first size bytes of f begin, or
// the first line when there are fewer, and how many there are. At the end of a
// finished file a line ends without a newline, too.
func lastLines(f io.ReaderAt, size int64, n int, finished bool) (offset int64, found int) {
	first := max(0, size-maxBytes)
	block := make([]byte, min(blockSize, size-first))
	unended, newlines := 0, 0 // seen so far
	for end := size; end > first; end -= int64(len(block)) {
		block = block[:min(int64(len(block)), end-first)]
		at := end - int64(len(block))
		if _, err := f.ReadAt(block, at); err != nil {
			return end, newlines + unended // it has become shorter
		}
		if end == size && finished && block[len(block)-1] != '\n' {
			if unended = 1; n == 0 {
				return size, 0
			}
		}
		for i := bytes.LastIndexByte(block, '\n'); i >= 0; i = bytes.LastIndexByte(block[:i], '\n') {
			if newlines++; newlines+unended > n {
				return at + int64(i) + 1, n
			}
		}
	}
	return first, newlines + unended
}
