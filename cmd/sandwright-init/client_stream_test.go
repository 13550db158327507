//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// background carries out a command line whose lines can be read as they come.
func background(ctx context.Context, line string) (lines *bufio.Reader, ended <-chan error) {
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := clientCommand(ctx, strings.Fields(line), w)
		w.Close()
		done <- err
	}()
	return bufio.NewReader(r), done
}

func expectLine(t *testing.T, in *bufio.Reader, pattern string) {
	t.Helper()
	line, err := in.ReadString('\n')
	if err != nil || !regexp.MustCompile("^"+pattern+"\n$").MatchString(line) {
		t.Fatalf("got %q, %v, want %s", line, err, pattern)
	}
}

func expectEnd(t *testing.T, ended <-chan error) {
	t.Helper()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("did not end")
	}
}

const clock = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\S+`

// Events come one a line as they happen, until the supervisor ends.
func TestClientEvents(t *testing.T) {
	p, dir := someBox(t)
	p.later = make(chan spec.Status)
	in, ended := background(t.Context(), "events --socket "+p.serveLogs(t, dir))
	expectLine(t, in, clock+"  db  ready     newline on fd 3")
	expectLine(t, in, clock+"  job  failed    exited 3")
	expectLine(t, in, clock+"  web  unready   GET / 503")
	next := p.status
	next.Services = append([]spec.ServiceStatus{}, p.status.Services[1:]...)
	next.Services[1].State, next.Services[1].Reason = spec.StateStopping, "\x1b[2Jclear\nme"
	p.later <- next
	expectLine(t, in, clock+"  web  stopping  \uFFFD\\[2Jclear me")
	expectLine(t, in, clock+"  db   gone      the spec has it no more")
	close(p.later)
	expectEnd(t, ended)
}

func TestClientEventsJSON(t *testing.T) {
	p, dir := someBox(t)
	ctx, cancel := context.WithCancel(t.Context())
	in, ended := background(ctx, "events job --json --socket "+p.serveLogs(t, dir))
	line, err := in.ReadBytes('\n')
	var e spec.Event
	if err := errors.Join(err, json.Unmarshal(line, &e)); err != nil || e.Service != "job" || e.Restarts != 2 {
		t.Errorf("%s: %v", line, err)
	}
	cancel() // as Ctrl-C does
	expectEnd(t, ended)
}

func TestClientLogsFollow(t *testing.T) {
	p, dir := someBox(t)
	ctx, cancel := context.WithCancel(t.Context())
	in, ended := background(ctx, "logs -f -n 1 db --socket "+p.serveLogs(t, dir))
	expectLine(t, in, "2026-01-01 00:00:02  db .*")
	f, err := os.OpenFile(dir+"/db/current", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintln(f, "more")
	expectLine(t, in, "more")
	cancel()
	expectEnd(t, ended)
}

// Ctrl-C is how following ends, and no end of a wait.
func TestClientInterrupted(t *testing.T) {
	p, dir := someBox(t)
	socket := p.serveLogs(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	_, ended := background(ctx, "wait web --socket "+socket)
	time.AfterFunc(50*time.Millisecond, cancel)
	select {
	case err := <-ended:
		if err == nil || err.Error() != "cannot wait: interrupted" {
			t.Errorf("got %v", err)
		}
	case <-time.After(patience):
		t.Fatal("did not end")
	}
}

// broken is a pipe that nobody reads any more.
type broken struct{}

func (broken) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}
}

// head ends what it reads from, and that is no error.
func TestClientIntoABrokenPipe(t *testing.T) {
	p, dir := someBox(t)
	socket := p.serveLogs(t, dir)
	for _, line := range []string{"logs db", "logs -f db", "events"} {
		if _, err := clientCommand(t.Context(), strings.Fields(line+" --socket "+socket), broken{}); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if _, err := clientCommand(t.Context(), []string{"status", "--socket", socket}, broken{}); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("status: %v", err)
	}
}

func TestCopyVisible(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		"a\nb\n":                     "a\nb\n",
		"a\nb":                       "a\nb",
		"\x1b[31mred\x1b[0m\n\x07\n": "red\n\uFFFD\n",
		"a\r\nb":                     "a\uFFFD\nb",
	} {
		var out bytes.Buffer
		if err := copyVisible(&out, iotest.OneByteReader(strings.NewReader(text))); err != nil || out.String() != want {
			t.Errorf("%q: %q, %v", text, out.String(), err)
		}
	}
	failure := errors.New("cannot read on")
	var out bytes.Buffer
	err := copyVisible(&out, io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(failure)))
	if !errors.Is(err, failure) || out.String() != "a\nb" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if err := copyVisible(broken{}, strings.NewReader("a")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoTerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if isTerminal(f) || isTerminal(&bytes.Buffer{}) {
		t.Error("a file is a terminal")
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	if !isTerminal(terminal) {
		t.Error("a terminal is none")
	}
}
