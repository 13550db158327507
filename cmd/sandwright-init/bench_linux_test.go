package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	benchPairs  = 7               // of each figure, at least
	settled     = 6 * time.Second // from the start until the supervisor has given back what only starting needs
	readyFor    = 1700 * time.Millisecond
	killed      = 5 // services that are killed in each pair
	idleWindows = 7
	idleTime    = time.Minute // all windows together
)

// BenchmarkAgainstS6 supervises the same programs with the real s6-svscan and
// with this program in turns, always as PID 1 of a namespace of their own. Each
// metric is the median of the pairs' ratios to s6, or what its unit says; min
// and max are their spread. The program under test is the one that is released.
func BenchmarkAgainstS6(b *testing.B) {
	l := newLab(b)
	for _, n := range []int{1, 20, 100} {
		b.Run(fmt.Sprintf("memory-%d", n), func(b *testing.B) { once(b, func() { l.memory(b, n) }) })
	}
	b.Run("restart", func(b *testing.B) { once(b, func() { l.restart(b) }) })
	b.Run("start-100", func(b *testing.B) { once(b, func() { l.start(b, 100) }) })
	b.Run("idle-100", func(b *testing.B) { once(b, func() { l.idle(b, 100) }) })
}

// once measures until the benchmark's time is over, which is once.
func once(b *testing.B, measure func()) {
	for b.Loop() {
		measure()
	}
	b.ReportMetric(0, "ns/op")
}

// memory is the PSS of all processes but the services themselves, each of which
// has written a line. Both sides run at the same time: no page is shared
// between them. A service that is native answers a status request, too.
func (l *lab) memory(b *testing.B, n int) {
	var pss, asked [peers]series
	for range benchPairs {
		trees := l.plant(b, n, peerS6, peerNative, peerScanned)
		for _, t := range trees {
			t.waitReady()
			t.waitLogged()
		}
		time.Sleep(settled)
		for _, t := range trees {
			pss[t.peer] = append(pss[t.peer], t.pss())
			if t.peer == peerNative {
				if _, err := t.client.Status(b.Context()); err != nil {
					b.Fatal(err)
				}
				time.Sleep(settled)
				asked[t.peer] = append(asked[t.peer], t.pss())
			}
			t.cut()
		}
	}
	for _, p := range []peer{peerNative, peerScanned} {
		pss[p].report(b, p, "pss-MB")
		pss[p].over(pss[peerS6]).report(b, p, "pss/s6")
	}
	asked[peerNative].report(b, peerNative, "pss-asked-MB")
	asked[peerNative].over(pss[peerS6]).report(b, peerNative, "pss-asked/s6")
	b.Logf("%d services: s6 %s MB", n, pss[peerS6])
}

// restart is from kill -9 of a service that has been ready for more than 1.5 s
// to the first thing that the next one does. A pair's figure is the median of
// some services.
func (l *lab) restart(b *testing.B) {
	trees := l.plant(b, killed, peerS6, peerScanned, peerDirectories)
	for _, t := range trees {
		t.waitReady()
	}
	var gaps [peers]series
	for i := range benchPairs + 2 {
		time.Sleep(readyFor)
		for j := range trees { // who goes first changes
			t := trees[(i+j)%len(trees)]
			var gap series
			for _, dir := range t.services {
				gap = append(gap, t.killed(dir).Seconds())
			}
			gaps[t.peer] = append(gaps[t.peer], gap.median())
		}
	}
	for _, p := range []peer{peerScanned, peerDirectories} {
		gaps[p].over(gaps[peerS6]).report(b, p, "restart/s6")
	}
	b.Logf("s6 %s s, svscan %s s, in a spec %s s", gaps[peerS6], gaps[peerScanned], gaps[peerDirectories])
	for _, t := range trees {
		t.cut()
	}
}

// start is from the start of the supervisor until all services are ready.
func (l *lab) start(b *testing.B, n int) {
	order := []peer{peerS6, peerLoggers, peerScanned, peerNative}
	var took [peers]series
	for i := range benchPairs + 2 {
		for j := range order { // who goes first changes
			t := l.prepare(b, n, order[(i+j)%len(order)])
			unix.Sync()
			began := time.Now()
			t.start()
			t.waitReady()
			took[t.peer] = append(took[t.peer], time.Since(began).Seconds())
			t.cut()
		}
	}
	for _, p := range order[1:] {
		took[p].over(took[peerS6]).report(b, p, "start/s6")
		b.Logf("%s %s s", p, took[p])
	}
	b.Logf("s6 %s s", took[peerS6])
}

// idle is what the supervisors use while nothing happens: CPU as the kernel
// accounts it in ticks and in ns, and how often they wake up.
func (l *lab) idle(b *testing.B, n int) {
	trees := l.plant(b, n, peerS6, peerNative, peerScanned)
	for _, t := range trees {
		t.waitReady()
	}
	time.Sleep(settled)
	var used [peers]struct{ ticks, micros, wakes series }
	before := make([]consumption, len(trees))
	for range idleWindows {
		for i, t := range trees {
			before[i] = t.consumed()
		}
		time.Sleep(idleTime / idleWindows)
		for i, t := range trees {
			u, s := t.consumed().minus(before[i]), &used[t.peer]
			s.ticks = append(s.ticks, float64(u.ticks))
			s.micros = append(s.micros, float64(u.run.Microseconds()))
			s.wakes = append(s.wakes, float64(u.wakes))
		}
	}
	for _, t := range trees {
		s := used[t.peer]
		b.ReportMetric(s.ticks.sum(), t.peer.String()+"-ticks")
		b.ReportMetric(s.micros.sum(), t.peer.String()+"-cpu-µs")
		b.ReportMetric(s.wakes.sum(), t.peer.String()+"-wakes")
		b.Logf("%s in %d windows of %s: ticks %s, CPU %s µs, wakes %s", t.peer, idleWindows, idleTime/idleWindows, s.ticks, s.micros, s.wakes)
		t.cut()
	}
}

// A series is one figure of each pair.
type series []float64

// over is the pairs' ratios.
func (s series) over(other series) series {
	out := make(series, len(s))
	for i := range s {
		out[i] = s[i] / other[i]
	}
	return out
}

func (s series) median() float64 { return slices.Sorted(slices.Values(s))[len(s)/2] }

func (s series) sum() (sum float64) {
	for _, v := range s {
		sum += v
	}
	return sum
}

func (s series) String() string {
	return fmt.Sprintf("%.3g (%.3g..%.3g)", s.median(), slices.Min(s), slices.Max(s))
}

func (s series) report(b *testing.B, p peer, unit string) {
	b.ReportMetric(s.median(), p.String()+"-"+unit)
	b.Logf("%s %s: %s", p, unit, s)
}
