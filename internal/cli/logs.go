package cli

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/logview"
)

func (a *app) cmdLogs() *cobra.Command {
	var follow bool
	var tail int
	cmd := &cobra.Command{
		Use:               "logs [SERVICE...]",
		Short:             "Print what the services wrote, oldest first",
		Long:              "Print what the services wrote, oldest first, each line with its time.",
		Example:           "  sandwright logs\n  sandwright logs -f web\n  sandwright logs --tail 20 --json",
		Args:              args(cobra.ArbitraryArgs),
		ValidArgsFunction: a.completeService,
		RunE: func(cmd *cobra.Command, services []string) error {
			return a.logs(cmd.Context(), services, tail, follow)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes, until Ctrl-C")
	cmd.Flags().IntVarP(&tail, "tail", "n", -1, "only the last lines of each service (default: all that are kept)")
	return cmd
}

func (a *app) logs(ctx context.Context, services []string, tail int, follow bool) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	if services, err = chosen(p.file, services); err != nil {
		return err
	}
	sb, err := a.running(ctx)
	if err != nil {
		return err
	}
	reader, err := logview.Open(sb.Info().LogDir, services)
	if err != nil {
		return fault.Cannot("read the logs in %s: %w", sb.Info().LogDir, err)
	}
	defer reader.Close()
	print := a.linePrinter(services)
	for _, line := range reader.Last(tail) {
		if err := print(line); err != nil {
			return err
		}
	}
	if !follow {
		return nil
	}
	err = reader.Follow(ctx, print)
	if ctx.Err() != nil {
		return nil // Ctrl-C is how following ends
	}
	return err
}

// chosen is the services named, or all; a name the file does not have is a fault.
func chosen(f *config.File, named []string) ([]string, error) {
	all := serviceNames(f)
	if len(named) == 0 {
		return all, nil
	}
	var faults fault.List
	for _, name := range named {
		if !slices.Contains(all, name) {
			faults = append(faults, unknownService(name, all))
		}
	}
	return named, faults.Err()
}

// visible is s without its colours, and with what else drives a terminal made
// visible: a log is not to be trusted.
func visible(s string) string {
	s = regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(s, "")
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}

// linePrinter writes one line of a log: as JSON, or with its service in front
// where there are several.
func (a *app) linePrinter(services []string) func(logview.Line) error {
	width := 0
	for _, s := range services {
		width = max(width, len(s))
	}
	toTerminal := terminal(a.Out)
	return func(l logview.Line) error {
		if toTerminal {
			l.Text = visible(l.Text)
		}
		switch {
		case a.json:
			return printJSONLine(a.Out, l)
		case len(services) > 1:
			_, err := fmt.Fprintf(a.Out, "%-*s | %s\n", width, l.Service, l.Text)
			return err
		}
		_, err := io.WriteString(a.Out, l.Text+"\n")
		return err
	}
}
