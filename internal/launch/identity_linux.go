package launch

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// The databases of the box.
const (
	passwdFile = "/etc/passwd"
	groupFile  = "/etc/group"
)

// An Identity is a user that has been found in the box.
type Identity struct {
	spec.User
	looked       bool   // up, in the box
	login, shell string // of its entry, if it has one
}

// Identify looks a user up, if that is asked for: in /etc/passwd and
// /etc/group, as they are now. It is nil for nil.
func Identify(u *spec.User) (*Identity, error) {
	if u == nil {
		return nil, nil
	}
	if !u.Lookup {
		return &Identity{User: *u}, nil
	}
	users, err := open(passwdFile, 7)
	if err != nil {
		return nil, err
	}
	groups, err := open(groupFile, 4)
	if err != nil {
		return nil, err
	}
	return search(u.Name, users, groups)
}

// open reads a database. One that does not exist has no entries.
func open(path string, fields int) (database, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look up users: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot look up users: %s is no file", path)
	}
	db, err := readDatabase(f, fields)
	if err != nil {
		return nil, fmt.Errorf("cannot look up users: %s: %w", path, err)
	}
	return db, nil
}

// environ adds what a login gives to a user that was looked up, except where
// the environment has it.
func (i *Identity) environ(env []string) []string {
	if i == nil || !i.looked {
		return env
	}
	out := slices.Clone(env)
	for _, add := range [][2]string{{"HOME", i.Home}, {"USER", i.login}, {"LOGNAME", i.login}, {"SHELL", i.shell}} {
		has := func(entry string) bool { return strings.HasPrefix(entry, add[0]+"=") }
		if add[1] != "" && !slices.ContainsFunc(env, has) {
			out = append(out, add[0]+"="+add[1])
		}
	}
	return out
}
