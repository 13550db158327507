package probe

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestParseMessage(t *testing.T) {
	text := func(s string) *string { return &s }
	for in, want := range map[string]Message{
		"":                                      {},
		"READY=1":                               {Ready: true},
		"READY=1\nSTATUS=Serving 3 of 4\n":      {Ready: true, Status: text("Serving 3 of 4")},
		"RELOADING=1\nMONOTONIC_USEC=12":        {Reloading: true},
		"STOPPING=1":                            {Stopping: true},
		"STATUS=":                               {Status: text("")},
		"STATUS=one\nSTATUS=two=2":              {Status: text("two=2")},
		"STATUS=\x1b[2Jclear":                   {Status: text("�[2Jclear")},
		"STATUS=\xff":                           {},
		"WATCHDOG=1":                            {Alive: true},
		"WATCHDOG=trigger":                      {Trigger: true},
		"WATCHDOG_USEC=20000000":                {Watchdog: 20 * time.Second},
		"WATCHDOG_USEC=-1":                      {},
		"WATCHDOG_USEC=18446744073709551615":    {},
		"MAINPID=1\nFDSTORE=1\nBARRIER=1":       {},
		"READY=0\nREADY\n=1\nready=1\nREADY=1 ": {},
		"READY=10":                              {},
	} {
		got, ok := parseMessage([]byte(in))
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%q: %t %s", in, ok, diff)
		}
	}
	if _, ok := parseMessage([]byte("READY=1\x00")); ok {
		t.Error("a NUL is taken")
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte("READY=1\nSTATUS=x\nWATCHDOG_USEC=5"))
	f.Add([]byte("STATUS=\x1b\xc3"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _ := parseMessage(data)
		if m.Status != nil && (!utf8.ValidString(*m.Status) || len(*m.Status) > phraseBytes+3 || strings.ContainsAny(*m.Status, "\n\x1b\x00")) {
			t.Errorf("status %q", *m.Status)
		}
		if m.Watchdog < 0 || m.PID != 0 {
			t.Errorf("got %+v", m)
		}
	})
}
