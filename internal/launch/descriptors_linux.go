package launch

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// KeepDescriptors keeps what this process has inherited from the programs it
// will start: every open descriptor but 0, 1 and 2 closes on exec from now on.
func KeepDescriptors() error {
	err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		err = keepEach()
	}
	if err != nil {
		return fmt.Errorf("cannot keep our descriptors to ourselves: %w", err)
	}
	return nil
}

// keepEach does it one by one, where the kernel does not know how.
func keepEach() error {
	entries, err := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return err
}
