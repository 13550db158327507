package redact

import "io"

// A Writer writes to another without the secrets. It keeps back what may be
// the beginning of one until more is written, or Flush or Close is called.
type Writer struct {
	to     io.Writer
	stream *Stream
	kept   []byte
}

// Writer writes to w.
func (s *Set) Writer(w io.Writer) *Writer { return &Writer{to: w, stream: s.Stream()} }

// Write takes all of p, unless the writer below fails.
func (w *Writer) Write(p []byte) (int, error) {
	text := p
	if len(w.kept) > 0 {
		w.kept = append(w.kept, p...)
		text = w.kept
	}
	if err := w.take(text, false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what was kept back, as it is. A secret that goes on after it is
// not known any more.
func (w *Writer) Flush() error { return w.take(w.kept, true) }

// Close is Flush: the writer below stays open.
func (w *Writer) Close() error { return w.Flush() }

func (w *Writer) take(text []byte, end bool) error {
	safe, taken := w.stream.Take(text, end)
	var err error
	if len(safe) > 0 {
		_, err = w.to.Write(safe)
	}
	w.kept = append(w.kept[:0], text[taken:]...)
	return err
}
