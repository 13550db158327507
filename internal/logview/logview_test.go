package logview

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// logs writes files under one folder and opens them.
func logs(t *testing.T, files map[string]string, services ...string) (string, *Reader) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	r, err := Open(dir, services)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return dir, r
}

func texts(lines []Line) (out []string) {
	for _, l := range lines {
		out = append(out, l.Service+":"+l.Text)
	}
	return out
}

func TestLast(t *testing.T) {
	files := map[string]string{
		"a/@400000005.s": "2026-01-01 00:00:01  a1\n",
		"a/@400000006.u": "2026-01-01 00:00:03  a3\n",
		"a/current":      "2026-01-01 00:00:05  a5\n2026-01-01 00:00:06  not ended",
		"a/lock":         "",
		"a/state":        "state is no log",
		"b/current":      "2026-01-01 00:00:02  b2\n2026-01-01 00:00:04  b4\n",
	}
	for _, c := range []struct {
		n        int
		services []string
		want     []string
	}{
		{-1, []string{"a"}, []string{"a1", "a3", "a5"}},
		{2, []string{"a"}, []string{"a3", "a5"}},
		{0, []string{"a"}, nil},
		{-1, []string{"a", "b"}, []string{"a1", "b2", "a3", "b4", "a5"}},
		{1, []string{"a", "b"}, []string{"b4", "a5"}},
		{-1, []string{"never-wrote"}, nil},
	} {
		_, r := logs(t, files, c.services...)
		lines := r.Last(c.n)
		var got []string
		for _, l := range lines {
			got = append(got, l.Text[strings.LastIndex(l.Text, " ")+1:])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("last %d of %v: %v, want %v", c.n, c.services, got, c.want)
		}
	}
}

// TestNothingLeadsOut: the box can write in its log folders.
func TestNothingLeadsOut(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("host secret\n"), 0o600))
	dir, r := logs(t, map[string]string{"b/current": "b\n"}, "a", "b", "c", "d", "e")
	must(t, os.MkdirAll(filepath.Join(dir, "a"), 0o755))
	must(t, os.Symlink(secret, filepath.Join(dir, "a/current")))
	must(t, os.Symlink(secret, filepath.Join(dir, "a/@4.s")))
	must(t, os.Symlink(filepath.Dir(secret), filepath.Join(dir, "c")))
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	must(t, mkfifo(filepath.Join(dir, "d/current")))
	must(t, mkfifo(filepath.Join(dir, "d/@5.s")))
	must(t, mkfifo(filepath.Join(dir, "e")))
	if got := texts(r.Last(-1)); !slices.Equal(got, []string{"b:b"}) {
		t.Errorf("got %v", got)
	}
}

func TestALongLineIsCut(t *testing.T) {
	_, r := logs(t, map[string]string{"a/current": strings.Repeat("x", 3*maxLine) + "\nnext\n"}, "a")
	lines := r.Last(-1)
	if len(lines) != 2 || len(lines[0].Text) != maxLine || lines[1].Text != "next" {
		t.Errorf("%d lines, the first of %d bytes", len(lines), len(lines[0].Text))
	}
}

// TestFollow goes through a service's first line and two rotations.
func TestFollow(t *testing.T) {
	dir, r := logs(t, nil, "a")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got := make(chan string, 100)
	ended := make(chan error, 1)
	go func() {
		ended <- r.Follow(ctx, func(l Line) error { got <- l.Text; return nil })
	}()
	expect := func(want string) {
		t.Helper()
		select {
		case text := <-got:
			if text != want {
				t.Fatalf("got %q, want %q", text, want)
			}
		case <-ctx.Done():
			t.Fatalf("%q never came", want)
		}
	}
	must(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
	current := filepath.Join(dir, "a/current")
	for round := range 3 {
		f, err := os.OpenFile(current, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		must(t, err)
		fmt.Fprintf(f, "one %d\nhalf", round)
		expect(fmt.Sprint("one ", round))
		fmt.Fprintf(f, " two %d\n", round)
		expect(fmt.Sprint("half two ", round))
		fmt.Fprintf(f, "last %d\n", round) // and rotated before anybody looks
		must(t, f.Close())
		must(t, os.Rename(current, filepath.Join(dir, fmt.Sprintf("a/@%d.s", round))))
		must(t, os.WriteFile(current, nil, 0o644))
		expect(fmt.Sprint("last ", round))
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("follow ended with %v", err)
	}
}

// TestFollowThroughABurst: several files came and went between two looks.
func TestFollowThroughABurst(t *testing.T) {
	dir, r := logs(t, map[string]string{"a/@1.s": "before\n", "a/current": "first\n"}, "a")
	var got []string
	in := bufio.NewReader(nil)
	more := func() {
		t.Helper()
		_, err := r.more("a", in, func(l Line) error {
			got = append(got, l.Service+":"+l.Text)
			return nil
		})
		must(t, err)
	}
	more()
	must(t, os.Rename(filepath.Join(dir, "a/current"), filepath.Join(dir, "a/@2.s")))
	for name, text := range map[string]string{"@3.s": "second\n", "@4.s": "third\n", "current": "fourth\n"} {
		must(t, os.WriteFile(filepath.Join(dir, "a", name), []byte(text), 0o644))
	}
	more()
	more()
	if want := []string{"a:first", "a:second", "a:third", "a:fourth"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFollowEndsWithTheSandbox(t *testing.T) {
	dir, r := logs(t, map[string]string{"a/current": "one\n"}, "a")
	err := r.Follow(t.Context(), func(Line) error { return os.RemoveAll(dir) })
	if err != nil {
		t.Errorf("got %v", err)
	}
}

func TestManyLinesTakeBoundedMemory(t *testing.T) {
	_, r := logs(t, map[string]string{"a/current": strings.Repeat("\n", 3*maxLines) + "last\n"}, "a")
	lines := r.Last(10)
	if len(lines) != 10 || lines[9].Text != "last" || cap(lines) > 10_000 {
		t.Errorf("%d lines in room for %d", len(lines), cap(lines))
	}
	if lines := r.Last(-1); len(lines) > maxLines {
		t.Errorf("%d lines", len(lines))
	}
}

func TestFollowEndsWithItsReader(t *testing.T) {
	_, r := logs(t, map[string]string{"a/current": "one\ntwo\n"}, "a")
	broken := errors.New("broken pipe")
	if err := r.Follow(t.Context(), func(Line) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
