//go:build linux

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/control"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

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

func showStatus(ctx context.Context, in invocation, stdout io.Writer) error {
	status, err := client(in.socket).Status(ctx)
	if err != nil {
		return err
	}
	if in.json {
		return printJSON(stdout, status)
	}
	return printTable(stdout, status.Services)
}

// act does one thing to one service. That it has failed to run is a fault.
func act(ctx context.Context, in invocation, action control.Action, service string, stdout io.Writer) error {
	c := client(in.socket)
	do := map[control.Action]func(context.Context, string) (spec.ServiceStatus, error){
		control.Start: c.Start, control.Stop: c.Stop, control.Restart: c.Restart,
	}[action]
	status, err := do(ctx, service)
	if err != nil {
		return err
	}
	if in.json {
		err = printJSON(stdout, status)
	} else {
		err = printTable(stdout, []spec.ServiceStatus{status})
	}
	if err == nil && status.State == spec.StateFailed && action != control.Stop {
		return fault.Cannot("%s %s: %s", action, service, status.Reason).WithHint("look at %s", status.Log)
	}
	return err
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func printTable(w io.Writer, services []spec.ServiceStatus) error {
	rows := [][]string{{"SERVICE", "STATE", "SINCE", "PID", "RESTARTS", "WHY"}}
	for _, s := range services {
		rows = append(rows, []string{
			s.Name, string(s.State), ago(s.Since), dash(s.PID), strconv.Itoa(s.Restarts), cmp.Or(s.Reason, s.ReadyBy, "-"),
		})
	}
	_, err := io.WriteString(w, align(rows))
	return err
}

// align gives each column but the last the width of its longest cell.
func align(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			widths[i] = max(widths[i], len(cell)+2)
		}
	}
	var out strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			out.WriteString(cell)
			out.WriteString(strings.Repeat(" ", max(0, widths[i]-len(cell))))
		}
		out.WriteByte('\n')
	}
	return out.String()
}

func ago(t time.Time) string { return time.Since(t).Round(time.Second).String() }

func dash(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}
