//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/svlog"
)

const logUsage = `usage: sandwright-init log [-bpqv] [-d FD] [-l BYTES] [--] DIRECTIVE…

Does with the lines of stdin what a logging script of s6-log says, such as
  sandwright-init log n20 s1000000 T ./logs

  -b        accepted: whoever writes to a slow disk always waits
  -p        SIGTERM is ignored; SIGHUP still ends
  -q, -v    fewer, more messages
  -d FD     a newline goes to this descriptor once lines are taken
  -l BYTES  a longer line is split (default 8192, at most 65536)

Directives: +REGEX -REGEX f (selection); nFILES sBYTES SBYTES lBYTES rMS EBYTES
^BYTES t T (control); 1 2 =FILE DIR (action; a DIR starts with . or /).
SIGTERM ends with the line that has begun, SIGALRM rotates. Exit codes: 0 the
input has ended; 100 the command line is wrong; 111 it cannot be done.
`

// The exit codes of s6-log.
const (
	exitLogUsage  = 100
	exitLogSystem = 111
)

// errLogUsage is returned by parseLog for options that it does not know.
var errLogUsage = errors.New("cannot understand the command line")

// A logCall is a command line of log.
type logCall struct {
	protected bool
	verbosity int
	limit     int
	notify    int // 0 without
	script    *svlog.Script
}

// runLog is the command log: a drop-in for s6-log, exit code included.
func runLog(args []string, stdin *os.File, stdout, stderr io.Writer) int {
	call, err := parseLog(args)
	if errors.Is(err, errLogUsage) {
		io.WriteString(stderr, logUsage)
		return exitLogUsage
	}
	say := func(kind string, text any) { fmt.Fprintf(stderr, "sandwright-init: %s: %v\n", kind, text) }
	if err != nil {
		say("fatal", err)
		return exitLogUsage
	}
	warn := func(err error) {
		if call.verbosity > 0 {
			say("warning", err)
		}
	}
	for _, text := range call.script.Warnings {
		warn(errors.New(text))
	}
	if err := call.run(stdin, stdout, stderr, warn); err != nil {
		say("fatal", err)
		return exitLogSystem
	}
	return 0
}

// run logs until stdin ends or a signal says so.
func (c logCall) run(stdin *os.File, stdout, stderr io.Writer, warn func(error)) error {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGTERM, unix.SIGHUP, unix.SIGALRM)
	defer signal.Stop(signals)
	in, err := unix.FcntlInt(stdin.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return fmt.Errorf("cannot read stdin: %w", err)
	}
	umask := unix.Umask(0)
	unix.Umask(umask)
	logger, err := c.script.Start(svlog.LoggerOptions{
		In: in, Out: stdout, Alerts: stderr, Limit: c.limit, Umask: uint32(umask), Warn: warn,
	})
	if err != nil {
		return err
	}
	if c.notify > 0 {
		_, _ = unix.Write(c.notify, []byte("\n"))
		unix.Close(c.notify)
	}
	ended := make(chan error, 1)
	go func() { ended <- logger.Wait() }()
	for {
		select {
		case err := <-ended:
			return err
		case sig := <-signals:
			switch {
			case sig == unix.SIGALRM:
				logger.Rotate()
			case sig == unix.SIGHUP || !c.protected:
				logger.Stop()
			}
		}
	}
}

// parseLog reads options as getopt does, up to the first directive.
func parseLog(args []string) (logCall, error) {
	c := logCall{verbosity: 1, limit: 8192}
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		word := args[0][1:]
		args = args[1:]
		if word == "-" {
			break
		}
		for word != "" {
			flag := word[0]
			word = word[1:]
			if bytes.IndexByte([]byte("dl"), flag) < 0 {
				if !c.flag(flag) {
					return c, errLogUsage
				}
				continue
			}
			if word == "" && len(args) > 0 {
				word, args = args[0], args[1:]
			}
			if err := c.number(flag, word); err != nil {
				return c, err
			}
			break
		}
	}
	if len(args) == 0 {
		return c, errLogUsage
	}
	var err error
	c.script, err = svlog.ParseScript(args)
	return c, err
}

// flag reads an option without a value.
func (c *logCall) flag(flag byte) bool {
	switch flag {
	case 'b':
	case 'p':
		c.protected = true
	case 'q':
		c.verbosity--
	case 'v':
		c.verbosity++
	default:
		return false
	}
	return true
}

// number reads an option that has one.
func (c *logCall) number(flag byte, value string) error {
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return errLogUsage
	}
	if flag == 'l' {
		if c.limit = int(n); n > 0 {
			c.limit = max(c.limit, 48)
		}
		return nil
	}
	if n < 3 {
		return errors.New("cannot notify a descriptor below 3")
	}
	if _, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0); err != nil {
		return fmt.Errorf("cannot notify descriptor %d: %w", n, err)
	}
	c.notify = int(n)
	return nil
}
