// Package provider is the interface to where sandboxes run, and a handle on one.
package provider

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// ErrNotFound is returned by Find when no such sandbox runs.
var ErrNotFound = errors.New("no such sandbox")

// ErrRunning is wrapped by Start's error when a sandbox of that project and
// name already runs.
var ErrRunning = errors.New("it already runs")

// A Config is what a sandbox is started from.
type Config struct {
	Project  string // absolute directory of sandwright.yaml
	Name     string // of the sandbox; unique within Project
	Image    string // identity of the image
	Revision string // of all that it is started from but secrets; two equal ones need no restart
	Rootfs   Rootfs
	Env      map[string]string // PATH, HOME and the like: of PID 1 and of exec
	Values   map[string]string // start-time variables; secrets among them; never on disk or argv
	// SecretFiles are the host's files from which secrets of Values were read, by
	// name: a relative one is in Project, and leads nowhere else. When one
	// changes, the sandbox gets its new value.
	SecretFiles map[string]string
	User        spec.User
	Dir         string // where exec starts
	Ports       []Port

	StopTimeout time.Duration // from Stop's SIGTERM to SIGKILL; 0 means 40 s
}

// A Rootfs is an overlay over unpacked, shared, read-only layers.
type Rootfs struct {
	Lower []string // host directories, uppermost first
	Edits []Edit   `json:"-"` // what is otherwise than in them
}

// An Edit is a file that a box has otherwise than its layers.
type Edit struct {
	Path string                        // below the box's root, without a slash before it
	Was  string                        // hex sum of what the layers must have there, as a receipt.Summer makes it; or Absent or Present
	In   []string                      // those of Rootfs.Lower that a file with a sum may be in; empty: any
	Mode uint32                        // permission bits; 0: as it was
	Open func() (io.ReadCloser, error) // the new contents; nil: it is removed
}

// What the layers must have in the place of an Edit, where that is no sum.
const (
	Absent  = ""     // nothing: the file becomes the user's
	Present = "file" // any file
)

// ErrUnfit is wrapped by the error of a provider whose layers do not have what
// Edits say, or cannot be edited that way. Nothing was changed.
var ErrUnfit = errors.New("the layers do not fit the edits")

// A Port of the box, published on 127.0.0.1 of the host; Host 0 is any free one.
type Port struct {
	Host int `json:"host"`
	Box  int `json:"box"`
}

// Info is one sandbox as it stands.
type Info struct {
	ID       string    `json:"id"`   // unique on this machine
	Name     string    `json:"name"` // unique within Project
	Project  string    `json:"project"`
	Image    string    `json:"image"`
	Edits    int       `json:"edits,omitempty"` // files that are otherwise than in the image
	Revision string    `json:"revision"`
	Ports    []Port    `json:"ports"` // Host is never 0
	Started  time.Time `json:"started"`
	LogDir   string    `json:"logDir"` // on this machine; one directory a service; the box writes there, so follow no links
}

// A Provider starts and finds sandboxes.
type Provider interface {
	// Start returns once the supervisor answers, not once services are ready.
	// When ctx ends first, nothing is left behind. Until Keep is called the
	// sandbox ends when this process does, however it ends.
	Start(ctx context.Context, c Config) (Sandbox, error)
	// Find gives the running sandbox of that project and name; ErrNotFound
	// when there is none.
	Find(ctx context.Context, project, name string) (Sandbox, error)
	// List gives every running sandbox of this user, sorted by ID, and clears
	// what dead ones left behind.
	List(ctx context.Context) ([]Sandbox, error)
}

// A Sandbox is a handle on a running sandbox.
type Sandbox interface {
	Info() Info
	// Keep lets the sandbox outlive this process. It does nothing on a handle
	// that Find or List gave.
	Keep() error
	// Control opens a connection to the supervisor's control socket.
	Control(ctx context.Context) (net.Conn, error)
	// Exec runs argv in the box and gives its exit code. Streams that are a
	// terminal stay one. When ctx ends the command gets SIGTERM. The error is
	// a fault with code 126 or 127 when argv cannot be run.
	Exec(ctx context.Context, e Exec) (int, error)
	// Stop ends every service in reverse order, then the sandbox, and returns
	// once nothing of it is left. It is no error when it already is gone.
	Stop(ctx context.Context) error
}

// An Exec is one command to run in the box.
type Exec struct {
	Argv   []string
	Dir    string            // default: Config.Dir
	Env    map[string]string // over Config.Env
	Root   bool              // as root instead of Config.User
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}
