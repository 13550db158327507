package supervise

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/redact"
	"github.com/sandwright/sandwright/internal/spec"
)

// holding gives a service a secret.
func holding(value string, how spec.Secret) func(*spec.Service) {
	return func(s *spec.Service) {
		s.Env, s.Secrets = map[string]string{"TOKEN": value}, map[string]spec.Secret{"TOKEN": how}
	}
}

// A secret that changes reaches whoever has asked for it, and nobody else.
func TestSecretsThatChange(t *testing.T) {
	restart, hangup := spec.Secret{OnChange: "restart"}, spec.Secret{OnChange: "SIGHUP", Deliver: spec.ByFile}
	all := func(value string) []spec.Service {
		return []spec.Service{
			a("asks", holding(value, restart)), a("heeds", holding(value, hangup)), a("ignores", holding(value, spec.Secret{})),
			a("same", holding("same value", restart)),
		}
	}
	onBench(t, all("old value"), nil, func(b *bench) {
		b.after(time.Second)
		got := b.reload(all("new value")...)
		want := spec.Reloaded{Restarted: []string{"asks"}, Signaled: []string{"heeds"}, Unchanged: []string{"ignores", "same"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if got := b.reload(all("new value")...); len(got.Unchanged) != 4 {
			t.Errorf("a secret that is the same: %+v", got)
		}
		b.wantJournal("0s asks up", "0s heeds up", "0s ignores up", "0s same up", "1s asks down", "1s heeds SIGHUP", "1s asks up")
	})
}

// A secret and something else that changed is a service that changed.
func TestASecretIsNotAllThatChanged(t *testing.T) {
	onBench(t, []spec.Service{a("x", holding("old value", spec.Secret{}))}, nil, func(b *bench) {
		got := b.reload(a("x", holding("new value", spec.Secret{}), command("x", "-v")))
		if len(got.Restarted) != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// Nothing that is said of a service shows a secret, cut off or not.
func TestStatusShowsNoSecret(t *testing.T) {
	var secrets redact.Live
	secrets.Put(redact.New(map[string]string{"TOKEN": "s3cr3t-value"}))
	s := &Supervisor{}
	s.Hide(&secrets)
	svc := &service{state: spec.StateFailed, reason: "exited 1, last output: s3cr3t-value", says: "with s3cr3t-value", detail: "cut off: s3cr3t-va…"}
	status := s.statusOf(svc)
	got := []string{status.Reason, status.Says, status.Detail}
	want := []string{"exited 1, last output: [redacted TOKEN]", "with [redacted TOKEN]", "cut off: …"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
