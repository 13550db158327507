package logview

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// patience is how long a test waits for what should come at once.
const patience = 30 * time.Second

func TestStream(t *testing.T) {
	_, r := logs(t, map[string]string{
		"a/@1.u":    "2026-01-01 00:00:01  a1\n2026-01-01 00:00:03  a3, cut",
		"a/current": "2026-01-01 00:00:05  a5\nnot ended",
		"b/current": "2026-01-01 00:00:02  b2\n2026-01-01 00:00:09  b9\n2026-01-01 00:00:04  b4, the clock went back\n",
		"c/current": "",
	}, "b", "a", "c", "d")
	for n, want := range map[int][]string{
		-1: {"a1", "b2", "a3, cut", "a5", "b9", "b4, the clock went back", "pause"},
		2:  {"a3, cut", "a5", "b9", "b4, the clock went back", "pause"},
		1:  {"b4, the clock went back", "a5", "pause"},
		0:  {"pause"},
	} {
		var got []string
		err := r.Stream(t.Context(), n, false, func(service, text string) error {
			_, text, _ = strings.Cut(text, "  ")
			if !strings.HasPrefix(text, service) {
				t.Errorf("%q is not of %s", text, service)
			}
			got = append(got, text)
			return nil
		}, func() error {
			got = append(got, "pause")
			return nil
		})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%d: %v, -want +got:\n%s", n, err, diff)
		}
	}
}

// Lines with the same stamp come in the order of the services.
func TestTiesStayInOrder(t *testing.T) {
	_, r := logs(t, map[string]string{"a/current": "1 1 a\n1 1 a\n", "b/current": "1 1 b\n", "c/current": "0 1 c\n1 1 c\n2 1 c\n"}, "a", "b", "c")
	want := []string{"c:0 1 c", "a:1 1 a", "a:1 1 a", "b:1 1 b", "c:1 1 c", "c:2 1 c"}
	if got := texts(r.Last(-1)); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestStreamEndsWithItsReader(t *testing.T) {
	_, r := logs(t, map[string]string{"a/current": "one\ntwo\n"}, "a")
	broken := errors.New("broken pipe")
	fine := func(string, string) error { return nil }
	for _, follow := range []bool{false, true} {
		if err := r.Stream(t.Context(), -1, follow, func(string, string) error { return broken }, func() error { return nil }); !errors.Is(err, broken) {
			t.Errorf("follow %v: got %v", follow, err)
		}
		if err := r.Stream(t.Context(), -1, follow, fine, func() error { return broken }); !errors.Is(err, broken) {
			t.Errorf("follow %v: got %v", follow, err)
		}
	}
}

// What was written when the context ended is given, and flushed.
func TestFollowLooksOnceMore(t *testing.T) {
	_, r := logs(t, map[string]string{"a/current": "one\n"}, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var got []string
	err := r.Stream(ctx, 0, true, nil, func() error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	_, r = logs(t, map[string]string{"a/current": "one\n"}, "a")
	err = r.follow(ctx, func(l Line) error {
		got = append(got, l.Text)
		return nil
	}, func() error {
		got = append(got, "pause")
		return nil
	})
	if !errors.Is(err, context.Canceled) || !slices.Contains(got, "one") || got[len(got)-1] != "pause" {
		t.Errorf("got %v, %v", got, err)
	}
}

// However fast a service writes, an ended context ends the following.
func TestFollowOfAFloodEnds(t *testing.T) {
	dir, r := logs(t, map[string]string{"a/current": ""}, "a")
	f, err := os.OpenFile(filepath.Join(dir, "a/current"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	defer f.Close()
	line := strings.Repeat("x", 1000) + "\n"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lines := 0
	_, err = f.WriteString(line)
	must(t, err)
	err = r.Follow(ctx, func(Line) error {
		if lines++; lines == 10 {
			cancel()
		}
		if lines > 100_000 {
			return errors.New("never ends")
		}
		_, err := f.WriteString(line + line) // there is always more
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v after %d lines", err, lines)
	}
}

// Streaming takes memory for a line and a buffer of each service, not for what
// they have logged.
func TestStreamTakesLittleMemory(t *testing.T) {
	files, text := map[string]string{}, strings.Repeat(strings.Repeat("x", 99)+"\n", 80_000)
	for _, service := range []string{"a", "b"} {
		files[service+"/@1.s"], files[service+"/current"] = text, text
	}
	_, r := logs(t, files, "a", "b")
	lines, most := 0, uint64(0)
	base := heap()
	err := r.Stream(t.Context(), -1, false, func(string, string) error {
		if lines++; lines%50_000 == 0 {
			most = max(most, heap())
		}
		return nil
	}, func() error { return nil })
	if err != nil || lines != 320_000 {
		t.Errorf("%d lines, %v", lines, err)
	}
	if most > base+4<<20 {
		t.Errorf("%d bytes more", most-base)
	}
}

// heap is the bytes in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// numbered is how many lines a logger is given, "line 0" first.
const numbered = 30_000

// The real s6-log, and one that renames as ours does, rotate as fast as they
// can: nothing is lost and nothing given twice.
func TestFollowLoggers(t *testing.T) {
	for name, write := range map[string]func(*testing.T, string){"s6-log": realLogger, "ours": renamingLogger} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r, err := Open(dir, []string{"a"})
			must(t, err)
			defer r.Close()
			written := make(chan struct{})
			go func() {
				defer close(written)
				write(t, filepath.Join(dir, "a"))
			}()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			n := 0
			err = r.Stream(ctx, -1, true, func(_, text string) error {
				if want := fmt.Sprint("line ", n); text != want {
					return fmt.Errorf("got %q, want %q", text, want)
				}
				if n++; n == numbered {
					cancel()
				}
				return nil
			}, func() error { return nil })
			<-written
			if !errors.Is(err, context.Canceled) || n != numbered {
				t.Errorf("%v after %d lines", err, n)
			}
		})
	}
}

func realLogger(t *testing.T, dir string) {
	cmd := exec.CommandContext(t.Context(), "s6-log", "n1000", "s4096", dir)
	var text strings.Builder
	for i := range numbered {
		fmt.Fprintln(&text, "line", i)
	}
	cmd.Stdin = strings.NewReader(text.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("s6-log: %v: %s", err, out)
	}
}

// renamingLogger rotates each 400 lines, and finishes a file after it has
// begun the next.
func renamingLogger(t *testing.T, dir string) {
	path := func(name string) string { return filepath.Join(dir, name) }
	errs := []error{os.Mkdir(dir, 0o755)}
	for file := range numbered / 400 {
		f, err := os.Create(path("current"))
		if err != nil {
			t.Error(err)
			return
		}
		for i := range 400 {
			fmt.Fprintln(f, "line", file*400+i)
		}
		name := fmt.Sprintf("@%08d", file)
		errs = append(errs, f.Close(), os.Rename(path("current"), path(name+".u")))
		if file > 0 {
			before := fmt.Sprintf("@%08d", file-1)
			errs = append(errs, os.Rename(path(before+".u"), path(before+".s")))
		}
	}
	if err := errors.Join(append(errs, os.WriteFile(path("current"), nil, 0o644))...); err != nil {
		t.Error(err)
	}
}

// A file that was left by a logger that died while it rotated is one of the
// kept ones.
func TestAPreviousFileIsKept(t *testing.T) {
	_, r := logs(t, map[string]string{"a/@1.s": "1\n", "a/@2.u": "2\n", "a/previous": "3\n", "a/current": "4\n"}, "a")
	for n, want := range map[int][]string{-1: {"a:1", "a:2", "a:3", "a:4"}, 3: {"a:2", "a:3", "a:4"}} {
		if got := texts(r.Last(n)); !slices.Equal(got, want) {
			t.Errorf("last %d: %v", n, got)
		}
	}
}

// A service that has begun to write, and rotated, since it was looked at.
func TestFollowFromBeforeTheFirstLine(t *testing.T) {
	for _, asked := range []bool{true, false} { // whether the past was asked for first
		dir, r := logs(t, map[string]string{"a/@1.s": "past\n"}, "a")
		if asked {
			r.Last(-1)
		}
		var got []string
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		err := r.follow(ctx, func(l Line) error {
			if got = append(got, l.Text); len(got) == 3 {
				cancel()
			}
			return nil
		}, func() error { // nothing has come yet
			for name, text := range map[string]string{"@2.s": "one\n", "@3.u": "two\n", "current": "three\n"} {
				must(t, os.WriteFile(filepath.Join(dir, "a", name), []byte(text), 0o644))
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) || !slices.Equal(got, []string{"one", "two", "three"}) {
			t.Errorf("asked %v: %v, %q", asked, err, got)
		}
	}
}
