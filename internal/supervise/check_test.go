package supervise

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

func TestCheckFindsEveryFault(t *testing.T) {
	change := func(f func(*spec.Service)) func(*spec.Service) { return f }
	tests := []struct {
		name     string
		services []spec.Service
		want     []string
	}{
		{"good", []spec.Service{a("x"), a("y", after("x", spec.Ready))}, nil},
		{"twice", []spec.Service{a("x"), a("x")}, []string{`cannot run service "x": its name is used twice`}},
		{"name", []spec.Service{a("../x")}, []string{`cannot run service "../x": its name is no file name`}},
		{"hidden", []spec.Service{a(".x")}, []string{`cannot run service ".x": its name is no file name`}},
		{"unknown", []spec.Service{a("x", after("y", "done"))}, []string{
			`cannot run service "x": it comes after "y", which is no service`,
			`cannot run service "x": it waits for y to be "done"`,
		}},
		{"command and dir", []spec.Service{a("x", change(func(s *spec.Service) { s.Command, s.Dir = nil, "app" }))}, []string{
			`cannot run service "x": it has no command`,
			`cannot run service "x": its dir app is not absolute`,
		}},
		{"probes", []spec.Service{a("x", change(func(s *spec.Service) {
			s.Start, s.Ready, s.Live = &spec.Probe{}, &spec.Probe{FD: 1}, &spec.Probe{Log: "up"}
		}))}, []string{
			`cannot run service "x": its start probe: it is not exactly one of fd, http, tcp, exec, grpc, notify and log`,
			`cannot run service "x": its ready probe: its fd is not 3 to 255`,
			`cannot run service "x": its live probe: it is heard only once, and live needs one that is asked again or sd_notify`,
		}},
		{"task with a probe", []spec.Service{a("x", probed(time.Second), task(0))}, []string{`cannot run service "x": it is a task and has probes`}},
		{"endless", []spec.Service{a("x", after("y", spec.ExitedOK), after("z", spec.ExitedOK)), a("y"), a("z", policy(spec.OnFailure))}, []string{
			`cannot run service "x": it waits for y to exit, which is started again whenever it does`,
		}},
		{"stop signal", []spec.Service{a("x", change(func(s *spec.Service) { s.Stop.Signal = "TERM" }))}, []string{`cannot run service "x": its stop signal TERM is none`}},
		{"s6", []spec.Service{a("x", change(func(s *spec.Service) { s.S6 = "legacy" }))}, []string{
			`cannot run service "x": its s6 directory legacy is not absolute`,
			`cannot run service "x": its s6 directory says how it runs: it has no command, task, probe or user of its own`,
		}},
		{"self", []spec.Service{a("x", after("x", spec.Ready))}, []string{"cannot order services: x -> x"}},
		{"cycle", []spec.Service{a("in", after("b", spec.Ready)), a("b", after("c", spec.Ready)), a("c", after("d", spec.Started)), a("d", after("b", spec.Ready))}, []string{
			"cannot order services: b -> c -> d -> b",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			_, err := New(spec.Spec{Services: tt.services}, nil, nil, nil, nil)
			for _, f := range fault.All(err) {
				got = append(got, f.Error())
				if f.Code != fault.ExitConfig {
					t.Errorf("%s: exit code %d", f, f.Code)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestMainMustBeThere(t *testing.T) {
	_, err := New(spec.Spec{Main: "web", Services: []spec.Service{a("api")}}, nil, nil, nil, nil)
	if got := fault.All(err); len(got) != 1 || got[0].Error() != `cannot end with service "web", the main one: there is none of that name` {
		t.Errorf("got %v", err)
	}
}

func TestEnvironmentLayers(t *testing.T) {
	t.Setenv("OWN", "must not be seen")
	env := environment{
		common: map[string]string{"A": "common", "B": "common", "C": "common"},
		start:  map[string]string{"C": "start", "D": "start", "E": "start"},
	}
	svc := a("x", func(s *spec.Service) {
		s.Env, s.EnvFrom = map[string]string{"B": "service"}, []string{"C", "D", "UNSET"}
	})
	want := []string{"A=common", "B=service", "C=start", "D=start"}
	if got := env.of(svc); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
