package launch

import (
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A step is one thing that the trampoline does to itself. It makes system
// calls and nothing else: under the limits that are being set, the Go runtime
// may get neither memory nor threads.
type step struct {
	what string            // after "cannot"
	why  func() string     // what else is to be said when it fails; may be nil
	do   func() unix.Errno // allocates nothing
	tell func(error) error // replaces the sentence; may be nil
}

// steps are in the order in which they are possible: what needs privileges
// before the ids change, what the user must be allowed to do after it. Whoever
// starts the trampoline names a failed step from the same list.
func (o *orders) steps() []step {
	var s []step
	if o.OOM != nil {
		s = append(s, scoreStep(*o.OOM))
	}
	for _, b := range o.Rlimits {
		limit := b.Limit
		s = append(s, step{what: "set its " + b.String(), why: b.obstacle, do: func() unix.Errno {
			return raw(unix.SYS_PRLIMIT64, 0, uintptr(b.Resource), uintptr(unsafe.Pointer(&limit)), 0)
		}})
	}
	if o.Nice != 0 {
		s = append(s, call(fmt.Sprintf("set its nice to %d", o.Nice), unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, uintptr(o.Nice)))
	}
	for _, n := range o.Bounding {
		s = append(s, call(fmt.Sprintf("drop capability %s", capabilityName(n)), unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, uintptr(n)))
	}
	s = append(s, o.userSteps()...)
	if o.Drop != [2]uint32{} {
		s = append(s, dropStep(o.Drop))
	}
	if o.NoNew {
		s = append(s, call("give up new privileges", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1))
	}
	return append(s, o.lastSteps()...)
}

// userSteps change the ids.
func (o *orders) userSteps() []step {
	if o.Who == nil {
		return nil
	}
	become := "become " + o.Who.String()
	// One more keeps the address of an empty list valid.
	groups, uid, gid := append(make([]uint32, 0, len(o.Who.Groups)+1), o.Who.Groups...), uintptr(o.Who.UID), uintptr(o.Who.GID)
	first := &groups[:1][0]
	return []step{
		{what: become, do: func() unix.Errno {
			return raw(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(first)), 0, 0)
		}},
		call(become, unix.SYS_SETRESGID, gid, gid, gid),
		call(become, unix.SYS_SETRESUID, uid, uid, uid),
	}
}

// lastSteps end with the program.
func (o *orders) lastSteps() []step {
	dir, program := terminated(o.Dir), terminated(o.Program)
	argv, env, none := pointers(o.Argv), pointers(o.Env), new(uint64)
	s := []step{
		call("set its umask", unix.SYS_UMASK, uintptr(o.Umask)),
		{tell: func(err error) error { return fmt.Errorf("cannot start in %s: %w", o.Dir, err) }, do: func() unix.Errno {
			return raw(unix.SYS_CHDIR, uintptr(unsafe.Pointer(dir)), 0, 0, 0)
		}},
		{what: "unblock its signals", do: func() unix.Errno {
			return raw(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(none)), 0, unsafe.Sizeof(*none))
		}},
	}
	for _, fd := range o.Closed {
		s = append(s, step{what: "close a descriptor", do: func() unix.Errno {
			raw(unix.SYS_CLOSE, uintptr(fd), 0, 0, 0) // most of them are closed
			return 0
		}})
	}
	return append(s, step{tell: func(err error) error { return explainExec(string(o.Program), string(o.Dir), err) }, do: func() unix.Errno {
		return raw(unix.SYS_EXECVE, uintptr(unsafe.Pointer(program)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])), 0)
	}})
}

// scoreStep writes our oom_score_adj.
func scoreStep(score int) step {
	path, text := terminated([]byte("/proc/self/oom_score_adj")), []byte(strconv.Itoa(score))
	return step{what: fmt.Sprintf("set its oom_score_adj to %d", score), do: func() unix.Errno {
		here := unix.AT_FDCWD
		fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(here), uintptr(unsafe.Pointer(path)), unix.O_WRONLY|unix.O_CLOEXEC, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		errno = raw(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)), 0)
		raw(unix.SYS_CLOSE, fd, 0, 0, 0)
		return errno
	}}
}

// dropStep takes capabilities out of every set but the bounding one; the
// ambient set follows the inheritable one. What there is to keep is asked as
// late as this: the change of ids has taken the most.
func dropStep(drop [2]uint32) step {
	header, data := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
	return step{what: "drop its capabilities", do: func() unix.Errno {
		h, d := uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data))
		if errno := raw(unix.SYS_CAPGET, h, d, 0, 0); errno != 0 {
			return errno
		}
		for half, bits := range drop {
			data[half].Effective &^= bits
			data[half].Permitted &^= bits
			data[half].Inheritable &^= bits
		}
		return raw(unix.SYS_CAPSET, h, d, 0, 0)
	}}
}

// call is a step that is one system call with numbers only.
func call(what string, trap uintptr, args ...uintptr) step {
	var a [4]uintptr
	copy(a[:], args)
	return step{what: what, do: func() unix.Errno { return raw(trap, a[0], a[1], a[2], a[3]) }}
}

// raw makes a system call that the Go runtime does not hear of, for the
// calling thread alone. What its arguments point to is on the heap, where it
// stays in its place.
//
//go:uintptrescapes
func raw(trap, a, b, c, d uintptr) unix.Errno {
	_, _, errno := unix.RawSyscall6(trap, a, b, c, d, 0, 0)
	return errno
}

// terminated is text as the kernel reads it.
func terminated(text []byte) *byte { return &append(append([]byte(nil), text...), 0)[0] }

// pointers is a list of texts as the kernel reads it, nil at its end.
func pointers(list [][]byte) []*byte {
	out := make([]*byte, 0, len(list)+1)
	for _, text := range list {
		out = append(out, terminated(text))
	}
	return append(out, nil)
}
