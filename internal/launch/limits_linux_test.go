package launch

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/cgroup"
	"github.com/sandwright/sandwright/internal/spec"
)

func TestLimitsReachTheProgram(t *testing.T) {
	score := 300
	own := ownLimit(t, unix.RLIMIT_NOFILE)
	for script, tt := range map[string]struct {
		limits spec.Limits
		want   string
	}{
		"umask":                        {spec.Limits{Umask: "0027"}, "0027"},
		"umask ":                       {spec.Limits{Nice: 1}, "0022"},
		"nice":                         {spec.Limits{Nice: 7}, "7"},
		"nice ":                        {spec.Limits{Nice: -3}, "-3"},
		"cat /proc/$$/oom_score_adj":   {spec.Limits{OOMScoreAdj: &score}, "300"},
		"ulimit -Sn; ulimit -Hn":       {spec.Limits{Rlimits: limit("nofile", 100, 200)}, "100 200"},
		"ulimit -Sn;ulimit -Hn":        {spec.Limits{Rlimits: limit("nofile", int64(own.Max), int64(own.Max))}, fmt.Sprint(own.Max, own.Max)},
		"ulimit -Sc; ulimit -Hc":       {spec.Limits{Rlimits: limit("core", 0, 0)}, "0 0"},
		"ulimit -Sv; ulimit -Hv":       {spec.Limits{Rlimits: limit("as", 64<<20, -1)}, "65536 unlimited"},
		"ulimit -Sd; ulimit -Hd":       {spec.Limits{Rlimits: limit("data", 1<<20, 1<<20)}, "1024 1024"},
		"ulimit -Ss":                   {spec.Limits{Rlimits: limit("stack", 1<<20, -1)}, "1024"},
		"ulimit -Sp":                   {spec.Limits{Rlimits: limit("nproc", 1, 1)}, "1"},
		"ulimit -St":                   {spec.Limits{Rlimits: limit("cpu", 5, 9)}, "5"},
		"grep NoNew /proc/self/status": {spec.Limits{NoNewPrivs: true}, "NoNewPrivs: 1"},
	} {
		if got := strings.Join(strings.Fields(output(t, sh(script).with(tt.limits))), " "); got != tt.want {
			t.Errorf("%s with %+v: %s, want %s", script, tt.limits, got, tt.want)
		}
	}
}

func limit(name string, soft, hard int64) map[string]spec.Rlimit {
	return map[string]spec.Rlimit{name: {Soft: soft, Hard: hard}}
}

// The runtime raises its own soft limit; a program gets the one that we were
// started with.
func TestDescriptorLimitIsTheOriginalOne(t *testing.T) {
	const want = "77"
	if os.Getenv("SANDWRIGHT_LAUNCH_NOFILE") != "" {
		inBothWays(t, func(t *testing.T, way func(Command) Command) {
			if got := output(t, way(sh("ulimit -Sn"))); got != want+"\n" {
				t.Errorf("%q", got)
			}
		})
		if own := ownLimit(t, unix.RLIMIT_NOFILE); own.Cur == 77 {
			t.Error("our own limit was not raised: this test shows nothing")
		}
		return
	}
	c := sh(`ulimit -Sn ` + want + `; exec "$0" -test.run '^TestDescriptorLimitIsTheOriginalOne$'`)
	c.Argv, c.Env = append(c.Argv, "/proc/"+fmt.Sprint(os.Getpid())+"/exe"), append(os.Environ(), "SANDWRIGHT_LAUNCH_NOFILE=1")
	output(t, c)
}

func TestRefusedLimitsSayWhich(t *testing.T) {
	own := ownLimit(t, unix.RLIMIT_NOFILE)
	low := -500
	above := limit("nofile", 1<<29, 1<<29)
	tests := []struct {
		limits spec.Limits
		errno  syscall.Errno
		want   string
	}{
		{spec.Limits{Rlimits: above}, unix.EPERM, fmt.Sprintf("cannot set its rlimit nofile to 536870912, 536870912 at most, the hard limit here is %d: operation not permitted", own.Max)},
		{spec.Limits{OOMScoreAdj: &low}, unix.EACCES, "cannot set its oom_score_adj to -500: permission denied"},
	}
	for _, tt := range tests {
		// Where it is allowed to us, it is not to one without this capability.
		pid, err := Start(sh("exit 0").with(tt.limits))
		if err == nil && holds(t, unix.CAP_SYS_RESOURCE) {
			collect(t, pid)
			continue
		}
		if err == nil || err.Error() != tt.want || !errors.Is(err, tt.errno) {
			t.Errorf("%+v: %v, want %s", tt.limits, err, tt.want)
		}
	}
	if got := children(t); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func holds(t *testing.T, capability int) bool {
	t.Helper()
	caps, err := capabilities()
	if err != nil {
		t.Fatal(err)
	}
	return caps[0].Effective&(1<<capability) != 0
}

func collect(t *testing.T, pid int) {
	t.Helper()
	if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
		t.Fatal(err)
	}
}

func TestCapabilitiesAreDropped(t *testing.T) {
	ours := field(t, Command{}, "CapBnd")
	for _, tt := range []struct {
		name string
		user *spec.User
		drop []string
		eff  string // "" is as many as the bounding set
		bnd  string
	}{
		{"root without all", nil, []string{"ALL"}, zeros, zeros},
		{"a user without all", nobody(), []string{"ALL"}, zeros, zeros},
		{"root without two", nil, []string{"NET_RAW", "CAP_SYS_ADMIN"}, "", without(t, ours, unix.CAP_NET_RAW, unix.CAP_SYS_ADMIN)},
		{"a user without one", nobody(), []string{"SETUID"}, zeros, without(t, ours, unix.CAP_SETUID)},
	} {
		c := Command{User: tt.user}.with(spec.Limits{CapDrop: tt.drop})
		if tt.eff == "" {
			tt.eff = tt.bnd
		}
		got := []string{field(t, c, "CapEff"), field(t, c, "CapPrm"), field(t, c, "CapBnd"), field(t, c, "CapInh"), field(t, c, "CapAmb")}
		if want := []string{tt.eff, tt.eff, tt.bnd, zeros, zeros}; !slices.Equal(got, want) {
			t.Errorf("%s: %s, want %s", tt.name, got, want)
		}
	}
}

const zeros = "0000000000000000"

func without(t *testing.T, set string, numbers ...int) string {
	t.Helper()
	var bits uint64
	if _, err := fmt.Sscanf(set, "%x", &bits); err != nil {
		t.Fatal(err)
	}
	for _, n := range numbers {
		bits &^= 1 << n
	}
	return fmt.Sprintf("%016x", bits)
}

func nobody() *spec.User { return &spec.User{Name: "nobody", UID: 65534, GID: 65534} }

func TestProgramHasItsUser(t *testing.T) {
	inBothWays(t, func(t *testing.T, way func(Command) Command) {
		for _, tt := range []struct {
			user     *spec.User
			ids, env string
		}{
			{&spec.User{Name: "web", UID: 12345, GID: 23456, Groups: []uint32{7, 8}, Home: "/x"}, "12345 23456 23456 7 8", "-"},
			{&spec.User{Name: "daemon", Lookup: true}, "1 1 1", "/usr/sbin daemon daemon /usr/sbin/nologin"},
			{&spec.User{Name: "54321:bin", Lookup: true}, "54321 2 2", "/ -"},
			{&spec.User{Name: "root", UID: 0, GID: 0}, "0 0 0", "-"},
		} {
			c := way(sh(`id -u; id -g; id -G; echo $HOME ${USER--} $LOGNAME $SHELL`))
			c.User = tt.user
			got := strings.Join(strings.Fields(output(t, c)), " ")
			if want := tt.ids + " " + tt.env; got != want {
				t.Errorf("%+v: %s, want %s", tt.user, got, want)
			}
			real, saved := field(t, c, "Uid"), fmt.Sprint(strings.Fields(got)[0])
			if real != strings.TrimSpace(strings.Repeat(saved+" ", 4)) {
				t.Errorf("%+v: uids %s", tt.user, real)
			}
		}
		_, err := Start(way(sh("true").as("no-such-user")))
		if !errors.Is(err, ErrNoEntry) {
			t.Errorf("%v", err)
		}
	})
}

// A program is in its cgroup from the first instruction on, whether it is
// entered by the kernel's own way or by the trampoline's.
func TestProgramStartsInItsCgroup(t *testing.T) {
	box := cgroup.Open(fmt.Sprintf("launch-test-%d", os.Getpid()))
	defer func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	}()
	score := 100
	lone := &spec.User{Name: "lone", UID: 1<<30 + uint32(os.Getpid()), GID: 65534} // nproc counts what anybody runs as this user
	for name, limits := range map[string]spec.Limits{
		"plain":   {},
		"limited": {Memory: 64 << 20, PIDs: 2, CPUs: 1},
		"both":    {PIDs: 1, OOMScoreAdj: &score, Rlimits: limit("nproc", 1, 1), Umask: "0077"},
	} {
		group, err := box.Group(name, limits)
		if err != nil {
			t.Fatal(err)
		}
		c := Command{Argv: []string{"cat", "/proc/self/cgroup"}, Env: path, Limits: limits, User: lone, Cgroup: group}
		var in []string
		for _, line := range lines(t, c) {
			if strings.HasSuffix(line, fmt.Sprintf("/sandwright-launch-test-%d/%s", os.Getpid(), name)) {
				in = append(in, strings.SplitN(line, ":", 3)[1])
			}
		}
		slices.Sort(in)
		want := []string{"", "cpu", "cpuacct", "freezer", "memory", "pids"}
		if name == "plain" {
			want = want[:1]
		}
		if !slices.Equal(in, want) {
			t.Errorf("%s is in %q, want %q", name, in, want)
		}
		if limits.PIDs == 1 {
			if text, _ := outcome(t, Command{Argv: []string{"sh", "-c", "true & wait"}, Env: path, Cgroup: group}); !strings.Contains(text, "fork") {
				t.Errorf("the second process: %q", text)
			}
		}
	}
}

// A group that cannot be entered is said, and nothing is left running.
func TestRefusedCgroupEndsTheTrampoline(t *testing.T) {
	_, err := Start(Command{Argv: []string{"true"}, Env: path, Cgroup: refuses{}})
	if !errors.Is(err, unix.EBUSY) || err.Error() != "cannot enter its cgroup: device or resource busy" {
		t.Errorf("%v", err)
	}
	if got := children(t); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

type refuses struct{}

func (refuses) Dir() int        { return -1 }
func (refuses) Enter(int) error { return fmt.Errorf("cannot enter its cgroup: %w", unix.EBUSY) }
