package fetch

import "syscall"

// processGroup makes a command the leader of a group that ends with this
// process. Isolated, it is also the first process of a pid namespace, which
// ends with it, with the mounts that only its own mount namespace has.
func processGroup(isolated bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if isolated {
		attr.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNET
		attr.Unshareflags = syscall.CLONE_NEWNS
	}
	return attr
}
