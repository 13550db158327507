package supervise

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRecordsAreReadAsWritten(t *testing.T) {
	dir := t.TempDir()
	r, err := openRecords(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.begin("web", []string{"pipe:[1]", "pipe:[2]"}); err != nil {
			t.Fatal(err)
		}
	}
	r.note("web", os.Getpid())
	if err := r.begin("db", nil); err != nil {
		t.Fatal(err)
	}
	r.end("db")
	r.note("db", 7)
	got, err := r.read()
	want := []trace{{service: "web", pipes: map[string]bool{"pipe:[1]": true, "pipe:[2]": true}, pid: os.Getpid(), start: startOf(os.Getpid())}}
	if err != nil || !reflect.DeepEqual(got, want) || want[0].start == 0 {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestParseTrace(t *testing.T) {
	for text, want := range map[string]trace{
		"":                                   {},
		"pipe:[7]\n12 345\n":                 {pipes: map[string]bool{"pipe:[7]": true}, pid: 12, start: 345},
		"pipe:[7]\n12 34":                    {pipes: map[string]bool{"pipe:[7]": true}},
		"12 345\npipe:[7":                    {pid: 12, start: 345},
		"1 345\n":                            {},
		"-12 345\n":                          {},
		"0 0\n":                              {},
		"12 x\nx 12\nsocket:[7]\n/etc/x\n\n": {},
	} {
		want.service = "x"
		if want.pipes == nil {
			want.pipes = map[string]bool{}
		}
		if got := parseTrace("x", text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}

// Whatever stands in a record, PID 1 and we ourselves are nobody's remnants.
func FuzzParseTrace(f *testing.F) {
	f.Add("pipe:[7]\n12 345\n")
	f.Add("1 1\n0 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := parseTrace("x", text)
		if got.pid < 0 || got.pid == 1 {
			t.Errorf("%q: %+v", text, got)
		}
		for name := range got.pipes {
			if !strings.HasPrefix(name, "pipe:[") {
				t.Errorf("%q: %q", text, name)
			}
		}
	})
}

func TestParseStat(t *testing.T) {
	const rest = " 1 2 34816 7 4194304 1 2 3 4 5 6 7 8 20 0 1 0 999 1000 10"
	for text, want := range map[string]procStat{
		"7 (sh) S 3" + rest:            {'S', 3, 2, 999},
		"7 (a ) Z 9 (b) S 3" + rest:    {'S', 3, 2, 999},
		"7 (sh) S 3":                   {},
		"":                             {},
		"7 (sh) SS 3" + rest:           {},
		"7 (sh) S x" + rest:            {},
		"no parentheses S 3 1 2 3 4 5": {},
	} {
		got, ok := parseStat(text)
		if ok != (want != procStat{}) || ok && got != want {
			t.Errorf("%q: %+v, %v", text, got, ok)
		}
	}
	if got, ok := readStat(os.Getpid()); !ok || got.parent != os.Getppid() || got.start == 0 {
		t.Errorf("our own: %+v, %v", got, ok)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("7 (sh) S 3 1 2 34816 7 4194304 1 2 3 4 5 6 7 8 20 0 1 0 999 1000 10")
	f.Add(") ")
	f.Fuzz(func(_ *testing.T, text string) { parseStat(text) })
}

// Remnants are found by their pipe, their session and their number, and nobody
// else is touched.
func TestEndRemnants(t *testing.T) {
	r, err := openRecords(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pipes := &pipes{}
	_, w := pipes.open()
	defer pipes.closeReaders()
	holder := exec.Command("sleep", "1000")
	holder.Stdout = os.NewFile(w, "w")
	leader := exec.Command("sh", "-c", "trap '' TERM; sleep 1000 & wait; sleep 1000")
	leader.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	bystander := exec.Command("sleep", "1000")
	for _, cmd := range []*exec.Cmd{holder, leader, bystander} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = cmd.Process.Kill() }()
	}
	holder.Stdout.(*os.File).Close()
	if err := r.begin("holder", pipes.names()); err != nil {
		t.Fatal(err)
	}
	if err := r.begin("leader", nil); err != nil {
		t.Fatal(err)
	}
	r.note("leader", leader.Process.Pid)
	// The number of a process that is gone is somebody else's now.
	if err := os.WriteFile(filepath.Join(r.dir, "reused"), []byte("1000000 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said []string
	done := make(chan error, 1)
	go func() {
		done <- r.endRemnantsWithin(300*time.Millisecond, 10*time.Second, func(line string) { said = append(said, line) })
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(r.dir); len(left) != 0 {
		t.Errorf("records are left: %v", left)
	}
	for _, pid := range []int{holder.Process.Pid, leader.Process.Pid} {
		if s, ok := readStat(pid); ok && s.state != 'Z' {
			t.Errorf("process %d is there: %+v", pid, s)
		}
	}
	if s, ok := readStat(bystander.Process.Pid); !ok || s.state == 'Z' {
		t.Error("a bystander has been ended")
	}
	if text := strings.Join(said, "\n"); !strings.Contains(text, "holder: an earlier supervisor left 1 of its processes, sending SIGTERM") || !strings.Contains(text, "leader: an earlier supervisor left") || !strings.Contains(text, "SIGKILL") {
		t.Errorf("said %q", said)
	}
}
