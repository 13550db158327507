package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
)

func TestLine(t *testing.T) {
	l, err := NewLine(`^listening on \d+`)
	if err != nil {
		t.Fatal(err)
	}
	l.See([]byte("starting"))
	l.See([]byte("not listening on 80"))
	l.See(append(bytes.Repeat([]byte("x"), maxLine), "\nlistening on 80"...))
	if l.has() {
		t.Fatal("it has matched")
	}
	l.See([]byte("listening on 3000\x1b[0m\r"))
	l.See([]byte("listening on 4000"))
	if how, err := l.Wait(t.Context()); how != `line "listening on 3000�[0m"` || err != nil {
		t.Errorf("got %q, %v", how, err)
	}
	if _, err := NewLine("("); err == nil {
		t.Error("( is a regular expression")
	}
}

// What has come is known also to one whose time is over.
func TestWaitAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := NewHeard()
	if _, err := h.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	h.Hear(Message{Alive: true})
	if h.has() {
		t.Error("WATCHDOG=1 is not READY=1")
	}
	h.Hear(Message{Ready: true})
	h.Hear(Message{Ready: true})
	if how, err := h.Wait(ctx); how != "READY=1" || err != nil {
		t.Errorf("got %q, %v", how, err)
	}
}

func TestLineFromManyStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := NewLine("up")
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() { l.See(fmt.Append(nil, "up ", i)) })
		}
		how, err := l.Wait(t.Context())
		all.Wait()
		if again, _ := l.Wait(t.Context()); how != again || err != nil {
			t.Errorf("%q, then %q, %v", how, again, err)
		}
	})
}
