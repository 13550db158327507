package control

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
)

func question(raw string) *http.Request { return &http.Request{URL: &url.URL{RawQuery: raw}} }

func TestQuery(t *testing.T) {
	r := question("service=b&service=a&service=b&follow=true&lines=7&timeout=1m30s&for=exited&signal=hup")
	q := readQuery(r, "service", "follow", "lines", "timeout", "for", "signal", "absent")
	got := fmt.Sprintln(q.services(), q.flag("follow"), q.count("lines"), q.duration("timeout"), q.goal(), q.signal())
	if want := "[a b] true 7 1m30s exited hangup\n"; got != want || q.err() != nil {
		t.Errorf("got %s, %v", got, q.err())
	}
	got = fmt.Sprintln(q.flag("absent"), q.count("absent"), q.duration("absent"), q.choice("absent", "x", "y"))
	if want := "false -1 0s x\n"; got != want || q.err() != nil {
		t.Errorf("absent: %s, %v", got, q.err())
	}
}

// Each fault of the parameters, with its hint.
func TestQueryFaults(t *testing.T) {
	const time = `it is a time such as 30s, at most 1h0m0s`
	for raw, want := range map[string]string{
		"%zz":                            `cannot read the parameters: invalid URL escape "%zz"`,
		"a;b":                            `cannot read the parameters: invalid semicolon separator in query`,
		strings.Repeat("x", maxQuery+1):  `cannot read the parameters: they are longer than 16384 bytes`,
		"folow=true":                     `cannot use parameter "folow" (did you mean follow?)`,
		"zzz=1&follow=x":                 `cannot use follow="x": it is true or false` + "\n" + `cannot use parameter "zzz"`,
		"follow=true&follow=true":        `cannot use 2 values of follow: it has one`,
		"lines=-1":                       `cannot use lines="-1": it is 0 to 2147483647`,
		"lines=2147483648":               `cannot use lines="2147483648": it is 0 to 2147483647`,
		"lines=1e3":                      `cannot use lines="1e3": it is 0 to 2147483647`,
		"timeout=30":                     `cannot use timeout="30": ` + time,
		"timeout=-1s":                    `cannot use timeout="-1s": ` + time,
		"timeout=2h":                     `cannot use timeout="2h": ` + time,
		"for=redy":                       `cannot use for="redy": it is one of ready, started, exited, stopped, settled (did you mean ready?)`,
		"signal=SIGHPU":                  `cannot find signal "SIGHPU" (did you mean SIGHUP?)`,
		"signal=0":                       `cannot find signal "0" (a signal is a name such as SIGHUP, or 1 to 64)`,
		"for=" + strings.Repeat("é", 99): `cannot use for="` + strings.Repeat("é", 32) + `"…: it is one of ready, started, exited, stopped, settled`,
	} {
		q := readQuery(question(raw), "service", "follow", "lines", "timeout", "for", "signal")
		q.services()
		q.flag("follow")
		q.count("lines")
		q.duration("timeout")
		q.goal()
		if q.values.Has("signal") {
			q.signal()
		}
		var got []string
		for _, f := range fault.All(q.err()) {
			line := f.Error()
			if f.Hint != "" {
				line += " (" + f.Hint + ")"
			}
			if f.Code != fault.ExitUsage {
				t.Errorf("%.40s: code %d", raw, f.Code)
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("%.40s: -want +got:\n%s", raw, diff)
		}
	}
}

func TestParseSignal(t *testing.T) {
	for text, want := range map[string]syscall.Signal{
		"SIGHUP": syscall.SIGHUP, "HUP": syscall.SIGHUP, "hup": syscall.SIGHUP, "sigUsr1": syscall.SIGUSR1, "1": syscall.SIGHUP,
		"9": syscall.SIGKILL, "64": 64, "007": 7,
		"": 0, "0": 0, "65": 0, "-9": 0, "+9": 0, "SIG": 0, "SIGSIGHUP": 0, "SIG9": 0, "HUP ": 0, "0x9": 0, "1_0": 0, "99999999999999999999": 0,
	} {
		got, err := ParseSignal(text)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
}

// A signal that is read is one, by its name too.
func FuzzParseSignal(f *testing.F) {
	for _, text := range []string{"SIGHUP", "hup", "9", "64", "65", "SIGRTMIN", "ſIGHUP", "\x00", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sig, err := ParseSignal(text)
		if err != nil {
			if sig != 0 || fault.Code(err) != fault.ExitUsage {
				t.Errorf("%q: %d, %v", text, sig, err)
			}
			return
		}
		if sig < 1 || sig > maxSignal {
			t.Errorf("%q: %d", text, sig)
		}
		if again, err := ParseSignal(fmt.Sprint(int(sig))); again != sig || err != nil {
			t.Errorf("%q is %d, which is %d, %v", text, sig, again, err)
		}
	})
}

// Parameters are refused as the client's fault, or within their bounds.
func FuzzQuery(f *testing.F) {
	for _, raw := range []string{"service=a&lines=1", "follow=1;", "timeout=1h", "for=ready&for=x", "%", "lines=00000000000000000001", "service=%ff"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q := readQuery(question(raw), "service", "follow", "lines", "timeout", "for")
		lines, timeout := q.count("lines"), q.duration("timeout")
		q.services()
		q.flag("follow")
		q.goal()
		if err := q.err(); err != nil {
			if code := codeOf(err); code != http.StatusBadRequest {
				t.Errorf("%q: %d, %v", raw, code, err)
			}
			return
		}
		if lines < -1 || timeout < 0 || timeout > time.Hour {
			t.Errorf("%q: %d lines, %s", raw, lines, timeout)
		}
	})
}
