//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// Whatever is set for a service shows in its process, and only there.
func TestLimitsOfAService(t *testing.T) {
	adj := 500
	b := start(t, subreaper, box1(
		sh("tame", `umask; nice; ulimit -n; ulimit -c; cat /proc/self/oom_score_adj; grep -E 'NoNewPrivs|CapBnd' /proc/self/status; i=0 n=0; while [ $i -lt 300 ]; do [ ! -e /proc/$$/fd/$i ] || n=$((n+1)); i=$((i+1)); done; echo $n; echo end; exec sleep 1000`,
			func(s *spec.Service) {
				s.Limits = spec.Limits{
					Umask: "0027", Nice: 5, OOMScoreAdj: &adj, NoNewPrivs: true, CapDrop: []string{"ALL"},
					Rlimits: map[string]spec.Rlimit{"nofile": {Soft: 512, Hard: 1024}, "core": {}},
				}
			}),
		sh("named", `id -un; echo $HOME; echo end > /dev/stdout; exec sleep 1000`, func(s *spec.Service) { s.User = &spec.User{Name: "nobody", Lookup: true} }),
		sh("lost", `true`, func(s *spec.Service) { s.User = &spec.User{Name: "nosuchuser", Lookup: true} }),
		sh("plain", `umask; nice; echo end; exec sleep 1000`),
	))
	for name, want := range map[string]string{
		"tame":  "0027 5 512 0 500 CapBnd: 0000000000000000 NoNewPrivs: 1 3 end",
		"plain": "0022 0 end",
		"named": "nobody /nonexistent end",
	} {
		b.logs(name, "end\n")
		if got := strings.Join(strings.Fields(b.log(name)), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := b.until("lost", spec.StateFailed); !strings.Contains(got.Reason, `cannot find user "nosuchuser"`) {
		t.Errorf("%+v", got)
	}
}

// A service with limits of its cgroup has figures, and nothing of it is left
// after it, in whatever session it is.
func TestCgroupOfAService(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", `setsid sh -c 'trap "" TERM; echo $$ > $DIR/stray; while :; do sleep 0.05; done' & exec sleep 1000`, func(s *spec.Service) {
		s.Limits = spec.Limits{Memory: 256 << 20, PIDs: 50, CPUs: 1.5}
		s.Stop.Timeout = spec.Duration(300 * time.Millisecond)
	})), inDir)
	b.eventually("a stray", func() bool { _, err := os.Stat(filepath.Join(b.dir, "stray")); return err == nil })
	b.eventually("figures", func() bool { u := b.service("x").Usage; return u.Memory > 0 && u.PIDs >= 3 && u.CPU > 0 })
	if _, err := b.Stop(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	b.eventually("no children", func() bool { return len(childrenOf(t, b.pid)) == 0 })
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.ends()
	b.exit <- nil
}
