package s6

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Command is one program of a service directory.
type Command struct {
	Path  string   // from Dir: ./run or ./finish
	Argv  []string // as s6 gives them
	Dir   string
	Files []File // besides 0, 1 and 2; one that names one of those takes its place
	Quiet bool   // 0 and 1 are /dev/null: the service is left after this
}

// A File is a descriptor of ours and the number it has in a program.
type File struct{ Number, FD int }

// A Host runs processes for a Service, which calls it from one goroutine only.
type Host interface {
	// Start starts c in a session of its own and returns once its program is
	// executing, or with the reason why it cannot. Whoever reaps the children
	// does so in the loop, later.
	Start(c Command) (pid int, err error)
	// Signal reaches the process pid alone.
	Signal(pid int, sig syscall.Signal) error
}

// A System is the Host that is this machine: programs have the three standard
// descriptors and the environment that stand here.
type System struct {
	Stdin, Stdout, Stderr int
	Env                   []string
}

// Start starts c. Its errors are an errno.
func (y *System) Start(c Command) (pid int, err error) {
	files := []uintptr{uintptr(y.Stdin), uintptr(y.Stdout), uintptr(y.Stderr)}
	if c.Quiet {
		null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return 0, err
		}
		defer unix.Close(null)
		files[0], files[1] = uintptr(null), uintptr(null)
	}
	for _, f := range c.Files {
		files = place(files, f.Number, uintptr(f.FD))
	}
	return syscall.ForkExec(c.Path, c.Argv, &syscall.ProcAttr{
		Dir: c.Dir, Env: y.Env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true},
	})
}

// Signal is kill.
func (y *System) Signal(pid int, sig syscall.Signal) error { return syscall.Kill(pid, sig) }

// closed is the place of a descriptor that a program does not get.
const closed = ^uintptr(0)

// place puts fd at the given number; the numbers in between stay closed.
func place(files []uintptr, number int, fd uintptr) []uintptr {
	for len(files) <= number {
		files = append(files, closed)
	}
	files[number] = fd
	return files
}
