package provider

import (
	"regexp"

	"github.com/sandwright/sandwright/internal/fault"
)

// CheckName tells why name cannot be that of a sandbox; nil when it can. A name
// becomes part of paths, of a control group and of a host name.
func CheckName(name string) *fault.Fault {
	if regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`).MatchString(name) {
		return nil
	}
	return fault.Cannot("use %q as the name of a sandbox: it takes 1 to 63 of a-z, 0-9, dot, dash and underscore", name)
}
