package redact

import (
	"errors"
	"io"
)

const scanBytes = 256 << 10 // read at once

// Scan reads r to its end, or to the first secret, and tells that one's name.
func (s *Set) Scan(r io.Reader) (name string, found bool, err error) {
	if s == nil {
		return "", false, nil
	}
	overlap := s.any.longest - 1
	buffer := make([]byte, overlap+scanBytes)
	kept := 0
	for {
		n, err := io.ReadFull(r, buffer[kept:])
		text := buffer[:kept+n]
		if name, found := s.Holds(text); found {
			return name, true, nil
		}
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = nil
			}
			return "", false, err
		}
		kept = copy(buffer, text[max(0, len(text)-overlap):])
	}
}

// Holds tells whether a secret stands in text, and the name of the first that
// was met.
func (s *Set) Holds(text []byte) (name string, found bool) {
	if s == nil {
		return "", false
	}
	s.filter.find(text, func(i, window int) bool {
		m, ok := s.match(text, i, window)
		if ok {
			name, found = s.names[m.pattern.secret], true
		}
		return !found
	})
	return name, found
}
