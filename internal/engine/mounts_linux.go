package engine

import (
	"bufio"
	"errors"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// clearMounts detaches what a killed engine left mounted below root. The
// caller holds root's lock, so that no live engine can own any of it.
func clearMounts(root string) error {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	defer f.Close()
	var stale []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > 4 && strings.HasPrefix(unescapeMount(fields[4]), root+"/") {
			stale = append(stale, unescapeMount(fields[4]))
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	var errs []error
	for _, dir := range slices.Backward(stale) { // the innermost first
		errs = append(errs, unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW))
	}
	return errors.Join(errs...)
}

// unescapeMount undoes the octal escapes of proc(5).
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
