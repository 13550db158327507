//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/loop"
	s6dir "github.com/sandwright/sandwright/internal/s6"
)

const svscanUsage = `usage: sandwright-init svscan [-c MAX] [-t MS] [-d FD] [-X FD] [--log-dir DIR [--own-loggers]] [DIR]

Supervises the s6 service directories in DIR, or in the current directory, as
s6-svscan and its s6-supervise do, in one process. The clients of s6 speak to it.

  -c, -C MAX       service directories at most (default 500)
  -t MS            look for new ones that often; 0, the default, is when asked
  -d FD            a newline goes to this descriptor once commands are taken
  -X FD            standard error of the service s6-svscan-log
  --log-dir DIR    services without log/ are logged to DIR/SERVICE
  --own-loggers    so are those with log/, whose log/run is not started

Exit codes: 0 everything was stopped as asked and there is no
.s6-svscan/finish; 100 the command line is wrong, or DIR is taken; 111 it cannot
be done.
`

// Exit codes of s6.
const (
	svscanWrong  = 100
	svscanFailed = 111
)

// svscanOptions is a command line of svscan.
type svscanOptions struct {
	dir     string
	max     int
	rescan  time.Duration
	notify  int // a descriptor; -1 is none
	console int // a descriptor; 0 is none
	logDir  string
	ownLogs bool
}

// runSvscan is the command svscan. It returns unless a program that the scan
// directory names takes over this process.
func runSvscan(args []string, stdout, stderr io.Writer) (code int) {
	o, err := parseSvscan(args)
	if errors.Is(err, errHelp) {
		_, _ = io.WriteString(stdout, svscanUsage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "error: %v\n%s", err, svscanUsage)
		return svscanWrong
	}
	v := newVoice(stderr)
	end, err := svscan(o, v)
	v.close()
	switch {
	case errors.Is(err, s6dir.ErrScanned):
		fmt.Fprintf(stderr, "error: %v\n", err)
		return svscanWrong
	case err != nil:
		fmt.Fprintf(stderr, "error: %v\n", err)
		return svscanFailed
	}
	return end(stderr)
}

// svscan scans until it is told to end. What follows then is end.
func svscan(o svscanOptions, v *voice) (end func(io.Writer) int, err error) {
	logs, err := newScanLogs(o.logDir, v.say)
	if err != nil {
		return nil, err
	}
	defer logs.close()
	if err := os.Chdir(o.dir); err != nil {
		return nil, fmt.Errorf("cannot enter %s: %w", o.dir, cause(err))
	}
	r := &scanRun{signals: make(chan os.Signal, 64), deaths: make(chan os.Signal, 1), loop: loop.New()}
	signal.Notify(r.signals, unix.SIGALRM, unix.SIGABRT, unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT,
		unix.SIGUSR1, unix.SIGUSR2, unix.SIGPWR, unix.SIGWINCH)
	signal.Notify(r.deaths, unix.SIGCHLD)
	if err := r.open(o, logs.open, v.say); err != nil {
		return nil, err
	}
	defer r.close()
	readyOn(o.notify)
	r.scan.Rescan()
	saveMemory()
	r.run()
	return takeOver, nil
}

// readyOn writes the newline of -d.
func readyOn(fd int) {
	if fd >= 0 {
		// Whoever asked and does not listen misses it.
		_, _ = unix.Write(fd, []byte("\n"))
		unix.Close(fd)
	}
}

// takeOver makes this process .s6-svscan/finish, if there is one.
func takeOver(stderr io.Writer) int {
	const finish = ".s6-svscan/finish"
	err := unix.Exec(finish, []string{finish}, os.Environ())
	if err == unix.ENOENT {
		return 0
	}
	fmt.Fprintf(stderr, "error: cannot start %s: %v\n", finish, err)
	return svscanFailed
}

// A scanRun is a scan and the process around it.
type scanRun struct {
	loop    *loop.Loop
	poller  *s6dir.Poller
	scan    *s6dir.Scan
	signals chan os.Signal
	deaths  chan os.Signal
}

// open takes the current directory. Orphans of its services become ours.
func (r *scanRun) open(o svscanOptions, log func(string) (int, error), say func(string)) (err error) {
	if os.Getpid() != 1 {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("cannot become a child subreaper: %w", err)
		}
	}
	if r.poller, err = s6dir.NewPoller(r.loop); err != nil {
		return fmt.Errorf("cannot poll: %w", err)
	}
	r.scan, err = s6dir.OpenScan(".", s6dir.ScanOptions{
		Loop: r.loop, Poller: r.poller, Max: o.max, Rescan: o.rescan, Console: o.console,
		System: s6dir.System{Stdin: 0, Stdout: 1, Stderr: 2, Env: os.Environ()},
		Log:    log, OwnLogs: o.ownLogs, Say: say,
	})
	if err != nil {
		r.poller.Close()
		r.loop.Close()
	}
	return err
}

func (r *scanRun) close() {
	signal.Stop(r.signals)
	signal.Stop(r.deaths)
	r.scan.Close()
	r.poller.Close()
	r.loop.Close()
}

// run is the process's life: one goroutine owns all services.
func (r *scanRun) run() {
	for !r.scan.Ended() {
		select {
		case event := <-r.loop.Events():
			event()
		case <-r.deaths:
			r.loop.Reap(loop.Wait4)
		case sig := <-r.signals:
			r.signal(sig.(syscall.Signal))
		}
	}
}

// signal does what s6-svscan does at sig: two are fixed, for the others there
// may be a program.
func (r *scanRun) signal(sig syscall.Signal) {
	switch sig {
	case unix.SIGALRM:
		r.scan.Rescan()
		return
	case unix.SIGABRT:
		r.scan.End(s6dir.Abort)
		return
	}
	if diverted(sig) {
		return
	}
	switch sig {
	case unix.SIGHUP:
		r.scan.Control('h')
	case unix.SIGINT, unix.SIGTERM:
		r.scan.End(s6dir.Terminate)
	case unix.SIGQUIT:
		r.scan.End(s6dir.Quit)
	}
}

// diverted starts the program .s6-svscan/SIGNAL, and tells whether it could.
func diverted(sig syscall.Signal) bool {
	program := ".s6-svscan/" + unix.SignalName(sig)
	_, err := syscall.ForkExec(program, []string{program}, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	return err == nil
}

// parseSvscan reads options as s6-svscan does, attached values included; errHelp
// is a question.
func parseSvscan(args []string) (svscanOptions, error) {
	o := svscanOptions{dir: ".", notify: -1}
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return o, o.operands(args)
		case arg == "--help":
			return o, errHelp
		case arg == "--own-loggers":
			o.ownLogs = true
			continue
		case arg == "--log-dir" && len(args) > 0:
			o.logDir, args = args[0], args[1:]
			continue
		case arg[1] == '-' && arg != "--log-dir":
			return o, fmt.Errorf("cannot understand %s", arg)
		case len(arg) > 2 && arg[1] != '-':
			args = append([]string{arg[2:]}, args...)
		case len(args) == 0:
			return o, fmt.Errorf("cannot use %s without a value", arg)
		}
		if err := o.set(arg[1], args[0]); err != nil {
			return o, err
		}
		args = args[1:]
	}
	return o, o.operands(args)
}

func (o *svscanOptions) operands(args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("cannot scan %d directories", len(args))
	}
	if len(args) == 1 {
		o.dir = args[0]
	}
	if o.ownLogs && o.logDir == "" {
		return errors.New("cannot log: --own-loggers needs --log-dir")
	}
	return nil
}

// set sets the option of one letter.
func (o *svscanOptions) set(letter byte, text string) error {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return fmt.Errorf("cannot use -%c %s: not a number", letter, text)
	}
	switch letter {
	case 'c', 'C':
		o.max = min(max(int(n), 2), 90000)
	case 't':
		o.rescan = time.Duration(n) * time.Millisecond
	case 'd', 'X':
		if n < 3 {
			return fmt.Errorf("cannot use -%c %d: a descriptor of at least 3", letter, n)
		}
		return o.descriptor(letter, int(n))
	default:
		return fmt.Errorf("cannot understand -%c", letter)
	}
	return nil
}

// descriptor takes over an inherited one, which no service gets.
func (o *svscanOptions) descriptor(letter byte, fd int) error {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return fmt.Errorf("cannot use -%c %d: %w", letter, fd, err)
	}
	if letter == 'd' {
		o.notify = fd
	} else {
		o.console = fd
	}
	return nil
}
