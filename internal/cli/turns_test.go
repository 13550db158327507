package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// TestTurns: one at a time changes a sandbox, whoever waits says so, and its
// wait ends with its command.
func TestTurns(t *testing.T) {
	t.Setenv("SANDWRIGHT_HOME", t.TempDir())
	quiet := &app{Streams: Streams{Err: io.Discard}}
	done, err := quiet.inTurn(t.Context(), "/p", "demo")
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"second", "demo"} { // one of another name need not wait
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		var said bytes.Buffer
		free, err := (&app{Streams: Streams{Err: &said}}).inTurn(ctx, "/p", other)
		switch {
		case other == "second":
			if err != nil || said.Len() > 0 {
				t.Fatalf("%s: %v, %q", other, err, said.String())
			}
			free()
		case !errors.Is(err, context.DeadlineExceeded) || said.String() != "demo: waiting for another sync or up to end\n":
			t.Errorf("%s: %v, %q", other, err, said.String())
		}
		cancel()
	}
	got := make(chan error, 1)
	go func() {
		again, err := quiet.inTurn(t.Context(), "/p", "demo")
		if err == nil {
			again()
		}
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("two have their turn at once: %v", err)
	case <-time.After(time.Second / 4):
	}
	done()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestTurnsWithoutAFolder(t *testing.T) {
	home := t.TempDir() + "/file"
	if err := os.WriteFile(home, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SANDWRIGHT_HOME", home)
	_, err := (&app{Streams: Streams{Err: io.Discard}}).inTurn(t.Context(), "/p", "demo")
	if err == nil || !strings.HasPrefix(err.Error(), "cannot take turns with other commands on sandbox demo: ") {
		t.Errorf("got %v", err)
	}
}
