package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// A script answers its attempts one after the other, and the last for ever: a
// dot is a success.
type script struct {
	answers string
	slow    func(attempt int) time.Duration // how long an attempt takes
	deaf    bool                            // it does not hear its context
	start   time.Time
	at      []time.Duration // when it was asked
	running int
}

func (s *script) Try(ctx context.Context) (string, error) {
	n := len(s.at)
	s.at = append(s.at, time.Since(s.start))
	if s.running++; s.running > 1 {
		panic("two attempts at a time")
	}
	defer func() { s.running-- }()
	if s.slow != nil {
		done := ctx.Done()
		if s.deaf {
			done = nil
		}
		select {
		case <-done:
			return "", ctx.Err()
		case <-time.After(s.slow(n)):
		}
	}
	if s.answers[min(n, len(s.answers)-1)] == '.' {
		return "fine", nil
	}
	return "", fmt.Errorf("attempt %d", n+1)
}

// watch has s watched for d, and gives what was told: when, whether it counts
// (!), and the words.
func (s *script) watch(t *testing.T, schedule Schedule, d time.Duration) (told []string, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.start = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		err = Watch(ctx, s, schedule, func(v Verdict) {
			mark := map[bool]string{true: "!"}[v.Counts]
			told = append(told, fmt.Sprint(time.Since(s.start), mark, " ", v.Text()))
			if v.OK != (v.Err == nil) || v.OK == (v.How == "") {
				t.Errorf("odd verdict %+v", v)
			}
		})
		synctest.Wait()
	})
	return told, err
}

func seconds(all ...float64) (out []time.Duration) {
	for _, s := range all {
		out = append(out, time.Duration(s*float64(time.Second)))
	}
	return out
}

func TestDefaults(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	own := spec.Probe{Interval: spec.Duration(100 * ms), Timeout: spec.Duration(2 * s), Failures: 5, Successes: 2}
	for _, tt := range []struct {
		use  Use
		p    spec.Probe
		want Schedule
	}{
		{Start, spec.Probe{}, Schedule{Start, 250 * ms, 250 * ms, 10 * ms, 5 * s, 3, 1}},
		{Ready, spec.Probe{}, Schedule{Ready, 10 * s, 250 * ms, 10 * ms, 5 * s, 3, 1}},
		{Live, spec.Probe{}, Schedule{Live, 10 * s, 10 * s, 0, 1 * s, 3, 1}},
		{Start, own, Schedule{Start, 100 * ms, 100 * ms, 10 * ms, 2 * s, 5, 2}},
		{Ready, own, Schedule{Ready, 100 * ms, 100 * ms, 10 * ms, 2 * s, 5, 2}},
		{Live, own, Schedule{Live, 100 * ms, 100 * ms, 0, 2 * s, 5, 2}},
		{Ready, spec.Probe{Interval: spec.Duration(s)}, Schedule{Ready, s, 250 * ms, 10 * ms, 5 * s, 3, 1}},
	} {
		if got := NewSchedule(tt.use, tt.p); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.use, got, tt.want)
		}
	}
}

func TestStartIsOverWithItsFirstSuccess(t *testing.T) {
	s := &script{answers: "xxx."}
	told, err := s.watch(t, NewSchedule(Start, spec.Probe{}), time.Hour)
	want := []string{"0s attempt 1", "10ms attempt 2", "30ms attempt 3", "70ms! fine"}
	if !slices.Equal(told, want) || err != nil {
		t.Errorf("told %q, %v", told, err)
	}
}

// The first attempts come between the beats, and those on the beat all come.
func TestFirstAttemptsComeSooner(t *testing.T) {
	for _, tt := range []struct {
		answers  string
		interval time.Duration
		takes    time.Duration
		want     []time.Duration
	}{
		{"x", 0, 0, seconds(0, 0.01, 0.03, 0.07, 0.15, 0.25, 0.5, 0.75)},
		{"x", 0, 30 * time.Millisecond, seconds(0, 0.04, 0.08, 0.12, 0.2, 0.25, 0.5, 0.75)},
		{"x", 15 * time.Millisecond, 0, seconds(0, 0.01, 0.015, 0.03)},
		{"x.", 0, 0, seconds(0, 0.01, 0.25, 0.5)}, // a success asks for its second on the beat
	} {
		s := &script{answers: tt.answers, slow: func(int) time.Duration { return tt.takes }}
		p := spec.Probe{Interval: spec.Duration(tt.interval), Successes: 3}
		_, _ = s.watch(t, NewSchedule(Ready, p), tt.want[len(tt.want)-1]+time.Millisecond)
		if !slices.Equal(s.at, tt.want) {
			t.Errorf("%+v: asked at %v", tt, s.at)
		}
	}
}

// However often it fails, only its deadline ends a start probe.
func TestStartDoesNotFail(t *testing.T) {
	s := &script{answers: "x"}
	told, err := s.watch(t, NewSchedule(Start, spec.Probe{}), 10*time.Second)
	if len(told) < 39 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("told %d, %v", len(told), err)
	}
	if slices.ContainsFunc(told, func(s string) bool { return s[len(s)-1] == '!' }) {
		t.Errorf("told %q", told)
	}
}

func TestReadyComesAndGoes(t *testing.T) {
	s := &script{answers: "xx..xx.xxxx.x.."}
	schedule := NewSchedule(Ready, spec.Probe{Successes: 2})
	told, err := s.watch(t, schedule, 125*time.Second)
	want := []string{
		"0s attempt 1", "10ms attempt 2", "250ms! fine",
		"10.25s attempt 5", "20.25s attempt 6",
		"40.25s attempt 8", "50.25s attempt 9", "1m0.25s! attempt 10", "1m10.25s attempt 11",
		"1m30.25s attempt 13", "1m50.25s! fine",
	}
	if !slices.Equal(told, want) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("told %q, %v", told, err)
	}
}

func TestLiveIsOverWhenItsFailureCounts(t *testing.T) {
	s := &script{answers: "..xx.xxx"}
	told, err := s.watch(t, NewSchedule(Live, spec.Probe{}), time.Hour)
	want := []string{"20s attempt 3", "30s attempt 4", "50s attempt 6", "1m0s attempt 7", "1m10s! attempt 8"}
	if !slices.Equal(told, want) || err != nil {
		t.Errorf("told %q, %v", told, err)
	}
}

// Attempts that take time do not shift the beat, and those that take longer
// than the interval leave beats out.
func TestBeat(t *testing.T) {
	takes := seconds(0.7, 0.3, 2.5, 0.1, 0.9, 4.1, 0)
	s := &script{answers: "x", slow: func(n int) time.Duration { return takes[min(n, len(takes)-1)] }}
	schedule := NewSchedule(Start, spec.Probe{Interval: spec.Duration(time.Second)})
	schedule.First = 0
	_, _ = s.watch(t, schedule, 13500*time.Millisecond)
	if want := seconds(0, 1, 2, 5, 6, 7, 12, 13); !slices.Equal(s.at, want) {
		t.Errorf("asked at %v, want %v", s.at, want)
	}
}

// After a pause of the whole machine there is one attempt, and no burst.
func TestUntilBeat(t *testing.T) {
	for _, tt := range []struct{ elapsed, want time.Duration }{
		{0, 10 * time.Second}, {time.Nanosecond, 10*time.Second - 1}, {9 * time.Second, time.Second},
		{10 * time.Second, 10 * time.Second}, {3*time.Hour + 4*time.Second, 6 * time.Second},
	} {
		if got := untilBeat(tt.elapsed, 10*time.Second); got != tt.want {
			t.Errorf("after %s: %s, want %s", tt.elapsed, got, tt.want)
		}
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	s := &script{answers: ".", slow: func(int) time.Duration { return time.Hour }}
	schedule := NewSchedule(Live, spec.Probe{Timeout: spec.Duration(3 * time.Second)})
	told, err := s.watch(t, schedule, time.Hour)
	if want := seconds(0, 10, 20); !slices.Equal(s.at, want) || len(told) != 3 || err != nil {
		t.Errorf("asked at %v, told %q, %v", s.at, told, err)
	}
}

// A check that ignores its context is asked again once it has come back; until
// then every beat is a failure.
func TestDeafCheck(t *testing.T) {
	takes := seconds(25, 2)
	s := &script{answers: ".", deaf: true, slow: func(n int) time.Duration { return takes[min(n, 1)] }}
	schedule := NewSchedule(Live, spec.Probe{Failures: 6})
	told, err := s.watch(t, schedule, 35*time.Second)
	want := []string{"1.5s no answer within 1s", "10s no answer within 1s", "20s no answer within 1s", "31.5s no answer within 1s"}
	if !slices.Equal(told, want) || !slices.Equal(s.at, seconds(0, 30)) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("asked at %v, told %q, %v", s.at, told, err)
	}
}

// An answer that comes after the time is over is none.
func TestLateSuccess(t *testing.T) {
	s := &script{answers: ".", deaf: true, slow: func(int) time.Duration { return 1200 * time.Millisecond }}
	told, _ := s.watch(t, NewSchedule(Live, spec.Probe{Failures: 1}), time.Hour)
	if want := []string{"1.2s! no answer within 1s"}; !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &script{answers: "x", start: time.Now()}
		err := Watch(ctx, s, NewSchedule(Ready, spec.Probe{}), func(Verdict) { cancel() })
		if !errors.Is(err, context.Canceled) || len(s.at) != 1 {
			t.Errorf("%v after %d", err, len(s.at))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		begin := time.Now()
		time.AfterFunc(3*time.Second, cancel)
		s := &script{answers: "x", start: begin, slow: func(int) time.Duration { return time.Minute }}
		err := Watch(ctx, s, NewSchedule(Ready, spec.Probe{}), func(v Verdict) { t.Errorf("told %+v", v) })
		if took := time.Since(begin); !errors.Is(err, context.Canceled) || took != 3*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}

func TestVerdictHasTheDetail(t *testing.T) {
	v := newTally(Schedule{Use: Live, Failures: 1}).add("", fmt.Errorf("wrapped: %w", &Failure{Reason: "503", Detail: "a\nb"}))
	if v.Detail != "a\nb" || v.Text() != "wrapped: 503" || !v.Counts {
		t.Errorf("got %+v", v)
	}
}
