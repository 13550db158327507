package launch

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// every stands for all capabilities, those without a name here included.
const every = "ALL"

// capabilityNumber is the kernel's number of a capability, by its name with or
// without CAP_, in any case.
func capabilityNumber(name string) (number int, ok bool) {
	number, ok = capabilityNumbers()[bareName(name)]
	return number, ok
}

func bareName(name string) string { return strings.TrimPrefix(strings.ToUpper(name), "CAP_") }

func capabilityNumbers() map[string]int {
	return map[string]int{
		"CHOWN": unix.CAP_CHOWN, "DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "DAC_READ_SEARCH": unix.CAP_DAC_READ_SEARCH,
		"FOWNER": unix.CAP_FOWNER, "FSETID": unix.CAP_FSETID, "KILL": unix.CAP_KILL, "SETGID": unix.CAP_SETGID,
		"SETUID": unix.CAP_SETUID, "SETPCAP": unix.CAP_SETPCAP, "LINUX_IMMUTABLE": unix.CAP_LINUX_IMMUTABLE,
		"NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE, "NET_BROADCAST": unix.CAP_NET_BROADCAST, "NET_ADMIN": unix.CAP_NET_ADMIN,
		"NET_RAW": unix.CAP_NET_RAW, "IPC_LOCK": unix.CAP_IPC_LOCK, "IPC_OWNER": unix.CAP_IPC_OWNER,
		"SYS_MODULE": unix.CAP_SYS_MODULE, "SYS_RAWIO": unix.CAP_SYS_RAWIO, "SYS_CHROOT": unix.CAP_SYS_CHROOT,
		"SYS_PTRACE": unix.CAP_SYS_PTRACE, "SYS_PACCT": unix.CAP_SYS_PACCT, "SYS_ADMIN": unix.CAP_SYS_ADMIN,
		"SYS_BOOT": unix.CAP_SYS_BOOT, "SYS_NICE": unix.CAP_SYS_NICE, "SYS_RESOURCE": unix.CAP_SYS_RESOURCE,
		"SYS_TIME": unix.CAP_SYS_TIME, "SYS_TTY_CONFIG": unix.CAP_SYS_TTY_CONFIG, "MKNOD": unix.CAP_MKNOD,
		"LEASE": unix.CAP_LEASE, "AUDIT_WRITE": unix.CAP_AUDIT_WRITE, "AUDIT_CONTROL": unix.CAP_AUDIT_CONTROL,
		"SETFCAP": unix.CAP_SETFCAP, "MAC_OVERRIDE": unix.CAP_MAC_OVERRIDE, "MAC_ADMIN": unix.CAP_MAC_ADMIN,
		"SYSLOG": unix.CAP_SYSLOG, "WAKE_ALARM": unix.CAP_WAKE_ALARM, "BLOCK_SUSPEND": unix.CAP_BLOCK_SUSPEND,
		"AUDIT_READ": unix.CAP_AUDIT_READ, "PERFMON": unix.CAP_PERFMON, "BPF": unix.CAP_BPF,
		"CHECKPOINT_RESTORE": unix.CAP_CHECKPOINT_RESTORE,
	}
}

// capabilityNames lists every name, sorted.
func capabilityNames() []string { return slices.Sorted(maps.Keys(capabilityNumbers())) }

// capabilities are those of the calling thread, in two halves.
func capabilities() (data [2]unix.CapUserData, err error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	err = unix.Capget(&header, &data[0])
	return data, err
}

// mask is the names' capabilities as bits. Unknown names have none.
func mask(names []string) (bits [2]uint32) {
	for _, name := range names {
		if bareName(name) == every {
			return [2]uint32{^uint32(0), ^uint32(0)}
		}
		if n, ok := capabilityNumber(name); ok {
			bits[n/32] |= 1 << (n % 32)
		}
	}
	return bits
}

// bounding is those of the masked capabilities that our bounding set has.
func bounding(bits [2]uint32) (numbers []int) {
	for n := range 64 {
		if bits[n/32]&(1<<(n%32)) == 0 {
			continue
		}
		if has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0); err == nil && has == 1 {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// mayShrinkBounding tells whether we may drop capabilities from our bounding set.
func mayShrinkBounding() bool {
	caps, err := capabilities()
	return err == nil && caps[0].Effective&(1<<unix.CAP_SETPCAP) != 0
}

// capabilityName is the name of a capability, or its number where it has none
// here.
func capabilityName(number int) string {
	for name, n := range capabilityNumbers() {
		if n == number {
			return name
		}
	}
	return strconv.Itoa(number)
}
