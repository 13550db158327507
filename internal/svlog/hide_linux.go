package svlog

import (
	"bytes"
	"slices"
)

// hide makes rest of text, of which the first done bytes are so already. What
// may be the beginning of a secret stays raw.
func (s *Stream) hide(text []byte, done int) {
	s.hidden.Hide(s.pool.secrets.Get())
	fresh := text[done:]
	safe, taken := s.hidden.Take(fresh, false)
	s.raw = nil
	if taken < len(fresh) {
		s.raw = bytes.Clone(fresh[taken:])
	}
	if taken > 0 && len(safe) == taken && &safe[0] == &fresh[0] {
		s.rest = text[:done+taken]
	} else {
		s.rest = append(slices.Clip(text[:done]), safe...)
	}
}

// release gives up the hope that raw lines are the beginning of a secret:
// somebody waits for them. It tells whether there were any.
func (s *Stream) release() bool {
	lines := bytes.LastIndexByte(s.raw, '\n') + 1
	if lines == 0 {
		return false
	}
	safe, _ := s.hidden.Take(s.raw[:lines], true)
	s.rest = append(slices.Clip(s.rest), safe...)
	s.raw = s.raw[lines:]
	return true
}
