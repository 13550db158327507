//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/signal"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

const clientUsage = `In the box:
  sandwright-init status [SERVICE...]
  sandwright-init start|stop|restart SERVICE...
  sandwright-init signal [--process] SERVICE... SIGNAL
  sandwright-init wait [--for GOAL] [--timeout 30s] [SERVICE...]
  sandwright-init logs [-f] [-n N] [SERVICE...]
  sandwright-init events [SERVICE...]
  sandwright-init reload

Their flags:
  --socket PATH    where to ask (default ` + spec.SocketPath + `)
  --json           print JSON
  --process        signal the service's first process, not the whole group
  --for GOAL       ready (default), started, exited or stopped
  --timeout TIME   give up after it, and say what is missing (default: never)
  -f, --follow     go on with what comes, until Ctrl-C
  -n, --lines N    only the last lines of each service (default: all kept)

Without SERVICE they are about all services.
`

// An order is a command for the supervisor that has been read.
type order struct {
	name    string
	words   []string // without the name and flags
	socket  string
	json    bool
	process bool
	goal    string
	timeout time.Duration
	follow  bool
	lines   int
	out     io.Writer
}

// A verb is how an order is read and carried out.
type verb struct {
	takes    string               // the words after it, for people
	min, max int                  // of these words; max 0 is no bound, -1 none at all
	flags    func(*order) options // besides those of all
	run      func(order, context.Context) error
}

func verbs() map[string]verb {
	none := func(*order) options { return options{} }
	return map[string]verb{
		"status":  {"[SERVICE...]", 0, 0, none, order.status},
		"start":   {"SERVICE...", 1, 0, none, order.act},
		"stop":    {"SERVICE...", 1, 0, none, order.act},
		"restart": {"SERVICE...", 1, 0, none, order.act},
		"signal": {"SERVICE... SIGNAL", 2, 0, func(o *order) options {
			return options{"process": &o.process}
		}, order.signal},
		"wait": {"[SERVICE...]", 0, 0, func(o *order) options {
			return options{"for": &o.goal, "timeout": &o.timeout}
		}, order.wait},
		"logs": {"[SERVICE...]", 0, 0, func(o *order) options {
			return options{"f": &o.follow, "follow": &o.follow, "n": &o.lines, "lines": &o.lines}
		}, order.logs},
		"events": {"[SERVICE...]", 0, 0, none, order.events},
		"reload": {"nothing", 0, -1, none, order.reload},
	}
}

// clientCommand carries out args if they are a command for the supervisor, and
// tells whether they are. Ctrl-C and SIGTERM end it.
func clientCommand(ctx context.Context, args []string, stdout io.Writer) (known bool, err error) {
	name, rest := firstWord(args)
	v, known := verbs()[name]
	if !known {
		return false, nil
	}
	o, err := v.read(name, rest)
	if errors.Is(err, errHelp) {
		_, err := io.WriteString(stdout, usage)
		return true, err
	}
	if err != nil {
		return true, err
	}
	o.out = stdout
	ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM)
	defer stop()
	err = v.run(o, ctx)
	if err != nil && ctx.Err() != nil {
		err = fault.Cannot("%s: interrupted", name)
	}
	return true, err
}

// firstWord is the first argument that is neither a flag nor a flag's value,
// and the others.
func firstWord(args []string) (word string, rest []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") {
			return arg, slices.Delete(slices.Clone(args), i, i+1)
		}
		switch strings.TrimLeft(arg, "-") {
		case "spec", "socket", "control-fd", "env-fd", "for", "timeout", "n", "lines":
			i++
		}
	}
	return "", args
}

// read reads the flags, wherever they stand between the words.
func (v verb) read(name string, args []string) (order, error) {
	o := order{name: name, lines: -1, socket: spec.SocketPath}
	flags := v.flags(&o)
	flags["socket"], flags["json"] = &o.socket, &o.json
	words, err := flags.read(args)
	if errors.Is(err, errHelp) {
		return o, err
	}
	if err != nil {
		return o, misuse("cannot understand the command line: %v", err)
	}
	o.words = words
	if n := len(o.words); n < v.min || v.max != 0 && n > max(v.max, 0) {
		return o, misuse("cannot %s: it takes %s", name, v.takes)
	}
	return o, nil
}

// client asks the supervisor that listens on socket.
func client(socket string) *control.Client {
	return control.New(func(ctx context.Context) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", socket, cause(err))
		}
		return conn, nil
	})
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
