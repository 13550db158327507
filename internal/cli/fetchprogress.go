package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/sandwright/sandwright/internal/fetch"
)

// fetchProgress shows what is being brought here: on a terminal one line for
// each piece of work under way, drawn again as it gets on; elsewhere plain
// lines.
func (a *app) fetchProgress() fetch.Progress {
	if terminal(a.Err) {
		return (&board{out: a.Err, width: 100}).show
	}
	return (&ticker{out: a.Err, last: map[string]shown{}}).show
}

// A ticker writes each piece of work when it begins to do something new and
// when it ends, and how far it is every few seconds.
type ticker struct {
	out  io.Writer
	mu   sync.Mutex
	last map[string]shown
}

type shown struct {
	text string
	at   time.Time
}

const tickEvery = 3 * time.Second

func (t *ticker) show(e fetch.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.last[e.Name]
	if was.text == e.Text && !e.Finished && time.Since(was.at) < tickEvery {
		return
	}
	t.last[e.Name] = shown{e.Text, time.Now()}
	fmt.Fprintln(t.out, e)
}

// A board keeps the work that is under way at the foot of a terminal. What is
// finished scrolls away above it.
type board struct {
	out   io.Writer
	width int // cells of a line; longer ones are cut, so that none wraps
	mu    sync.Mutex
	order []string // names under way, in the order they began
	now   map[string]fetch.Event
	drawn int // lines of the board as it stands
}

func (b *board) show(e fetch.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now == nil {
		b.now = map[string]fetch.Event{}
	}
	_, known := b.now[e.Name]
	if !known && !e.Finished {
		b.order = append(b.order, e.Name)
	}
	b.now[e.Name] = e
	var s strings.Builder
	if b.drawn > 0 {
		fmt.Fprintf(&s, "\x1b[%dA\x1b[J", b.drawn) // to the board's first line, and clear from there
	}
	if e.Finished {
		delete(b.now, e.Name)
		fmt.Fprintln(&s, b.cut(e.String()))
	}
	b.drawn = 0
	for _, name := range b.order {
		if at, ok := b.now[name]; ok {
			fmt.Fprintln(&s, b.cut(bar(at)+at.String()))
			b.drawn++
		}
	}
	_, _ = io.WriteString(b.out, s.String()) // a terminal that is gone shows nothing
	if b.drawn == 0 {
		b.order = nil
	}
}

// bar is how much of an event is done, in ten cells.
func bar(e fetch.Event) string {
	const cells = 10
	if e.Total <= 0 {
		return "[" + strings.Repeat(" ", cells) + "] "
	}
	full := int(min(e.Done, e.Total) * cells / e.Total)
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", cells-full) + "] "
}

func (b *board) cut(s string) string {
	if r := []rune(s); len(r) > b.width {
		return string(r[:b.width-1]) + "…"
	}
	return s
}
