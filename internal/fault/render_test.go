package fault

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", file, diff)
	}
}

// several has faults with and without place and hint, and hints that repeat.
func several() error {
	at := func(line int) Position { return Position{"sandwright.yaml", line, 5} }
	return List{
		at(12).Cannot("use port 70000: a port is 1 to 65535").WithHint("such as 3000"),
		at(13).Cannot("use port 0: a port is 1 to 65535").WithHint("such as 3000"),
		at(14).Cannot("find service %q", `a"b`),
		Position{File: "pnpm-lock.yaml"}.Cannot("read it: it is empty").WithHint("run: pnpm install"),
		Cannot("reach the registry: %w", errors.New("connection refused")).WithHint("look at <npmrc> & try again"),
	}
}

func TestRender(t *testing.T) {
	var plain, color, none bytes.Buffer
	Render(&plain, several(), false)
	Render(&color, several(), true)
	Render(&none, nil, true)
	golden(t, "plain.txt", plain.Bytes())
	golden(t, "color.txt", color.Bytes())
	if none.Len() != 0 {
		t.Errorf("no fault is rendered as %q", none.String())
	}
}

func TestRenderJSON(t *testing.T) {
	var out bytes.Buffer
	if err := RenderJSON(&out, several()); err != nil {
		t.Fatal(err)
	}
	golden(t, "faults.json", out.Bytes())
	if err := RenderJSON(closed{}, several()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a failed write gives %v", err)
	}
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// What a fault quotes cannot steer the terminal.
func TestRenderControls(t *testing.T) {
	var out bytes.Buffer
	Render(&out, Cannot("use \x1b[2J and \r\u009b\x00, é\n\tand more").WithHint("\aring"), false)
	const want = "error: cannot use \\x1b[2J and \\x0d\\x9b\\x00, é\n\tand more\nhint:  \\x07ring\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
