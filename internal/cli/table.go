package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/spec"
)

// A row is one service as ps and up show it.
type row struct {
	Service  string        `json:"service"`
	State    spec.State    `json:"state"`
	Reason   string        `json:"reason,omitempty"`
	Ready    string        `json:"ready,omitempty"`      // how it became ready
	After    spec.Duration `json:"readyAfter,omitempty"` // from its start
	PID      int           `json:"pid,omitempty"`
	Restarts int           `json:"restarts"`
	Port     int           `json:"port,omitempty"` // in the box
	HostPort int           `json:"hostPort,omitempty"`
	Log      string        `json:"log"` // on this machine
}

// A view is one sandbox as ps and up show it.
type view struct {
	Sandbox  string `json:"sandbox"`
	ID       string `json:"id"`
	Project  string `json:"project"`
	Image    string `json:"image"`
	Edits    int    `json:"edits,omitempty"` // files that are otherwise than in the image
	Ready    bool   `json:"ready"`
	Services []row  `json:"services"`
}

// newView joins what the provider and the supervisor know.
func newView(info provider.Info, status spec.Status) view {
	v := view{Sandbox: info.Name, ID: info.ID, Project: info.Project, Image: info.Image, Edits: info.Edits, Ready: status.Ready, Services: []row{}}
	for _, s := range status.Services {
		r := row{
			Service: s.Name, State: s.State, Reason: s.Reason, Ready: s.ReadyBy, After: s.ReadyAfter, PID: s.PID,
			Restarts: s.Restarts, Port: s.Port, Log: filepath.Join(info.LogDir, s.Name, "current"),
		}
		for _, p := range info.Ports {
			if p.Box == s.Port {
				r.HostPort = p.Host
			}
		}
		v.Services = append(v.Services, r)
	}
	return v
}

// print writes the view as JSON, or as a table.
func (v view) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(w, v)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SERVICE\tSTATE\tREADINESS\tPID\tPORT\tLOG")
	for _, r := range v.Services {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Service, r.State, r.readiness(), number(r.PID), r.port(), r.Log)
	}
	return t.Flush()
}

// readiness is how and after how long, or why not.
func (r row) readiness() string {
	if r.State != spec.StateReady {
		return dash(r.Reason)
	}
	return fmt.Sprintf("%s after %s", r.Ready, short(r.After.Std()))
}

func (r row) port() string {
	if r.HostPort == 0 {
		return number(r.Port)
	}
	return fmt.Sprintf("127.0.0.1:%d->%d", r.HostPort, r.Port)
}

// short rounds to what a person reads.
func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

func number(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// dash keeps a cell from being empty.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return printable(s)
}

// printable is s on one line with nothing in it that drives a terminal: what a
// box says of itself is not to be trusted.
func printable(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || unicode.IsSpace(r) {
			return r
		}
		return '\uFFFD'
	}, s)), " ")
}

// printJSON writes v as one indented JSON value.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
