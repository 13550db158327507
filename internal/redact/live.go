package redact

import (
	"strings"
	"sync/atomic"
)

// A Live is the Set that holds now; it may be changed at any time. The zero
// Live, and the nil one, hide nothing.
type Live struct{ set atomic.Pointer[Set] }

// Put has set hold from now on.
func (l *Live) Put(set *Set) { l.set.Store(set) }

// Get is the Set that holds now; nil when there is none.
func (l *Live) Get() *Set {
	if l == nil {
		return nil
	}
	return l.set.Load()
}

// Text is text without secrets.
func (l *Live) Text(text string) string { return l.Get().Text(text) }

// Excerpt is the beginning of a longer text without secrets: one that is cut
// off at its end, with an ellipsis or without, does not show either.
func (l *Live) Excerpt(text string) string {
	set := l.Get()
	if set == nil || text == "" {
		return text
	}
	const ellipsis, least = "…", 4 // fewer bytes tell nothing
	whole := set.Text(text)
	body := strings.TrimSuffix(whole, ellipsis)
	if cut := set.any.cut([]byte(body)); len(body)-cut >= least {
		return body[:cut] + ellipsis
	}
	return whole
}
