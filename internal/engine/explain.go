package engine

import (
	"strings"
	"syscall"

	"github.com/sandwright/sandwright/internal/fault"
)

// explain says what BuildKit's error means to the one who reads it. The causes
// arrive as text: they have been through gRPC, also in this process. Told is
// the fault that the failed step itself has told; it may be empty.
func explain(text, told string) error {
	text = strings.TrimPrefix(text, "failed to solve: ")
	if told != "" {
		return (&fault.Fault{What: told}).WithHint("the step's own output stands above")
	}
	f := fault.Cannot("build: %s", text)
	switch {
	case strings.Contains(text, syscall.ENOSPC.Error()):
		f.Hint = "make room on the disk, or run: sandwright gc"
	case strings.Contains(text, "did not complete successfully"):
		f.Hint = "the step's own output stands above"
	}
	return f
}
