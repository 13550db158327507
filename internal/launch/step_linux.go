package launch

import (
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A step is one thing that the trampoline does to itself: a system call, or a
// few. Under the limits that are being set, the Go runtime and the race
// detector may get neither memory nor threads, so nothing is allocated.
type step struct {
	what string            // after "cannot"
	why  func() string     // what else is to be said when it fails; may be nil
	tell func(error) error // replaces the sentence; may be nil

	trap uintptr
	args [4]uintptr
	keep any                    // what args point to
	do   func(*step) unix.Errno // instead of the one call; may be nil
}

// take takes the step.
//
//go:norace
func (s *step) take() unix.Errno {
	if s.do != nil {
		return s.do(s)
	}
	return raw(s.trap, s.args[0], s.args[1], s.args[2], s.args[3])
}

// raw makes a system call that the Go runtime does not hear of, for the
// calling thread alone. What its arguments point to is on the heap, where it
// stays in its place.
//
//go:norace
//go:uintptrescapes
func raw(trap, a, b, c, d uintptr) unix.Errno {
	_, _, errno := unix.RawSyscall6(trap, a, b, c, d, 0, 0)
	return errno
}

// call is a step that is one system call with numbers only.
func call(what string, trap uintptr, args ...uintptr) step {
	s := step{what: what, trap: trap}
	copy(s.args[:], args)
	return s
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
		limit := new(b.Limit)
		s = append(s, step{what: "set its " + b.String(), why: b.obstacle, keep: limit,
			trap: unix.SYS_PRLIMIT64, args: [4]uintptr{0, uintptr(b.Resource), uintptr(unsafe.Pointer(limit))}})
	}
	if o.Nice != 0 {
		s = append(s, call(fmt.Sprintf("set its nice to %d", o.Nice), unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, uintptr(o.Nice)))
	}
	for _, n := range o.Bounding {
		s = append(s, call("drop capability "+capabilityName(n), unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, uintptr(n)))
	}
	s = append(s, o.userSteps()...)
	if o.Orphaned != 0 { // which other ids have put back
		s = append(s, call("be told of our end", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(o.Orphaned)))
	}
	if o.Drop != [2]uint32{} {
		s = append(s, step{what: "drop its capabilities", do: dropCapabilities, keep: &dropping{drop: o.Drop}})
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
	list := append(append([]uint32(nil), o.Who.Groups...), 0)
	groups := call(become, unix.SYS_SETGROUPS, uintptr(len(o.Who.Groups)), uintptr(unsafe.Pointer(&list[0])))
	groups.keep = list
	uid, gid := uintptr(o.Who.UID), uintptr(o.Who.GID)
	return []step{groups, call(become, unix.SYS_SETRESGID, gid, gid, gid), call(become, unix.SYS_SETRESUID, uid, uid, uid)}
}

// lastSteps end with the program.
func (o *orders) lastSteps() []step {
	dir, program, none := terminated(o.Dir), terminated(o.Program), new(uint64)
	argv, env := pointers(o.Argv), pointers(o.Env)
	s := []step{
		call("set its umask", unix.SYS_UMASK, uintptr(o.Umask)),
		{tell: func(err error) error { return fmt.Errorf("cannot start in %s: %w", o.Dir, err) }, keep: dir,
			trap: unix.SYS_CHDIR, args: [4]uintptr{uintptr(unsafe.Pointer(dir))}},
		{what: "unblock its signals", keep: none,
			trap: unix.SYS_RT_SIGPROCMASK, args: [4]uintptr{unix.SIG_SETMASK, uintptr(unsafe.Pointer(none)), 0, unsafe.Sizeof(*none)}},
	}
	for _, fd := range o.Closed {
		closing := call("close a descriptor", unix.SYS_CLOSE, uintptr(fd))
		closing.do = closeIfOpen
		s = append(s, closing)
	}
	return append(s, step{tell: func(err error) error { return explainExec(string(o.Program), string(o.Dir), err) }, keep: []any{program, argv, env},
		trap: unix.SYS_EXECVE, args: [4]uintptr{uintptr(unsafe.Pointer(program)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0]))}})
}

// closeIfOpen does not mind a descriptor that is closed: most are.
//
//go:norace
func closeIfOpen(s *step) unix.Errno {
	raw(s.trap, s.args[0], 0, 0, 0)
	return 0
}

// A score is what is written as oom_score_adj.
type score struct {
	file *byte
	text []byte
}

func scoreStep(adj int) step {
	keep := &score{file: terminated([]byte("/proc/self/oom_score_adj")), text: []byte(strconv.Itoa(adj))}
	return step{what: fmt.Sprintf("set its oom_score_adj to %d", adj), do: writeScore, keep: keep}
}

//go:norace
func writeScore(s *step) unix.Errno {
	w, here := s.keep.(*score), unix.AT_FDCWD
	fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(here), uintptr(unsafe.Pointer(w.file)), unix.O_WRONLY|unix.O_CLOEXEC, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	errno = raw(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&w.text[0])), uintptr(len(w.text)), 0)
	raw(unix.SYS_CLOSE, fd, 0, 0, 0)
	return errno
}

// A dropping is the capabilities to drop, and room to do it.
type dropping struct {
	drop   [2]uint32
	header unix.CapUserHeader
	data   [2]unix.CapUserData
}

// dropCapabilities takes capabilities out of every set but the bounding one;
// the ambient set follows the inheritable one. What there is to keep is asked
// as late as this: the change of ids has taken the most.
//
//go:norace
func dropCapabilities(s *step) unix.Errno {
	d := s.keep.(*dropping)
	d.header.Version = unix.LINUX_CAPABILITY_VERSION_3
	header, data := uintptr(unsafe.Pointer(&d.header)), uintptr(unsafe.Pointer(&d.data))
	if errno := raw(unix.SYS_CAPGET, header, data, 0, 0); errno != 0 {
		return errno
	}
	for half, bits := range d.drop {
		d.data[half].Effective &^= bits
		d.data[half].Permitted &^= bits
		d.data[half].Inheritable &^= bits
	}
	return raw(unix.SYS_CAPSET, header, data, 0, 0)
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
