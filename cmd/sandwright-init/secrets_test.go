//go:build linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/spec"
)

const secretValue = "s3cret/of+a kind"

// secretSpec is a service that sees the secret TOKEN.
func secretSpec(script string, how spec.Secret) spec.Spec {
	svc := sh("web", script+"; while :; do busybox sleep 0.1; done", func(s *spec.Service) {
		s.EnvFrom, s.Secrets = []string{"TOKEN"}, map[string]spec.Secret{"TOKEN": how}
	})
	return spec.Spec{
		Env:       map[string]string{"PATH": "/bin"},
		Variables: []spec.Variable{{Name: "TOKEN", Required: true, Secret: true}},
		Services:  []spec.Service{svc},
	}
}

// Whatever a service says of its secret, and wherever, nobody reads it.
func TestASecretThatIsSaidIsNotShown(t *testing.T) {
	s := secretSpec(`echo "plain $TOKEN"; printf %s "$TOKEN" | busybox base64; exit 3`, spec.Secret{})
	s.Services[0].Restart = spec.Restart{Policy: spec.Never}
	s.Services[0].Ready = &spec.Probe{Exec: []string{"/bin/busybox", "sh", "-c", `echo "probe $TOKEN"; exit 1`}, Deadline: spec.Duration(patience)}
	s.Services[0].Logs.Mirror = true
	b := start(t, subreaper, s, withEnv("PATH="+os.Getenv("PATH"), "TOKEN="+secretValue))
	b.until("web", spec.StateFailed)
	if got := b.log("web"); !strings.Contains(got, "plain [redacted TOKEN]\n[redacted TOKEN]") {
		t.Errorf("the log: %q", got)
	}
	status, err := json.Marshal(b.service("web"))
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"log": b.log("web"), "status": string(status), "stderr": b.stderr.String()} {
		if strings.Contains(text, "s3cret") || strings.Contains(text, "czNjcmV0") {
			t.Errorf("the %s has it: %s", where, text)
		}
	}
}

// A secret that is delivered as a file or by a descriptor is not in the
// environment, and only its service can read it.
func TestDeliveries(t *testing.T) {
	for _, c := range []struct {
		by     spec.Delivery
		script string
		want   string
	}{
		{spec.ByFile, `echo "env ${TOKEN-none}"; busybox stat -c 'mode %a' "$TOKEN_FILE"; busybox stat -f -c 'on %T' "$TOKEN_FILE"; busybox wc -c < "$TOKEN_FILE"; echo end`, "env none\nmode 400\non tmpfs\n16\nend\n"},
		{spec.ByFD, `echo "env ${TOKEN-none} ${TOKEN_FILE-none}"; eval "busybox wc -c <&$TOKEN_FD"; eval "busybox wc -c < /proc/self/fd/$TOKEN_FD"; echo end`, "env none none\n16\n16\nend\n"},
	} {
		t.Run(string(c.by), func(t *testing.T) {
			b := start(t, subreaper, secretSpec(c.script, spec.Secret{Deliver: c.by}), withEnv("PATH="+os.Getenv("PATH"), "TOKEN="+secretValue))
			b.logs("web", "end")
			if got := b.log("web"); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// A secret's file that becomes another one is heard of by those that asked.
func TestASecretThatChanges(t *testing.T) {
	for _, c := range []struct {
		how    spec.Secret
		script string
	}{
		{spec.Secret{OnChange: "restart"}, `echo "it is ${#TOKEN}"; echo "$TOKEN"`},
		{spec.Secret{Deliver: spec.ByFile, OnChange: "SIGHUP"}, `say() { t=$(busybox cat $TOKEN_FILE); echo "it is ${#t}"; echo "$t"; }; trap say HUP; say`},
	} {
		t.Run(c.how.OnChange, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "token")
			write := func(value string) {
				t.Helper()
				if err := os.WriteFile(file+".new", []byte(value+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(file+".new", file); err != nil {
					t.Fatal(err)
				}
			}
			write(secretValue)
			b := start(t, subreaper, secretSpec(c.script, c.how), withEnv("PATH="+os.Getenv("PATH"), "TOKEN_FILE="+file))
			b.logs("web", "it is 16")
			pid := b.service("web").PID
			write("another secret value")
			b.logs("web", "it is 20")
			b.until("web", spec.StateReady)
			if same := b.service("web").PID == pid; same != (c.how.OnChange != "restart") {
				t.Errorf("the process is the same: %v", same)
			}
			if got := b.log("web"); strings.Contains(got, "s3cret") || strings.Contains(got, "another") {
				t.Errorf("the log has it: %s", got)
			}
			write("") // required, and so refused
			b.tells("keeping the old ones")
			if b.service("web").State != spec.StateReady {
				t.Error("a secret that is refused ends the service")
			}
		})
	}
}
