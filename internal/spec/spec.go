// Package spec is the contract between the two binaries: the JSON that
// sandwright writes into an image and sandwright-init reads as PID 1, and the
// JSON that sandwright-init answers on its control socket. Standard library only.
package spec

import (
	"encoding/json"
	"fmt"
	"time"
)

// Version is the only version of the contract there is.
const Version = 1

// Where things stand inside the box.
const (
	Path       = "/etc/sandwright/spec.json"
	InitPath   = "/usr/local/bin/sandwright-init"
	LogDir     = "/var/log/sandwright"
	RunDir     = "/run/sandwright"
	SocketPath = RunDir + "/control.sock"
)

// A Spec is everything PID 1 needs to know.
type Spec struct {
	Version   int               `json:"version"`
	Name      string            `json:"name"`
	LogDir    string            `json:"logDir"`
	LogTotal  int64             `json:"logTotal,omitempty"`  // bytes of all services' rotated files together; 0 is no bound
	Main      string            `json:"main,omitempty"`      // the service whose end ends the sandbox, with its exit code
	Env       map[string]string `json:"env,omitempty"`       // given to every service
	Variables []Variable        `json:"variables,omitempty"` // checked before any service starts; sorted by name
	Services  []Service         `json:"services"`            // sorted by name
	Tools     []Tool            `json:"tools,omitempty"`     // sorted by name
	Verify    VerifyTime        `json:"verify,omitempty"`
	AtStart   *AtStart          `json:"atStart,omitempty"` // nil: the workspace is not looked at
}

// An AtStart is what PID 1 does, before it starts any service, where the
// workspace is not what its dependencies were installed from.
type AtStart struct {
	Do      StartAction `json:"do"`
	Receipt string      `json:"receipt"` // path of what says so
	User    User        `json:"user"`    // who runs the steps
	Timeout Duration    `json:"timeout"` // of each command
}

// A StartAction is what follows where something differs.
type StartAction string

// The actions of AtStart.
const (
	StartInstall StartAction = "install" // the steps run; then services start, whatever came of it
	StartRequire StartAction = "require" // the steps run; services start once they have succeeded
	StartCheck   StartAction = "check"   // it is said
)

// A Tool is one that the lock pins, for whoever verifies it in the box.
type Tool struct {
	Name string `json:"name"`
	Tree string `json:"tree"` // sha256 hex of the list of its files
}

// A VerifyTime is when PID 1 holds the tools' files against the lock.
type VerifyTime string

// The times of Verify.
const (
	VerifyNever VerifyTime = ""
	VerifyBoot  VerifyTime = "boot" // before any service is started
)

// A Service is one supervised program. One with S6 is run as its s6 service
// directory says: of the other fields only Name, Env, EnvFrom, After, Logs and
// Port are its own.
type Service struct {
	Name      string               `json:"name"`
	At        string               `json:"at,omitempty"`      // file:line:column of its declaration
	Command   []string             `json:"command,omitempty"` // argv; [0] is looked up in PATH
	S6        string               `json:"s6,omitempty"`      // absolute path of an s6 service directory
	Task      *Task                `json:"task,omitempty"`    // it runs once, to its end
	Dir       string               `json:"dir,omitempty"`     // absolute; empty is /
	User      *User                `json:"user,omitempty"`
	Limits    Limits               `json:"limits,omitzero"`
	Env       map[string]string    `json:"env,omitempty"`       // fixed values, over Spec.Env
	EnvFrom   []string             `json:"envFrom,omitempty"`   // those of Spec.Variables that it sees
	Variables []Variable           `json:"variables,omitempty"` // start-time variables of its own, over Spec's; sorted by name
	Secrets   map[string]Secret    `json:"secrets,omitempty"`   // those of the variables that it sees that are secret
	After     map[string]Condition `json:"after,omitempty"`
	Start     *Probe               `json:"start,omitempty"` // asked first; the others wait for its first success
	Ready     *Probe               `json:"ready,omitempty"` // nil: ready once started
	Live      *Probe               `json:"live,omitempty"`  // asked once the service is up; restarts it
	Restart   Restart              `json:"restart"`
	Stop      Stop                 `json:"stop"`
	Logs      Rotation             `json:"logs"`
	Port      int                  `json:"port,omitempty"` // shown in status; 0 is none
}

// A Task is what makes a service a oneshot: a migration or a build. It is done
// when it exits 0.
type Task struct {
	Deadline Duration `json:"deadline,omitempty"` // for one run; 0 is none
	Optional bool     `json:"optional,omitempty"` // whoever waits for it starts also when it fails
	Why      string   `json:"why,omitempty"`      // it runs, for people
}

// A User is who a service runs as. With Lookup, Name is "user" or
// "user:group", names or numbers, and is looked up in the box at start; the
// other fields are empty then. Without it nothing is looked up.
type User struct {
	Name   string   `json:"name"`
	Lookup bool     `json:"lookup,omitempty"`
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups,omitempty"` // supplementary
	Home   string   `json:"home"`
}

// Limits is what a service may not exceed. The zero Limits changes nothing.
type Limits struct {
	Umask       string            `json:"umask,omitempty"` // octal, such as "0027"; empty is 0022
	Nice        int               `json:"nice,omitempty"`  // -20 to 19
	OOMScoreAdj *int              `json:"oomScoreAdj,omitempty"`
	Rlimits     map[string]Rlimit `json:"rlimits,omitempty"` // by the names of Compose's ulimits: nofile, nproc, core, …
	NoNewPrivs  bool              `json:"noNewPrivs,omitempty"`
	CapDrop     []string          `json:"capDrop,omitempty"`   // as NET_RAW; ALL is every one
	Memory      int64             `json:"memory,omitempty"`    // bytes, cgroup
	CPUs        float64           `json:"cpus,omitempty"`      // cores, cgroup
	PIDs        int64             `json:"pidsLimit,omitempty"` // processes and threads, cgroup
}

// An Rlimit is a pair of bounds in the kernel's own units; -1 is unlimited.
type Rlimit struct {
	Soft int64 `json:"soft"`
	Hard int64 `json:"hard"`
}

// A Condition is what a dependant waits for.
type Condition string

// The conditions of After.
const (
	Started  Condition = "started"
	Ready    Condition = "ready"
	ExitedOK Condition = "exited-ok"
)

// A Probe is one way to ask a service how it is. Exactly one of FD, HTTP, TCP,
// Exec, GRPC, Notify and Log is set.
type Probe struct {
	FD     int      `json:"fd,omitempty"`     // the service writes a newline there, as s6's notification-fd
	HTTP   string   `json:"http,omitempty"`   // a URL to GET
	TCP    string   `json:"tcp,omitempty"`    // host:port that takes a connection
	Exec   []string `json:"exec,omitempty"`   // a command that exits 0, run as the service is
	GRPC   string   `json:"grpc,omitempty"`   // host:port, or host:port/SERVICE, of grpc.health.v1
	Notify bool     `json:"notify,omitempty"` // sd_notify: READY=1, and WATCHDOG=1 for Live
	Log    string   `json:"log,omitempty"`    // a regular expression that a line of output matches

	Status  string            `json:"status,omitempty"`  // of HTTP, such as "200-299,304"; empty is 200-399
	Headers map[string]string `json:"headers,omitempty"` // sent by HTTP
	Body    string            `json:"body,omitempty"`    // a regular expression that the answer to HTTP matches
	Socket  string            `json:"socket,omitempty"`  // a unix socket that HTTP, GRPC or TCP speaks through

	Interval  Duration `json:"interval,omitempty"`
	Timeout   Duration `json:"timeout,omitempty"`   // of one attempt
	Deadline  Duration `json:"deadline,omitempty"`  // to the first success, from the process's start or that of the start probe; Start and Ready only
	Failures  int      `json:"failures,omitempty"`  // in a row until it counts; 0 is 3
	Successes int      `json:"successes,omitempty"` // in a row until it counts; 0 is 1
}

// Restart says what follows a death. Delay doubles from MinDelay to MaxDelay,
// less a random part of up to a quarter, and starts over once a run has lasted
// MaxDelay. StartLimit starts within StartInterval are the last: then the
// service has failed.
type Restart struct {
	Policy        RestartPolicy `json:"policy"`
	MinDelay      Duration      `json:"minDelay"`
	MaxDelay      Duration      `json:"maxDelay"`
	StartLimit    int           `json:"startLimit,omitempty"` // 0 is none
	StartInterval Duration      `json:"startInterval,omitempty"`
}

// A RestartPolicy has the names of Compose and Kubernetes.
type RestartPolicy string

// The restart policies.
const (
	Always    RestartPolicy = "always"
	OnFailure RestartPolicy = "on-failure"
	Never     RestartPolicy = "never"
)

// Stop says how a service is ended: Signal to its process group, and SIGKILL
// after Timeout.
type Stop struct {
	Signal  string   `json:"signal,omitempty"` // such as SIGINT; empty is SIGTERM
	Timeout Duration `json:"timeout"`
}

// Rotation bounds a service's log directory and says how its lines look.
type Rotation struct {
	MaxFiles   int      `json:"files"`                // rotated files kept, not counting current
	MaxBytes   int64    `json:"maxBytes"`             // size at which current is rotated
	TotalBytes int64    `json:"totalBytes,omitempty"` // all rotated files together; 0 is no bound
	Stamp      string   `json:"stamp"`                // iso8601, tai64n or none
	Format     string   `json:"format,omitempty"`     // json: one object a line; empty: plain text
	Overflow   Overflow `json:"overflow,omitempty"`
	Mirror     bool     `json:"mirror,omitempty"` // each line also goes to the supervisor's stdout
}

// An Overflow is what happens while lines come faster than they can be
// written, as on a full disk.
type Overflow string

// The overflows.
const (
	Block      Overflow = ""            // the service waits
	DropOldest Overflow = "drop-oldest" // lines are lost, counted, and the gap is marked
)

// A Duration is a time.Duration that is written as text, such as "30s".
type Duration time.Duration

// MarshalText writes d as time.Duration prints it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// Std is d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return time.Duration(d).String() }

// Encode writes s as indented JSON that is the same for the same Spec.
func Encode(s Spec) ([]byte, error) {
	out, err := json.MarshalIndent(s, "", "  ")
	return append(out, '\n'), err
}

// Decode reads what Encode wrote. An unknown key or another version is an
// error: a box whose two halves disagree must not start.
func Decode(data []byte) (Spec, error) {
	var s Spec
	if err := decodeStrict(data, &s); err != nil {
		return Spec{}, fmt.Errorf("cannot read the spec: %w", err)
	}
	if s.Version != Version {
		return Spec{}, fmt.Errorf("cannot read the spec: version %d, and this sandwright-init knows %d", s.Version, Version)
	}
	return s, nil
}
