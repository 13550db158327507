//go:build linux

package s6

import (
	"bytes"
	"encoding/hex"
	"syscall"
	"testing"
	"time"
)

// A status that the real s6-supervise has written.
const observed = "400000006b05c6720ecae9a6" + "400000006b05c6720ed5de54" + "0000000000005f97" + "000f" + "0d"

func TestStatus(t *testing.T) {
	b, err := hex.DecodeString(observed)
	if err != nil {
		t.Fatal(err)
	}
	s, err := DecodeStatus(b)
	if err != nil {
		t.Fatal(err)
	}
	if s.PID != 0x5f97 || !s.Wait.Signaled() || s.Wait.Signal() != syscall.SIGTERM || !s.Paused || s.Finishing || !s.Wanted || !s.Ready {
		t.Errorf("%+v", s)
	}
	if want := time.Unix(0x6b05c672-37, 0x0ecae9a6); !s.Changed.Equal(want) || !s.ReadyAt.After(want) {
		t.Errorf("%s, %s", s.Changed, s.ReadyAt)
	}
	if !bytes.Equal(s.Encode(), b) {
		t.Errorf("%x is written %x", b, s.Encode())
	}
}

func TestDecodeStatusRefuses(t *testing.T) {
	good, err := hex.DecodeString(observed)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func([]byte) []byte{
		"empty": func([]byte) []byte { return nil },
		"short": func(b []byte) []byte { return b[:34] },
		"long":  func(b []byte) []byte { return append(b, 0) },
		"flags": func(b []byte) []byte { b[34] = 16; return b },
		"stamp": func(b []byte) []byte { b[0] = 0xff; return b },
		"ready": func(b []byte) []byte { b[20] = 0xff; return b },
		"pid":   func(b []byte) []byte { b[24] = 1; return b },
	} {
		if s, err := DecodeStatus(change(bytes.Clone(good))); err != ErrStatus {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func FuzzDecodeStatus(f *testing.F) {
	good, err := hex.DecodeString(observed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(make([]byte, StatusSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := DecodeStatus(b); err == nil && !bytes.Equal(s.Encode(), b) {
			t.Errorf("%x is written %x", b, s.Encode())
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Add("12 345\n")
	f.Add("1 0")
	f.Add("-5 7 8")
	f.Fuzz(func(t *testing.T, text string) {
		if pid, _, ok := parseRecord(text); ok && pid < 2 {
			t.Errorf("%q is process %d", text, pid)
		}
	})
}

func TestParseSignal(t *testing.T) {
	for text, want := range map[string]syscall.Signal{
		"TERM": syscall.SIGTERM, "SIGTERM": syscall.SIGTERM, "sigusr1": syscall.SIGUSR1, "9": syscall.SIGKILL, "64": 64,
		"": 0, "0": 0, "65": 0, "-1": 0, "bogus": 0, "SIG": 0,
	} {
		if got := parseSignal(text); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}

func TestIsListener(t *testing.T) {
	for name, want := range map[string]bool{
		"ftrig1:@400000006b05c6720ecae9a6:abcdef":  true,
		"ftrig1:@400000006b05c6720ecae9a6:abcdefg": false,
		"ftrig1:@400000006b05c6720ecae9a6abcdefg":  false,
		".ftrig1:@400000006b05c6720ecae9a6:abcde":  false,
		"ftrig1:": false, "": false,
	} {
		if got := isListener(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// A tally at its edges: none, the oldest record forgotten, and one with half
// a record at its end.
func TestDeathTally(t *testing.T) {
	d, err := openDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(d.fd)
	if _, err := d.mkdir("supervise"); err != nil {
		t.Fatal(err)
	}
	die := func(most int, status syscall.WaitStatus) []byte {
		t.Helper()
		if err := d.addDeath(most, time.Unix(7, 8), status); err != nil {
			t.Fatal(err)
		}
		tally, _ := d.read(tallyFile, 1<<20)
		return tally
	}
	if got := die(0, 0); got != nil {
		t.Errorf("none is kept, and there are %x", got)
	}
	const stamp = "400000000000002c00000008"
	if got := hex.EncodeToString(die(2, 3<<8)); got != stamp+"0300" {
		t.Errorf("got %s", got)
	}
	if got := hex.EncodeToString(die(2, 9)); got != stamp+"0300"+stamp+"8909" {
		t.Errorf("got %s", got)
	}
	if got := hex.EncodeToString(die(2, 1<<8)); got != stamp+"8909"+stamp+"0100" {
		t.Errorf("got %s", got)
	}
	if err := d.write(tallyFile, []byte("half")); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(die(1, 1<<8)); got != stamp+"0100" {
		t.Errorf("got %s", got)
	}
}

func TestNumbers(t *testing.T) {
	d, err := openDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(d.fd)
	for text, want := range map[string]int{"3": 3, "3\n": 3, "0": 0, "65535\n": 65535, "65536": -1, "": -1, "-1": -1, "x": -1, "3 4": -1, "99999999999999999999": -1} {
		if err := d.write("n", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := d.descriptor("n"); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
	if err := d.write("n", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := d.milliseconds("n", time.Second); got != time.Second {
		t.Errorf("nonsense is %s", got)
	}
	if err := syscall.Mkfifo(d.path+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	if got := d.descriptor("fifo"); got != -1 {
		t.Errorf("a FIFO that nobody writes is %d", got)
	}
}
