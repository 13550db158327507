package handover

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// given gives the descriptor of f away, as a process gets its stdin.
func given(t *testing.T, f *os.File) patient {
	t.Helper()
	fd, err := unix.Dup(int(f.Fd()))
	must(t, err)
	must(t, f.Close())
	in, err := Patient(fd)
	must(t, err)
	own, ok := in.(patient)
	if !ok {
		t.Fatalf("it is a %T", in)
	}
	return own
}

// pipe gives a pipe whose reader loses its patience after most.
func pipe(t *testing.T, most time.Duration) (io.Reader, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	must(t, err)
	own := given(t, r)
	own.most = most
	t.Cleanup(func() { own.f.Close(); w.Close() })
	return own, w
}

// TestPatience: who sends nothing is given up; who sends a little now and then
// is not.
func TestPatience(t *testing.T) {
	in, _ := pipe(t, time.Second/20)
	if _, err := Take(in, io.Discard); err == nil || !strings.HasSuffix(err.Error(), "nothing has come for 50ms") {
		t.Errorf("of a silent sender it says %v", err)
	}
	root := t.TempDir()
	var whole strings.Builder
	must(t, Send(&whole, Offer{Root: root, Items: []Item{put("a", "text", "")}}, func(int) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("text")), nil
	}))
	in, slow := pipe(t, time.Minute)
	go func() {
		for i := range whole.Len() {
			_, _ = slow.WriteString(whole.String()[i : i+1])
		}
		slow.Close()
	}()
	if _, err := Take(in, io.Discard); err != nil || grown(t, root) != "a = text\n" {
		t.Errorf("%v, and there is %q", err, grown(t, root))
	}
	// One that stops in the middle changes nothing.
	in, stuck := pipe(t, time.Second/20)
	_, err := stuck.WriteString(strings.Replace(whole.String(), `"a"`, `"b"`, 1)[:whole.Len()-2])
	must(t, err)
	if _, err := Take(in, io.Discard); err == nil || grown(t, root) != "a = text\n" {
		t.Errorf("%v, and there is %q", err, grown(t, root))
	}
}

// TestPatienceWithAFile: a file has no deadline, and needs none.
func TestPatienceWithAFile(t *testing.T) {
	name := t.TempDir() + "/f"
	must(t, os.WriteFile(name, []byte("text"), 0o600))
	f, err := os.Open(name)
	must(t, err)
	in := given(t, f)
	defer in.f.Close()
	if got, err := io.ReadAll(in); err != nil || string(got) != "text" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestItSaysThatItGoesOn(t *testing.T) {
	var said strings.Builder
	now := &taker{alive: &said, said: time.Now()}
	for range 10 {
		now.tick()
	}
	now.said = now.said.Add(-2 * beat)
	now.tick()
	if said.String() != "\n" {
		t.Errorf("it says %q", said.String())
	}
}
