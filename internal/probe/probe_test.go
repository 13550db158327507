package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A count succeeds at the attempt of its number.
type count struct {
	at    int
	tries int
	slow  time.Duration
}

func (c *count) Try(ctx context.Context) (string, error) {
	c.tries++
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(c.slow):
	}
	if c.tries == c.at {
		return "counted", nil
	}
	return "", fmt.Errorf("attempt %d", c.tries)
}

func TestPollTriesUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		start := time.Now()
		how, err := Poll(t.Context(), &count{at: 4}, 250*time.Millisecond, time.Second, func(err error) { told = append(told, err.Error()) })
		if how != "counted" || err != nil {
			t.Errorf("got %q, %v", how, err)
		}
		if took := time.Since(start); took != 750*time.Millisecond {
			t.Errorf("took %s", took)
		}
		if want := []string{"attempt 1", "attempt 2", "attempt 3"}; !slices.Equal(told, want) {
			t.Errorf("told %q", told)
		}
	})
}

func TestPollBoundsEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var told []error
		c := &count{at: -1, slow: time.Hour}
		_, err := Poll(ctx, c, time.Second, 3*time.Second, func(err error) { told = append(told, err) })
		if !errors.Is(err, context.DeadlineExceeded) || c.tries != 3 || len(told) != 2 {
			t.Errorf("%v after %d tries, told %v", err, c.tries, told)
		}
	})
}

func TestPollEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := Poll(ctx, &count{at: -1}, time.Second, time.Second, func(error) { cancel() })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNewline(t *testing.T) {
	for _, tt := range []struct{ write, how, why string }{
		{"\n", "newline on fd 3", ""},
		{"ready\n", "newline on fd 3", ""},
		{"", "", "closed fd 3 without a newline"},
		{"almost", "", "closed fd 3 without a newline"},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, tt.write)
		if tt.how == "" {
			w.Close()
		}
		how, err := Newline{FD: 3, R: r}.Wait(t.Context())
		if how != tt.how || (err != nil) != (tt.why != "") || (err != nil && err.Error() != tt.why) {
			t.Errorf("%q: %q, %v", tt.write, how, err)
		}
		w.Close()
		if r.Close() == nil {
			t.Errorf("%q: the reading end is left open", tt.write)
		}
	}
}

func TestNewlineInPieces(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	go func() {
		for _, piece := range []string{"al", "most", "\n"} {
			time.Sleep(10 * time.Millisecond)
			fmt.Fprint(w, piece)
		}
	}()
	if how, err := (Newline{FD: 7, R: r}).Wait(t.Context()); how != "newline on fd 7" || err != nil {
		t.Errorf("got %q, %v", how, err)
	}
}

func TestNewlineEndsWithItsContext(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := (Newline{FD: 3, R: r}).Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestUnasked(t *testing.T) {
	check, err := NewHTTP("http://127.0.0.1:1/")
	if err != nil {
		t.Fatal(err)
	}
	if got := check.Unasked().Error(); got != "GET http://127.0.0.1:1/: no answer yet" {
		t.Errorf("got %q", got)
	}
	if got := (Newline{FD: 3}).Unasked().Error(); got != "no newline on fd 3" {
		t.Errorf("got %q", got)
	}
}
