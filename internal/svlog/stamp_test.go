//go:build linux

package svlog

import (
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/tai64n"
)

// A stamp is what the standard library writes, also when the second changes
// back, and when both are asked for.
func TestStamperWritesWhatTimeDoes(t *testing.T) {
	base := time.Date(2026, 3, 29, 0, 59, 59, 0, time.UTC).Local()
	iso, tai, both := stamper{iso: true}, stamper{tai: true}, stamper{iso: true, tai: true}
	for _, d := range []time.Duration{0, 1, 999_999_999, time.Second, 90 * time.Minute, -time.Hour, 5, -1} {
		now := base.Add(d)
		wantISO := now.Format("2006-01-02 15:04:05.000000000  ")
		wantTAI := tai64n.Format(now) + " "
		for _, tt := range []struct {
			stamp *stamper
			want  string
		}{{&iso, wantISO}, {&tai, wantTAI}, {&both, wantTAI + wantISO}, {&stamper{}, ""}} {
			if got := string(tt.stamp.append(nil, now)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		}
	}
}

func TestStampsCostNoMemory(t *testing.T) {
	s := stamper{iso: true, tai: true}
	out := make([]byte, 0, 100)
	now := time.Now()
	if n := testing.AllocsPerRun(100, func() { out = s.append(out[:0], now) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNamesOfRotatedFiles(t *testing.T) {
	for name, want := range map[string]bool{
		"@400000006b05c63828462452.s":  true,
		"@400000006b05c63828462452.u":  true,
		"@400000006b05c63828462452.t":  false,
		"@400000006b05c63828462452":    false,
		"@400000006B05C63828462452.s":  false,
		"@400000006b05c63828462452.ss": false,
		"current":                      false,
		"@strange.s":                   false,
	} {
		if got := isRotated(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
