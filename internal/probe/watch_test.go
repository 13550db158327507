package probe

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// A real service that falls ill and recovers is told so in this order.
func TestWatchOfARealService(t *testing.T) {
	var ill atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if ill.Load() {
			http.Error(w, "no database", http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	p := spec.Probe{HTTP: server.URL + "/", Interval: spec.Duration(minInterval), Timeout: spec.Duration(patience)}
	check, err := New(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var changes []string
	err = Watch(ctx, check, NewSchedule(Ready, p), func(v Verdict) {
		if !v.Counts {
			return
		}
		changes = append(changes, strings.TrimPrefix(v.Text(), "GET "+server.URL))
		ill.Store(v.OK)
		if !v.OK && v.Detail != "no database" {
			t.Errorf("detail %q", v.Detail)
		}
		if len(changes) == 3 {
			cancel()
		}
	})
	if got := strings.Join(changes, "; "); got != "GET / 200; /: 503 Service Unavailable; GET / 200" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %q, %v", got, err)
	}
}

// A command that is cut short leaves no process of its group.
func TestWatchLeavesNoProcess(t *testing.T) {
	file := t.TempDir() + "/pids"
	script := "sleep 1000 & echo $! >>" + file + "; wait"
	p := spec.Probe{Exec: []string{"sh", "-c", script}, Timeout: spec.Duration(time.Hour)}
	check, err := New(p, plainHost{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- Watch(ctx, check, NewSchedule(Live, p), func(v Verdict) { t.Errorf("told %+v", v) })
	}()
	pid := 0
	eventually(t, "the command has not started", func() bool {
		text, _ := os.ReadFile(file)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return pid > 0
	})
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	eventually(t, "its child is left", func() bool { return isGone(pid) })
}

// isGone tells whether a process has ended, be it reaped or not.
func isGone(pid int) bool {
	if syscall.Kill(pid, 0) == syscall.ESRCH {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// eventually waits until is holds.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// Two hundred services at once, for an hour: each keeps its own time, and none
// leaves anything behind, which the bubble would not let pass.
func TestManyWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var all sync.WaitGroup
		for i := range 200 {
			s := &script{answers: "xx.", start: time.Now(), slow: func(int) time.Duration { return time.Duration(i) * time.Millisecond }}
			all.Go(func() {
				err := Watch(ctx, s, NewSchedule(Ready, spec.Probe{}), func(Verdict) {})
				if !errors.Is(err, context.DeadlineExceeded) || len(s.at) < 361 || len(s.at) > 362 {
					t.Errorf("%d attempts, %v", len(s.at), err)
				}
			})
		}
		all.Wait()
	})
}
