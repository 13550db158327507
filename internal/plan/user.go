package plan

import (
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/spec"
)

// userOf is who a service runs as: own, the sandbox's user, where it says
// nothing. That user and root are known here, by name or number, as is a group
// of either; whoever else is named is looked up in the box.
func userOf(text string, own spec.User) *spec.User {
	if text == "" {
		return &own
	}
	name, group, grouped := strings.Cut(text, ":")
	user, known := knownUser(name, own)
	if grouped && known {
		var other spec.User
		other, known = knownUser(group, own)
		user.GID = other.GID
	}
	if !known {
		return &spec.User{Name: text, Lookup: true}
	}
	return &user
}

// knownUser is root or own. The group of each has its name and number.
func knownUser(name string, own spec.User) (spec.User, bool) {
	switch name {
	case own.Name, strconv.FormatUint(uint64(own.UID), 10):
		return own, true
	case "root", "0":
		return spec.User{Name: "root", Home: "/root"}, true
	}
	return spec.User{}, false
}
