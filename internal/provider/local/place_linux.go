package local

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/spec"
	"github.com/sandwright/sandwright/internal/wholefile"
)

// A place is where one sandbox keeps its files on the host.
type place struct {
	StateDir string `json:"stateDir"`
	ID       string `json:"id"`
}

// A record is what other processes know of a running sandbox.
type record struct {
	Info provider.Info     `json:"info"`
	Env  map[string]string `json:"env"`
	User spec.User         `json:"user"`
	Dir  string            `json:"dir"`
	Shim process           `json:"shim"`
	Init int               `json:"init"` // pid of the box's PID 1 on the host
}

// errHeld is returned by acquire and sweep while a shim lives.
var errHeld = errors.New("a shim holds it")

func placeOf(stateDir, project, name string) place {
	sum := sha256.Sum256([]byte(project))
	return place{StateDir: stateDir, ID: fmt.Sprintf("%s-%x", name, sum[:4])}
}

// places gives every sandbox that has left a trace, sorted by ID.
func places(stateDir string) ([]place, error) {
	entries, err := os.ReadDir(stateDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, strings.TrimSuffix(e.Name(), ".lock"))
	}
	slices.Sort(ids)
	var found []place
	for _, id := range slices.Compact(ids) {
		found = append(found, place{StateDir: stateDir, ID: id})
	}
	return found, nil
}

func (p place) dir() string      { return filepath.Join(p.StateDir, p.ID) }
func (p place) logs() string     { return filepath.Join(p.dir(), "logs") }
func (p place) bundle() string   { return filepath.Join(p.dir(), "run") }
func (p place) laid() string     { return filepath.Join(p.dir(), "laid") }
func (p place) lockFile() string { return p.dir() + ".lock" }

// cgroup tells this state directory's sandbox from that of another one.
func (p place) cgroup() string {
	sum := sha256.Sum256([]byte(p.StateDir))
	return fmt.Sprintf("/sandwright-%s-%x", p.ID, sum[:4])
}

// Sockets of a sandbox, out of the box's reach.
const (
	controlSocket = "control.sock" // the supervisor listens
	execSocket    = "exec.sock"    // the shim does
)

// atSocket calls f with a path of that socket that is short enough for a
// socket address, wherever StateDir is.
func (p place) atSocket(name string, f func(path string) error) error {
	dir, err := os.Open(p.dir())
	if err != nil {
		return err
	}
	defer dir.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), name))
}

// listen makes a socket that only this user can reach.
func (p place) listen(name string) (l *net.UnixListener, err error) {
	err = p.atSocket(name, func(path string) error {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			return err
		}
		l.SetUnlinkOnClose(false)
		return os.Chmod(path, 0o600)
	})
	return l, err
}

// dial connects to a socket of the sandbox.
func (p place) dial(ctx context.Context, name string) (conn net.Conn, err error) {
	err = p.atSocket(name, func(path string) error {
		conn, err = (&net.Dialer{}).DialContext(ctx, "unix", path)
		return err
	})
	return conn, err
}

// held tells whether a shim lives. The kernel drops a lock with its holder.
func (p place) held() bool {
	f, err := os.OpenFile(p.lockFile(), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock)
	return err == nil && lock.Type != unix.F_UNLCK
}

// acquire takes the lock, or fails with errHeld. The lock file may be removed
// by the one who holds it, so it counts only while it still has its name.
func (p place) acquire() (*os.File, error) {
	for range 100 {
		f, err := os.OpenFile(p.lockFile(), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		lock := unix.Flock_t{Type: unix.F_WRLCK}
		if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
			f.Close()
			return nil, errHeld
		}
		mine, err := f.Stat()
		named, nameErr := os.Stat(p.lockFile())
		if err == nil && nameErr == nil && os.SameFile(mine, named) {
			return f, nil
		}
		f.Close()
	}
	return nil, errHeld
}

// running reads the record of a sandbox whose shim lives, or fails with
// provider.ErrNotFound.
func (p place) running() (record, error) {
	if !p.held() {
		return record{}, provider.ErrNotFound
	}
	data, err := os.ReadFile(filepath.Join(p.dir(), "state.json"))
	if errors.Is(err, os.ErrNotExist) {
		return record{}, provider.ErrNotFound
	}
	var rec record
	if err == nil {
		err = json.Unmarshal(data, &rec)
	}
	return rec, err
}

// write makes rec the record, whole or not at all.
func (p place) write(rec record) error {
	return wholefile.Write(filepath.Join(p.dir(), "state.json"), 0o600, func(w io.Writer) error { return json.NewEncoder(w).Encode(rec) })
}

// tail gives the last few kilobytes of a file in the place.
func (p place) tail(name string) string {
	f, err := os.Open(filepath.Join(p.dir(), name))
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		_, _ = f.Seek(max(0, info.Size()-8<<10), io.SeekStart)
	}
	text, _ := io.ReadAll(io.LimitReader(f, 8<<10))
	return string(text)
}
