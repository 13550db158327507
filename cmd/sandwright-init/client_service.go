//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

func (o order) status(ctx context.Context) error {
	status, err := client(o.socket).Status(ctx, o.words...)
	if err != nil {
		return err
	}
	return o.show(status)
}

func (o order) show(s spec.Status) error {
	if o.json {
		return printJSON(o.out, s)
	}
	return printTable(o.out, s.Services)
}

// act starts, stops or restarts. That a service has failed to run is a fault.
func (o order) act(ctx context.Context) error {
	c := client(o.socket)
	do := map[string]func(context.Context, string) (spec.ServiceStatus, error){
		"start": c.Start, "stop": c.Stop, "restart": c.Restart,
	}[o.name]
	return o.forEach(o.words, func(service string) (spec.ServiceStatus, error) { return do(ctx, service) })
}

func (o order) signal(ctx context.Context) error {
	last := len(o.words) - 1
	return o.forEach(o.words[:last], func(service string) (spec.ServiceStatus, error) {
		return client(o.socket).Signal(ctx, service, o.words[last], o.process)
	})
}

// forEach does something to each service, shows where they stand then, and
// gives what went wrong with any of them.
func (o order) forEach(services []string, do func(string) (spec.ServiceStatus, error)) error {
	var done []spec.ServiceStatus
	var faults fault.List
	for _, service := range services {
		status, err := do(service)
		if err != nil {
			faults = append(faults, fault.All(err)...)
			continue
		}
		done = append(done, status)
		if status.State == spec.StateFailed && o.name != "stop" {
			faults = append(faults, fault.Cannot("%s %s: %s", o.name, service, status.Reason).WithHint("look at %s", status.Log))
		}
	}
	if err := o.showEach(done, len(services)); err != nil {
		return err
	}
	return faults.Err()
}

// showEach prints a table, or JSON: an object where one service was named, a list otherwise.
func (o order) showEach(services []spec.ServiceStatus, named int) error {
	switch {
	case len(services) == 0:
		return nil
	case o.json && named == 1:
		return printJSON(o.out, services[0])
	case o.json:
		return printJSON(o.out, services)
	}
	return printTable(o.out, services)
}

// waitGrace is how much longer than its own timeout a wait may take to answer.
const waitGrace = 10 * time.Second

func (o order) wait(ctx context.Context) error {
	if o.timeout > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, o.timeout+waitGrace)
		defer cancel()
	}
	status, err := client(o.socket).WaitFor(ctx, control.Awaited{Goal: control.Goal(o.goal), Services: o.words, Timeout: o.timeout})
	if err != nil {
		return err
	}
	return o.show(status)
}

func (o order) reload(ctx context.Context) error {
	done, err := client(o.socket).Reload(ctx)
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(o.out, done)
	}
	var out strings.Builder
	for _, list := range []struct {
		name     string
		services []string
	}{{"started", done.Started}, {"stopped", done.Stopped}, {"restarted", done.Restarted}, {"signaled", done.Signaled}, {"unchanged", done.Unchanged}} {
		if len(list.services) > 0 {
			fmt.Fprintf(&out, "%-9s  %s\n", list.name, strings.Join(list.services, " "))
		}
	}
	_, err = io.WriteString(o.out, out.String())
	return err
}
