package loop

import (
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// run owns l until it is closed or d has passed.
func run(l *Loop, d time.Duration) {
	end := time.After(d)
	for {
		select {
		case event := <-l.Events():
			event()
		case <-end:
			return
		}
	}
}

func TestAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New()
		var got []string
		l.After(2*time.Second, func() { got = append(got, "late") })
		l.After(time.Second, func() { got = append(got, "early") })
		off := l.After(time.Second, func() { got = append(got, "off") })
		off.Stop()
		var none *Alarm
		none.Stop()
		run(l, 3*time.Second)
		if want := []string{"early", "late"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		l.Close()
	})
}

// An alarm that has gone off and waits for the loop can still be stopped.
func TestAlarmStoppedWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New()
		a := l.After(time.Second, func() { t.Error("it came") })
		time.Sleep(2 * time.Second)
		a.Stop()
		run(l, time.Second)
		l.Close()
	})
}

func TestPostAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New()
		var posted bool
		l.Go(func() { posted = l.Post(func() { t.Error("it ran") }) })
		l.After(time.Hour, func() { t.Error("it came") })
		synctest.Wait()
		l.Close()
		if posted || l.Post(func() {}) {
			t.Error("a closed loop took an event")
		}
		<-l.Done()
	})
}

func TestReap(t *testing.T) {
	l := New()
	dead := []int{7, 8, 9}
	var got []int
	l.Watch(8, func(syscall.WaitStatus) { got = append(got, 8) })
	l.Watch(9, func(status syscall.WaitStatus) { got = append(got, status.ExitStatus()) })
	l.Reap(func() (int, syscall.WaitStatus, bool) {
		if len(dead) == 0 {
			return 0, 0, false
		}
		pid := dead[0]
		dead = dead[1:]
		return pid, 3 << 8, true
	})
	if want := []int{8, 3}; !slices.Equal(got, want) || l.Watched(8) || l.Watched(9) {
		t.Errorf("got %v, want %v", got, want)
	}
}
