package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A change is the ids that a program gets, where they are not our own.
type change struct {
	Name     string
	UID, GID uint32
	Groups   []uint32
}

// String is how a person knows who is meant.
func (c *change) String() string {
	return fmt.Sprintf("user %s (uid %d, gid %d)", c.Name, c.UID, c.GID)
}

// change is nil where the program is to have the ids that we have. Who may not
// change ids can start programs as itself only; its own supplementary groups
// then stay, as it cannot give them up.
func (i *Identity) change() (*change, error) {
	if i == nil {
		return nil, nil
	}
	own, err := os.Getgroups()
	if err != nil {
		return nil, fmt.Errorf("cannot ask for our own groups: %w", err)
	}
	ours := int(i.UID) == os.Geteuid() && int(i.GID) == os.Getegid()
	has := func(gid uint32) bool { return slices.Contains(own, int(gid)) || int(gid) == os.Getegid() }
	within := !slices.ContainsFunc(i.Groups, func(gid uint32) bool { return !has(gid) })
	c := &change{Name: i.Name, UID: i.UID, GID: i.GID, Groups: i.Groups}
	switch {
	case ours && within && len(own) == len(i.Groups), ours && within && !changesIDs():
		return nil, nil
	case !changesIDs():
		return nil, fmt.Errorf("cannot become %s: without privileges only uid %d and gid %d can be had: %w", c, os.Geteuid(), os.Getegid(), unix.EPERM)
	}
	return c, nil
}

// changesIDs tells whether we may change our ids, groups included.
func changesIDs() bool {
	const needed = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	denied, _ := os.ReadFile("/proc/self/setgroups") // without user namespaces nobody denies it
	caps, err := capabilities()
	return err == nil && caps[0].Effective&needed == needed && strings.TrimSpace(string(denied)) != "deny"
}

// enters tells whether the user gets into a directory. For another user than
// ourselves only the mode bits are asked.
func (c *change) enters(dir string) bool {
	if c == nil {
		return unix.Access(dir, unix.X_OK) == nil
	}
	for {
		var stat unix.Stat_t
		if unix.Stat(dir, &stat) != nil || !c.mayExecute(stat) {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}

func (c *change) mayExecute(stat unix.Stat_t) bool {
	switch {
	case c.UID == 0:
		return true
	case stat.Uid == c.UID:
		return stat.Mode&0o100 != 0
	case stat.Gid == c.GID || slices.Contains(c.Groups, stat.Gid):
		return stat.Mode&0o010 != 0
	}
	return stat.Mode&0o001 != 0
}
