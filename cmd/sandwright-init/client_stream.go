//go:build linux

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/spec"
)

func (o order) logs(ctx context.Context) error {
	body, err := client(o.socket).Logs(ctx, control.LogQuery{Services: o.words, Lines: o.lines, Follow: o.follow, JSON: o.json})
	if err != nil {
		return err
	}
	defer body.Close()
	if isTerminal(o.out) {
		err = copyVisible(o.out, body)
	} else {
		_, err = io.Copy(o.out, body)
	}
	return o.ended(ctx, err)
}

// events prints a line for each service and for each change of it.
func (o order) events(ctx context.Context) error {
	o.follow = true
	width, enc := 0, json.NewEncoder(o.out)
	err := client(o.socket).Changes(ctx, o.words, func(e spec.Event) error {
		if o.json {
			return enc.Encode(e)
		}
		width = max(width, len(e.Service))
		_, err := fmt.Fprintln(o.out, eventLine(e, width))
		return err
	})
	return o.ended(ctx, err)
}

func eventLine(e spec.Event, width int) string {
	state, why := string(e.State), cmp.Or(e.Reason, e.Says, e.ReadyBy)
	if e.Gone {
		state, why = "gone", "the spec has it no more"
	}
	line := fmt.Sprintf("%s  %-*s  %-8s  %s", e.Time.Format("2006-01-02T15:04:05.000Z07:00"), width, e.Service, state,
		printable(why))
	return strings.TrimRight(line, " ")
}

// ended is the error of a stream. Ctrl-C is how following ends, and a pipe
// that nobody reads any more is how head ends it.
func (o order) ended(ctx context.Context, err error) error {
	if errors.Is(err, unix.EPIPE) || o.follow && ctx.Err() != nil {
		return nil
	}
	return err
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// copyVisible copies lines without what drives a terminal: a service may have
// written anything.
func copyVisible(w io.Writer, r io.Reader) error {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		text, ended := strings.CutSuffix(line, "\n")
		if ended {
			line = visible(text) + "\n"
		} else {
			line = visible(text)
		}
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
