package launch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/spec"
)

// ErrNoEntry is returned by Identify for a name that /etc/passwd or /etc/group
// does not have.
var ErrNoEntry = errors.New("there is no such entry")

// A database is /etc/passwd or /etc/group, as lines of fields.
type database [][]string

// maxDatabase bounds what is read of one file, in bytes.
const maxDatabase = 4 << 20

// readDatabase reads the lines that have at least as many fields as are
// needed; others, such as comments, are passed over.
func readDatabase(r io.Reader, fields int) (database, error) {
	bounded := &io.LimitedReader{R: r, N: maxDatabase + 1}
	lines := bufio.NewScanner(bounded)
	lines.Buffer(nil, maxDatabase)
	var db database
	for lines.Scan() {
		if entry := strings.Split(lines.Text(), ":"); len(entry) >= fields && entry[0] != "" && entry[0][0] != '#' {
			db = append(db, entry)
		}
	}
	if bounded.N == 0 {
		return nil, fmt.Errorf("it is longer than %d bytes", maxDatabase)
	}
	return db, lines.Err()
}

// find is the entry that text names, or else numbers, and the number.
func (db database) find(text string) (entry []string, id uint32, err error) {
	for _, entry := range db {
		if id, ok := number(entry[2]); ok && entry[0] == text {
			return entry, id, nil
		}
	}
	id, ok := number(text)
	if !ok {
		return nil, 0, ErrNoEntry
	}
	for _, entry := range db {
		if of, ok := number(entry[2]); ok && of == id {
			return entry, id, nil
		}
	}
	return nil, id, nil
}

// number reads a user's or a group's id. The greatest is no id: the kernel
// takes it for "leave it".
func number(text string) (uint32, bool) {
	id, err := strconv.ParseUint(text, 10, 32)
	return uint32(id), err == nil && id != 1<<32-1 && text[0] != '+'
}

// search is who "user" or "user:group" is. A user by number needs no entry;
// without one its group has the same number, and nothing is known of its home.
// With a group, the user's supplementary groups do not count.
func search(name string, users, groups database) (*Identity, error) {
	user, group, given := strings.Cut(name, ":")
	entry, uid, err := users.find(user)
	if err != nil {
		return nil, fmt.Errorf("cannot find user %q in %s: %w", user, passwdFile, err)
	}
	who := &Identity{User: spec.User{Name: name, UID: uid, GID: uid, Home: "/"}, looked: true}
	if entry != nil {
		gid, ok := number(entry[3])
		if !ok {
			return nil, fmt.Errorf("cannot use user %q of %s: its group %q is no number", user, passwdFile, entry[3])
		}
		who.login, who.shell, who.GID = entry[0], entry[6], gid
		if entry[5] != "" {
			who.Home = entry[5]
		}
	}
	if !given {
		who.Groups = groups.of(who.login)
		return who, nil
	}
	if _, who.GID, err = groups.find(group); err != nil {
		return nil, fmt.Errorf("cannot find group %q in %s: %w", group, groupFile, err)
	}
	return who, nil
}

// of is the groups that list a user as a member.
func (db database) of(login string) (ids []uint32) {
	for _, entry := range db {
		id, ok := number(entry[2])
		if ok && login != "" && slices.Contains(strings.Split(entry[3], ","), login) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
