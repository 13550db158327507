package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// limitFields are what a service may not exceed, and what it is not given.
func limitFields() []field[Service] {
	return []field[Service]{
		key("umask", func(s *Service) *string { return &s.Limits.Umask }, umask(),
			"The mode bits that its new files do not get, in octal.").otherwiseIs("0022").such("\"0027\""),
		key("nice", func(s *Service) *int { return &s.Limits.Nice }, whole[int]("a niceness", -20, 19),
			"Its place among others that want the CPU: less is more. Below 0 takes privileges.").otherwiseIs("that of the supervisor").such("5"),
		key("oom-score-adj", func(s *Service) **int { return &s.Limits.OOMScoreAdj }, optional[int]{whole[int]("a score", -1000, 1000)},
			"What is added to its score when memory is short: the highest is killed first. Less than it has takes privileges.").otherwiseIs("that of the supervisor").such("500"),
		key("ulimits", func(s *Service) *map[string]spec.Rlimit { return &s.Limits.Rlimits }, ulimitsShape(),
			"Bounds of the kernel for each of its processes, by the names of Compose. A number is both bounds, unlimited is none.").otherwiseIs("those of the supervisor").such("{nofile: 1024, core: {soft: 0, hard: unlimited}}"),
		key("no-new-privileges", func(s *Service) *bool { return &s.Limits.NoNewPrivs }, truth(),
			"Whether it is kept from gaining privileges by setuid programs and file capabilities.").or("false").such("true"),
		key("cap-drop", func(s *Service) *[]string { return &s.Limits.CapDrop }, list[string]{of: capability()},
			"Capabilities that neither it nor a program it starts can have, with or without CAP_; ALL is every one.").such("[ALL]"),
		key("memory", func(s *Service) *int64 { return &s.Limits.Memory }, size(1<<20, 1<<50),
			"The memory of all its processes together. As cpus and pids-limit it needs a cgroup that the supervisor may write to: where there is none the service does not start.").otherwiseIs("no bound").such("512MB"),
		key("cpus", func(s *Service) *float64 { return &s.Limits.CPUs }, decimal(0.01, 1024),
			"The CPU time of all its processes together, in cores.").otherwiseIs("no bound").such("1.5"),
		key("pids-limit", func(s *Service) *int64 { return &s.Limits.PIDs }, whole[int64]("a number of processes", 1, 4_194_304),
			"Its processes and threads together.").otherwiseIs("no bound").such("200"),
	}
}

// An ulimit is one of the kernel's bounds.
type ulimit struct {
	name, about string
	max         int64 // the highest number that means something
	bounded     bool  // unlimited is refused by the kernel
	example     string
}

func ulimits() []ulimit {
	const most = math.MaxInt64
	return []ulimit{
		{"as", "Its address space, in bytes.", most, false, "4294967296"},
		{"core", "A core file, in bytes; 0 writes none.", most, false, "0"},
		{"cpu", "CPU time, in seconds.", most, false, "3600"},
		{"data", "Data and heap, in bytes.", most, false, "1073741824"},
		{"fsize", "A file it writes, in bytes.", most, false, "1073741824"},
		{"locks", "File locks. Linux does not look at it.", most, false, "unlimited"},
		{"memlock", "Memory locked in RAM, in bytes.", most, false, "unlimited"},
		{"msgqueue", "POSIX message queues of its user, in bytes.", most, false, "819200"},
		{"nice", "The best niceness it may give itself: 20 less this number.", 40, false, "20"},
		{"nofile", "Open descriptors. The kernel has a bound of its own, so it cannot be unlimited.", math.MaxInt32, true, "1024"},
		{"nproc", "Processes and threads of its user.", most, false, "4096"},
		{"rss", "Resident memory, in bytes. Linux does not look at it; see memory.", most, false, "unlimited"},
		{"rtprio", "The highest real-time priority.", 99, false, "0"},
		{"rttime", "CPU time in real time without a blocking call, in microseconds.", most, false, "200000"},
		{"sigpending", "Signals that wait for processes of its user.", most, false, "4096"},
		{"stack", "A stack, in bytes.", most, false, "8388608"},
	}
}

func ulimitsShape() object[map[string]spec.Rlimit] {
	var o object[map[string]spec.Rlimit]
	like := "" // the first has the sections of soft and hard
	for _, u := range ulimits() {
		at := key(u.name, func(r *spec.Rlimit) *spec.Rlimit { return r }, u.shape(like), u.about).otherwiseIs("that of the supervisor").such(u.example)
		f := field[map[string]spec.Rlimit]{key: u.name, about: u.about, otherwise: at.otherwise, example: u.example, schema: at.schema}
		f.decode = func(d *decoder, p keyPath, n *yaml.Node, into *map[string]spec.Rlimit) {
			var r spec.Rlimit
			before := d.refused
			at.decode(d, p, n, &r)
			if d.refused == before && r.Hard >= 0 && (r.Soft > r.Hard || r.Soft < 0) {
				d.cannot(n, "use a soft %s above the hard one", u.name).WithHint("make soft at most hard")
			}
			if *into == nil {
				*into = map[string]spec.Rlimit{}
			}
			(*into)[u.name] = r
		}
		o.fields = append(o.fields, f)
		like = "services.NAME.ulimits." + o.fields[0].key
	}
	return o
}

// shape is a number for both bounds, or {soft, hard}.
func (u ulimit) shape(like string) form[spec.Rlimit] {
	one := u.bound()
	return form[spec.Rlimit]{
		takes: one.takes + " or {soft, hard}",
		text:  as(one, func(n int64) spec.Rlimit { return spec.Rlimit{Soft: n, Hard: n} }),
		long: object[spec.Rlimit]{like: like, fields: []field[spec.Rlimit]{
			key("soft", func(r *spec.Rlimit) *int64 { return &r.Soft }, one,
				"The bound that holds; it may raise it to hard.").must().such("1024"),
			key("hard", func(r *spec.Rlimit) *int64 { return &r.Hard }, one,
				"The bound that it cannot raise.").must().such("4096"),
		}},
	}
}

// bound is a number of the kernel's own units, or unlimited.
func (u ulimit) bound() scalar[int64] {
	takes := "a number or unlimited"
	if u.bounded {
		takes = "a number"
	}
	return scalar[int64]{
		takes: takes,
		parse: func(text string) (int64, *reason) {
			n, err := strconv.ParseInt(text, 10, 64)
			if text == "unlimited" || text == "-1" {
				n, err = -1, nil
			}
			switch {
			case n == -1 && u.bounded:
				return 0, &reason{"the kernel has a bound of its own", "such as 1048576"}
			case err != nil || n < -1:
				return 0, &reason{"it is " + takes + ", in the kernel's own units", "such as " + u.example}
			case n > u.max:
				return 0, &reason{why: fmt.Sprintf("it is 0 to %d", u.max)}
			}
			return n, nil
		},
		json: schema{Type: []string{"integer", "string"}},
	}
}

// umask is three octal digits, with a zero before them or none.
func umask() scalar[string] {
	digits := words("a umask", `0?[0-7]{3}`, "a umask is three octal digits, such as 0027")
	digits.json.Type = []string{"string", "integer"}
	return as(digits, func(text string) string { return "0" + text[len(text)-3:] })
}

// signalName is a signal that can end a service, given as SIGINT or as INT.
func signalName() scalar[string] {
	names := []string{"SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGABRT", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGPWR", "SIGKILL"}
	return known("a signal, such as SIGINT", "SIG", names, reason{"it is no signal that ends a service", "one of " + strings.Join(names, ", ")})
}

// capability is a capability without its CAP_, or ALL.
func capability() scalar[string] {
	names := strings.Fields(`ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE
		DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN
		NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE
		SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM`)
	return known("a capability, such as NET_RAW", "CAP_", names, reason{"it is no capability", "such as NET_RAW; man 7 capabilities lists them"})
}

// known is one of the names, written with or without the prefix and given as
// it is in the list. ALL has no prefix.
func known(takes, prefix string, names []string, bad reason) scalar[string] {
	bare := make([]string, len(names))
	for i, name := range names {
		bare[i] = strings.TrimPrefix(name, prefix)
	}
	return scalar[string]{
		takes: takes,
		parse: func(text string) (string, *reason) {
			word := strings.TrimPrefix(text, prefix)
			if i := slices.Index(bare, word); i >= 0 && (word == text || word != "ALL") {
				return names[i], nil
			}
			if near := fault.Nearest(strings.TrimPrefix(strings.ToUpper(text), prefix), bare); near != "" {
				return "", &reason{bad.why, "did you mean " + names[slices.Index(bare, near)] + "?"}
			}
			return "", &bad
		},
		json: schema{Type: "string", Pattern: "^(" + prefix + ")?(" + strings.Join(bare, "|") + ")$"},
	}
}
