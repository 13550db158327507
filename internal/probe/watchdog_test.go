package probe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

func TestWatchdog(t *testing.T) {
	alive := Message{Alive: true}
	three := spec.Probe{Interval: spec.Duration(3 * time.Second)}
	for name, tt := range map[string]struct {
		p    spec.Probe
		says map[time.Duration]Message
		want []string
	}{
		"silent":            {spec.Probe{}, nil, []string{"10s! no WATCHDOG=1 within 10s"}},
		"falls silent":      {three, map[time.Duration]Message{2e9: alive, 4e9: alive}, []string{"7s! no WATCHDOG=1 within 3s"}},
		"says other things": {three, map[time.Duration]Message{2e9: {Ready: true}}, []string{"3s! no WATCHDOG=1 within 3s"}},
		"trigger":           {three, map[time.Duration]Message{1e9: {Trigger: true}}, []string{"1s! WATCHDOG=trigger"}},
		"new interval":      {three, map[time.Duration]Message{1e9: {Watchdog: 20 * time.Second}}, []string{"21s! no WATCHDOG=1 within 20s"}},
		"misses in a row": {spec.Probe{Interval: three.Interval, Failures: 2}, map[time.Duration]Message{5e9: alive},
			[]string{"3s no WATCHDOG=1 within 3s", "8s no WATCHDOG=1 within 3s", "11s! no WATCHDOG=1 within 3s"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, start := NewWatchdog(tt.p), time.Now()
			go func() {
				for _, at := range slices.Sorted(maps.Keys(tt.says)) {
					time.Sleep(at - time.Since(start))
					w.Hear(tt.says[at])
				}
			}()
			var told []string
			err := w.Watch(t.Context(), func(v Verdict) {
				mark := map[bool]string{true: "!"}[v.Counts]
				told = append(told, fmt.Sprint(time.Since(start), mark, " ", v.Text()))
			})
			if !slices.Equal(told, tt.want) || err != nil {
				t.Errorf("%s: told %q, %v", name, told, err)
			}
		})
	}
}

func TestWatchdogEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		w := NewWatchdog(spec.Probe{})
		tick := time.NewTicker(9 * time.Second)
		defer tick.Stop()
		go func() {
			for ctx.Err() == nil {
				<-tick.C
				w.Hear(Message{Alive: true})
			}
		}()
		if err := w.Watch(ctx, func(v Verdict) { t.Errorf("told %+v", v) }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Minute)
	})
}

// Nothing that matters is lost while nobody reads.
func TestWatchdogHearsWithoutAReader(t *testing.T) {
	w := NewWatchdog(spec.Probe{})
	w.Hear(Message{Trigger: true})
	for range 100 {
		w.Hear(Message{Alive: true})
	}
	var told []Verdict
	if err := w.Watch(t.Context(), func(v Verdict) { told = append(told, v) }); err != nil || len(told) != 1 || told[0].Text() != "WATCHDOG=trigger" {
		t.Errorf("told %+v, %v", told, err)
	}
}
