package launch

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// A bound is one rlimit in the kernel's terms.
type bound struct {
	Name     string
	Resource int
	Limit    unix.Rlimit
}

// resources has the kernel's numbers for the names of Compose's ulimits.
func resources() map[string]int {
	return map[string]int{
		"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA,
		"fsize": unix.RLIMIT_FSIZE, "locks": unix.RLIMIT_LOCKS, "memlock": unix.RLIMIT_MEMLOCK,
		"msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE, "nofile": unix.RLIMIT_NOFILE,
		"nproc": unix.RLIMIT_NPROC, "rss": unix.RLIMIT_RSS, "rtprio": unix.RLIMIT_RTPRIO,
		"rttime": unix.RLIMIT_RTTIME, "sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
	}
}

// bounds are the limits, sorted by name.
func bounds(limits map[string]spec.Rlimit) (out []bound) {
	numbers := resources()
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		if number, known := numbers[name]; known {
			// -1 is the kernel's word for unlimited, too.
			pair := unix.Rlimit{Cur: uint64(limits[name].Soft), Max: uint64(limits[name].Hard)}
			out = append(out, bound{Name: name, Resource: number, Limit: pair})
		}
	}
	return out
}

// String is "rlimit nofile to 1024, 4096 at most".
func (b bound) String() string {
	return fmt.Sprintf("rlimit %s to %s, %s at most", b.Name, amount(b.Limit.Cur), amount(b.Limit.Max))
}

func amount(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return fmt.Sprint(n)
}

// obstacle says what keeps us from setting the bound: our own hard limit,
// which only the privileged pass.
func (b bound) obstacle() string {
	var own unix.Rlimit
	if err := unix.Getrlimit(b.Resource, &own); err != nil || b.Limit.Max <= own.Max {
		return ""
	}
	return fmt.Sprintf("the hard limit here is %s", amount(own.Max))
}
