package launch

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/spec"
)

func TestCheck(t *testing.T) {
	low, high, fine := -1001, 1001, -1000
	looked := func(name string) *spec.User { return &spec.User{Name: name, Lookup: true} }
	tests := []struct {
		limits spec.Limits
		user   *spec.User
		want   string // how the flaws begin, "|" between them
	}{
		{spec.Limits{}, nil, ""},
		{spec.Limits{Umask: "0027", Nice: 19, OOMScoreAdj: &fine, CapDrop: []string{"NET_RAW", "cap_sys_admin", "all"}, NoNewPrivs: true,
			Rlimits: map[string]spec.Rlimit{"nofile": {Soft: 10, Hard: -1}, "core": {}, "cpu": {Soft: -1, Hard: -1}}, Memory: 1, CPUs: 0.01, PIDs: 1}, looked("a:b"), ""},
		{spec.Limits{Umask: "0o27"}, nil, `its umask "0o27"`},
		{spec.Limits{Umask: "1000"}, nil, `its umask "1000"`},
		{spec.Limits{Umask: "-1"}, nil, `its umask "-1"`},
		{spec.Limits{Umask: "8"}, nil, `its umask "8"`},
		{spec.Limits{Nice: 20}, nil, "its nice 20"},
		{spec.Limits{Nice: -21}, nil, "its nice -21"},
		{spec.Limits{OOMScoreAdj: &low}, nil, "its oom_score_adj -1001"},
		{spec.Limits{OOMScoreAdj: &high}, nil, "its oom_score_adj 1001"},
		{spec.Limits{Memory: -1, CPUs: -1, PIDs: -1}, nil, "its memory limit -1|its cpus -1|its limit of -1"},
		{spec.Limits{CPUs: 0.009}, nil, "its cpus 0.009"},
		{spec.Limits{Rlimits: map[string]spec.Rlimit{"nofiles": {}, "a": {}}}, nil, `its rlimit "a" is unknown|its rlimit "nofiles" is unknown`},
		{spec.Limits{Rlimits: map[string]spec.Rlimit{"core": {Soft: -2, Hard: -1}}}, nil, "its rlimit core is negative"},
		{spec.Limits{Rlimits: map[string]spec.Rlimit{"core": {Soft: 2, Hard: 1}}}, nil, "its rlimit core has a soft"},
		{spec.Limits{Rlimits: map[string]spec.Rlimit{"core": {Soft: -1, Hard: 1}}}, nil, "its rlimit core has a soft"},
		{spec.Limits{CapDrop: []string{"NET_RAWX", ""}}, nil, `its capability "NET_RAWX"|its capability ""`},
		{spec.Limits{}, looked(""), `its user "" is not`},
		{spec.Limits{}, looked("a:"), `its user "a:" is not`},
		{spec.Limits{}, looked(":a"), `its user ":a" is not`},
		{spec.Limits{}, looked("a:b:c"), `its user "a:b:c" is not`},
		{spec.Limits{}, &spec.User{Name: "a", Lookup: true, UID: 1}, `its user "a" is to be looked up`},
		{spec.Limits{}, &spec.User{Name: "a", UID: 1}, ""},
	}
	for _, tt := range tests {
		got := Check(tt.limits, tt.user)
		want := strings.FieldsFunc(tt.want, func(r rune) bool { return r == '|' })
		same := slices.EqualFunc(got, want, strings.HasPrefix)
		if !same {
			t.Errorf("%+v, %+v: %q, want %q", tt.limits, tt.user, got, want)
		}
	}
}

// Every name of Compose's ulimits and every capability of the kernel is known.
func TestNamesAreComplete(t *testing.T) {
	for _, name := range strings.Fields("as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack") {
		if _, ok := resources()[name]; !ok {
			t.Errorf("no rlimit %s", name)
		}
	}
	for n := range len(capabilityNumbers()) {
		name := capabilityName(n)
		if back, ok := capabilityNumber("cap_" + name); !ok || back != n {
			t.Errorf("capability %d is %s, which is %d", n, name, back)
		}
	}
	if got := capabilityName(63); got != "63" {
		t.Errorf("capability 63 is %s", got)
	}
}

func TestMask(t *testing.T) {
	for names, want := range map[string][2]uint32{
		"":                  {},
		"CHOWN":             {1, 0},
		"NET_RAW cap_chown": {1<<13 | 1, 0},
		"BPF":               {0, 1 << 7},
		"CHOWN ALL":         {^uint32(0), ^uint32(0)},
		"NOPE":              {},
	} {
		if got := mask(strings.Fields(names)); got != want {
			t.Errorf("%s: %x, want %x", names, got, want)
		}
	}
}

// The order is the one in which everything is possible.
func TestStepsComeInOrder(t *testing.T) {
	score := 500
	o := &orders{Program: []byte("/bin/x"), Dir: []byte("/srv"), Who: &change{Name: "web", UID: 1, GID: 2}, OOM: &score, Nice: 5, NoNew: true,
		Rlimits: bounds(map[string]spec.Rlimit{"nofile": {Soft: 1, Hard: 2}, "core": {Soft: 0, Hard: -1}, "nope": {}}),
		Drop:    mask([]string{"NET_RAW"}), Bounding: []int{13}}
	var got []string
	for i := range o.steps() {
		got = append(got, strings.TrimPrefix(o.explain(uint32(i), fmt.Errorf("why")).Error(), "cannot "))
	}
	want := []string{
		"set its oom_score_adj to 500: why",
		"set its rlimit core to 0, unlimited at most: why",
		"set its rlimit nofile to 1, 2 at most: why",
		"set its nice to 5: why",
		"drop capability NET_RAW: why",
		"become user web (uid 1, gid 2): why", "become user web (uid 1, gid 2): why", "become user web (uid 1, gid 2): why",
		"drop its capabilities: why",
		"give up new privileges: why",
		"set its umask: why",
		"start in /srv: why",
		"unblock its signals: why",
		"start /bin/x: why",
	}
	for i, line := range want {
		if i < len(got) && strings.HasPrefix(line, "set its rlimit core") {
			got[i] = strings.Replace(got[i], ", the hard limit here is 0", "", 1)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if err := o.explain(99, fmt.Errorf("why")); err.Error() != "cannot start /bin/x: its trampoline: why" {
		t.Errorf("%v", err)
	}
}
