//go:build linux

package svlog

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/redact"
	"github.com/sandwright/sandwright/internal/spec"
)

const (
	hiddenToken = `tok"en/with+all=of it`
	hiddenKey   = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nshort\n-----END KEY-----"
)

// hiding is a pool that hides two secrets.
func hiding(t *testing.T, o Options) *Pool {
	t.Helper()
	o.Secrets = &redact.Live{}
	o.Secrets.Put(redact.New(map[string]string{"TOKEN": hiddenToken, "KEY": hiddenKey}))
	return pool(t, o, system{})
}

// A secret reaches neither the files nor whoever hears of lines, in whatever
// form, format and pieces.
func TestNoSecretIsLogged(t *testing.T) {
	for _, format := range []string{"", "json"} {
		var shown bytes.Buffer
		p := hiding(t, Options{Mirror: &shown})
		l, dir := openIn(t, p, "web"+format, spec.Rotation{Format: format, Mirror: true})
		var mu sync.Mutex
		var heard []string
		w, s := feed(t, l, "stdout", func(line []byte) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, string(line))
		})
		text := "plain " + hiddenToken + "\n" + base64.StdEncoding.EncodeToString([]byte("user:"+hiddenToken)) + "\n" +
			fmt.Sprintf("%q\n", hiddenToken) + "key:\n" + hiddenKey + "\nlast " + hiddenToken + "\n"
		for _, piece := range []int{len(text), 1000, 7, 1} {
			for rest := text; rest != ""; rest = rest[min(piece, len(rest)):] {
				if _, err := io.WriteString(w, rest[:min(piece, len(rest))]); err != nil {
					t.Fatal(err)
				}
				if piece > 1 && piece < 1000 {
					time.Sleep(time.Millisecond) // so that some are read alone
				}
			}
		}
		s.Flush(patience)
		if got := l.Last(); got != "last [redacted TOKEN]" {
			t.Errorf("last is %q", got)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		logged := read(t, dir, "current")
		for where, got := range map[string]string{"the log": logged, "the mirror": shown.String(), "what is heard": strings.Join(heard, "\n")} {
			if strings.Contains(got, `tok`) || strings.Contains(got, "MIIE") || strings.Contains(got, "OnRvay") || strings.Contains(got, "short") {
				t.Errorf("%s has a secret: %s", where, got)
			}
			if n := strings.Count(got, "[redacted TOKEN]"); n != 16 {
				t.Errorf("%s has %d marks: %s", where, n, got)
			}
			if n := strings.Count(got, "plain [redacted"); n != 4 {
				t.Errorf("%s has %d of 4 plain lines: %s", where, n, got)
			}
		}
	}
}

// A line that is split because it is long does not split a secret.
func TestSecretWhereALineIsSplit(t *testing.T) {
	p := hiding(t, Options{})
	l, dir := openIn(t, p, "web", spec.Rotation{Stamp: "none"})
	w, s := feed(t, l, "stdout", nil)
	for before := maxLine - 30; before < maxLine+5; before++ {
		fmt.Fprint(w, strings.Repeat("-", before)+hiddenToken+"\n")
	}
	s.Flush(patience)
	got := read(t, dir, "current")
	if strings.Contains(got, "tok") || strings.Contains(got, "f it") {
		t.Error("a part of a secret is logged")
	}
	if n := strings.Count(strings.ReplaceAll(got, "\n", ""), "[redacted TOKEN]"); n != 35 {
		t.Errorf("%d marks, want 35", n)
	}
}

// What may be the beginning of a secret is not lost: it is there once somebody
// waits for it, the next line shows that it is none, or the service ends.
func TestBeginningOfASecret(t *testing.T) {
	p := hiding(t, Options{})
	l, dir := openIn(t, p, "web", spec.Rotation{Stamp: "none"})
	w, s := feed(t, l, "stdout", nil)
	fmt.Fprint(w, "one\n-----BEGIN KEY-----\n")
	eventually(t, "the line before", func() bool { return read(t, dir, "current") == "one\n" })
	s.Flush(patience)
	if got := read(t, dir, "current"); got != "one\n-----BEGIN KEY-----\n" {
		t.Errorf("when somebody waits there is %q", got)
	}
	fmt.Fprint(w, "-----BEGIN KEY-----\nno key\n")
	want := "one\n-----BEGIN KEY-----\n-----BEGIN KEY-----\nno key\n"
	eventually(t, "the next line", func() bool { return read(t, dir, "current") == want })
	fmt.Fprint(w, "-----BEGIN KEY-----\nMI")
	w.Close()
	<-s.done
	if got := read(t, dir, "current"); got != want+"-----BEGIN KEY-----\nMI\n" {
		t.Errorf("at the end there is %q", got)
	}
}

// A secret that becomes another one is hidden from then on, in streams that
// flow already.
func TestAnotherSecret(t *testing.T) {
	secrets := &redact.Live{}
	p := pool(t, Options{Secrets: secrets}, system{})
	l, dir := openIn(t, p, "web", spec.Rotation{Stamp: "none"})
	w, s := feed(t, l, "stdout", nil)
	say := func(text string) {
		fmt.Fprint(w, text)
		s.Flush(patience)
	}
	say("first-secret second-secret\n")
	secrets.Put(redact.New(map[string]string{"A": "first-secret"}))
	say("first-secret second-secret\n")
	secrets.Put(redact.New(map[string]string{"A": "first-secret", "B": "second-secret"}))
	say("first-secret second-secret\n")
	want := "first-secret second-secret\n[redacted A] second-secret\n[redacted A] [redacted B]\n"
	if got := read(t, dir, "current"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
