package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

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
