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
	SocketPath = "/run/sandwright/control.sock"
)

// A Spec is everything PID 1 needs to know.
type Spec struct {
	Version  int               `json:"version"`
	Name     string            `json:"name"`
	LogDir   string            `json:"logDir"`
	Env      map[string]string `json:"env,omitempty"`      // given to every service
	Required []Variable        `json:"required,omitempty"` // checked before any service starts
	Services []Service         `json:"services"`           // sorted by name
}

// A Variable is one that must be given at start, by name only: the spec lies
// in the image, and values do not.
type Variable struct {
	Name string `json:"name"`
	At   string `json:"at,omitempty"` // file:line:column of its declaration
}

// A Service is one supervised program.
type Service struct {
	Name    string               `json:"name"`
	Command []string             `json:"command"`       // argv; [0] is looked up in PATH
	Dir     string               `json:"dir,omitempty"` // absolute; empty is /
	User    *User                `json:"user,omitempty"`
	Env     map[string]string    `json:"env,omitempty"`     // fixed values, over Spec.Env
	EnvFrom []string             `json:"envFrom,omitempty"` // start-time variables it may see
	After   map[string]Condition `json:"after,omitempty"`
	Ready   *Probe               `json:"ready,omitempty"` // nil: ready once started
	Restart Restart              `json:"restart"`
	Stop    Stop                 `json:"stop"`
	Logs    Rotation             `json:"logs"`
	Port    int                  `json:"port,omitempty"` // shown in status; 0 is none
}

// A User is who a service runs as. Nothing is looked up in the box.
type User struct {
	Name string `json:"name"`
	UID  uint32 `json:"uid"`
	GID  uint32 `json:"gid"`
	Home string `json:"home"`
}

// A Condition is what a dependant waits for.
type Condition string

// The conditions of After.
const (
	Started Condition = "started"
	Ready   Condition = "ready"
)

// A Probe says how readiness is known. Exactly one of FD and HTTP is set.
type Probe struct {
	FD       int      `json:"fd,omitempty"`   // the service writes a newline there, as s6's notification-fd
	HTTP     string   `json:"http,omitempty"` // a URL; any 2xx or 3xx answer is success
	Interval Duration `json:"interval,omitempty"`
	Timeout  Duration `json:"timeout,omitempty"`  // of one attempt
	Deadline Duration `json:"deadline,omitempty"` // from start to first success
}

// Restart says what follows a death. Delay doubles from MinDelay to MaxDelay
// and starts over once a run has lasted MaxDelay.
type Restart struct {
	Policy   RestartPolicy `json:"policy"`
	MinDelay Duration      `json:"minDelay"`
	MaxDelay Duration      `json:"maxDelay"`
}

// A RestartPolicy has the names of Compose and Kubernetes.
type RestartPolicy string

// The restart policies.
const (
	Always    RestartPolicy = "always"
	OnFailure RestartPolicy = "on-failure"
	Never     RestartPolicy = "never"
)

// Stop says how a service is ended: SIGTERM to its process group, and SIGKILL
// after Timeout.
type Stop struct {
	Timeout Duration `json:"timeout"`
}

// Rotation bounds a service's log directory.
type Rotation struct {
	MaxFiles int    `json:"files"`    // rotated files kept, not counting current
	MaxBytes int64  `json:"maxBytes"` // size at which current is rotated
	Stamp    string `json:"stamp"`    // iso8601, tai64n or none
}

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
