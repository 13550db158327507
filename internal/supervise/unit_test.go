package supervise

import (
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/s6"
	"github.com/sandwright/sandwright/internal/spec"
)

// legacy is a service with an s6 directory.
func legacy(name string, change ...func(*spec.Service)) spec.Service {
	svc := spec.Service{Name: name, S6: "/srv/" + name, Stop: spec.Stop{Timeout: spec.Duration(5 * time.Second)}}
	for _, c := range change {
		c(&svc)
	}
	return svc
}

func TestUnitTakesPartInTheOrder(t *testing.T) {
	services := []spec.Service{legacy("old", after("db", spec.Ready)), a("db", probed(time.Minute)), a("web", after("old", spec.Ready))}
	onBench(t, services, map[string]*script{"db": {ready: 2 * time.Second}}, func(b *bench) {
		b.want("old", spec.StateWaiting, "waiting for db: starting")
		b.after(3 * time.Second)
		b.want("old", spec.StateReady, "")
		b.want("web", spec.StateReady, "")
		b.wantJournal("0s db up", "2s old up", "2s web up")
		b.do("stop", "web")
		b.do("restart", "old")
		b.want("old", spec.StateReady, "")
		b.wantJournal("0s db up", "2s old up", "2s web up", "3s web down", "3s old down", "3s old up")
	})
}

func TestUnitKeptDown(t *testing.T) {
	onBench(t, []spec.Service{legacy("old")}, map[string]*script{"old": {}}, func(b *bench) {
		b.want("old", spec.StateStopped, "its down file keeps it down")
		b.do("start", "old")
		b.want("old", spec.StateReady, "")
	})
}

// What s6's own clients do shows.
func TestUnitIsChangedFromOutside(t *testing.T) {
	onBench(t, []spec.Service{legacy("old")}, nil, func(b *bench) {
		u := b.host.units[0]
		for _, step := range []struct {
			change func()
			state  spec.State
			reason string
		}{
			{u.Down, spec.StateStopped, ""},
			{u.Up, spec.StateReady, ""},
			{func() { u.set("dies", func(s *s6.State) { s.Phase, s.PID, s.Reason = s6.Finishing, 8, "" }) }, spec.StateBackoff, "its finish runs"},
			{func() { u.set("waits", func(s *s6.State) { s.Phase, s.PID, s.Reason = s6.Down, 0, "no run" }) }, spec.StateBackoff, "no run"},
			{u.Up, spec.StateReady, ""},
			{func() { u.set("gives up", func(s *s6.State) { s.Phase, s.PID, s.Failed = s6.Down, 0, true }) }, spec.StateFailed, "its finish says that starting it is of no use"},
		} {
			done := make(chan struct{})
			b.loop.Post(func() { step.change(); close(done) })
			<-done
			b.after(0)
			b.want("old", step.state, step.reason)
		}
	})
}

func TestReloadOfAUnit(t *testing.T) {
	onBench(t, []spec.Service{legacy("old"), legacy("gone")}, nil, func(b *bench) {
		b.reload(legacy("old", func(s *spec.Service) { s.S6 = "/srv/other" }), legacy("new"))
		b.want("old", spec.StateReady, "")
		b.want("new", spec.StateReady, "")
		b.wantJournal("0s gone up", "0s old up", "0s gone down", "0s gone left", "0s old down", "0s new up", "0s old left", "0s old up")
	})
}
