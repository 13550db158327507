package fetch

import (
	"sync/atomic"

	"github.com/sandwright/sandwright/internal/fault"
)

// A quota bounds what several downloads bring together. As a writer it counts.
type quota struct {
	what  string // that they are for
	total int64  // bytes
	taken atomic.Int64
}

// Write fails once there is more than the quota.
func (q *quota) Write(p []byte) (int, error) {
	if q.taken.Add(int64(len(p))) > q.total {
		return 0, fault.Cannot("fetch %s: it is more than %d bytes in all", q.what, q.total).
			WithHint("ask for a tool with fewer dependencies")
	}
	return len(p), nil
}
