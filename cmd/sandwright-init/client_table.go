//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sandwright/sandwright/internal/spec"
)

// printTable writes a row for each service, and below it what its last failed
// probe saw. What is measured of no service has no column.
func printTable(w io.Writer, services []spec.ServiceStatus) error {
	memory, cpu := false, false
	for i := range services {
		memory = memory || services[i].Usage.Memory > 0
		cpu = cpu || services[i].Usage.CPU > 0
	}
	row := func(memoryCell, cpuCell, why string, cells ...string) []string {
		if memory {
			cells = append(cells, memoryCell)
		}
		if cpu {
			cells = append(cells, cpuCell)
		}
		return append(cells, why)
	}
	rows := [][]string{row("MEMORY", "CPU", "WHY", "SERVICE", "STATE", "SINCE", "PID", "RESTARTS")}
	for _, s := range services {
		rows = append(rows, row(size(s.Usage.Memory), spent(s.Usage.CPU.Std()), cmp.Or(printable(s.Reason), printable(s.ReadyBy), "-"),
			printable(s.Name), string(s.State), ago(s.Since), dash(s.PID), strconv.Itoa(s.Restarts)))
	}
	lines := strings.SplitAfter(align(rows), "\n")
	out := lines[:1:1]
	for i, s := range services {
		out = append(out, lines[i+1], underRow(s))
	}
	_, err := io.WriteString(w, strings.Join(out, ""))
	return err
}

// underRow is what stands under a service's row, each line indented.
func underRow(s spec.ServiceStatus) string {
	var out strings.Builder
	if s.Says != "" {
		fmt.Fprintf(&out, "    says: %s\n", printable(s.Says))
	}
	for line := range strings.Lines(s.Detail) {
		fmt.Fprintf(&out, "    %s\n", visible(strings.TrimRight(line, "\r\n")))
	}
	return out.String()
}

// align gives each column but the last the width of its longest cell.
func align(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell)+2)
		}
	}
	var out strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			out.WriteString(cell)
			out.WriteString(strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell))))
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// spent is CPU time as people read it; a dash without.
func spent(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return d.Round(10 * time.Millisecond).String()
}

// size is a number of bytes in three digits or so; a dash without.
func size(bytes int64) string {
	if bytes == 0 {
		return "-"
	}
	n, units := float64(bytes), []string{"B", "KiB", "MiB", "GiB"}
	for ; n >= 1024 && len(units) > 1; n /= 1024 {
		units = units[1:]
	}
	if n < 10 && units[0] != "B" {
		return fmt.Sprintf("%.1f%s", n, units[0])
	}
	return fmt.Sprintf("%.0f%s", n, units[0])
}

// ago is how long t is past, in seconds.
func ago(t time.Time) string { return time.Since(t).Round(time.Second).String() }

func dash(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// visible is s without its colours, and with what else drives a terminal made
// visible.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, uncoloured(s))
}

// uncoloured is s without the escape sequences that end in m.
func uncoloured(s string) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(s, "\x1b[")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		if s = strings.TrimLeft(after, "0123456789;"); !strings.HasPrefix(s, "m") {
			out.WriteString("\x1b[")
			s = after
			continue
		}
		s = s[1:]
	}
}

// printable is s on one line, visible.
func printable(s string) string { return visible(strings.Join(strings.Fields(s), " ")) }
