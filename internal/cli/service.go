package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// cmdService is start, stop or restart.
func (a *app) cmdService(verb string) *cobra.Command {
	var wait bool
	about := map[string]string{
		"start":   "Start a service that was stopped or has failed",
		"stop":    "Stop a service; it stays down until it is started",
		"restart": "Stop a service and start it again",
	}
	cmd := &cobra.Command{
		Use:               verb + " SERVICE",
		Short:             about[verb],
		Example:           fmt.Sprintf("  sandwright %s web", verb),
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeService,
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.service(cmd.Context(), verb, given[0], wait && verb != "stop")
		},
	}
	if verb != "stop" {
		cmd.Flags().BoolVar(&wait, "wait", true, "return once the service is ready, or fail with the reason why it is not")
	}
	return cmd
}

// serviceDeadline bounds the transition of one service: the longest stop, twice.
const serviceDeadline = 10 * time.Minute

func (a *app) service(ctx context.Context, verb, name string, wait bool) error {
	ctx, cancel := context.WithTimeout(ctx, serviceDeadline)
	defer cancel()
	sb, err := a.running(ctx)
	if err != nil {
		return err
	}
	client := controlOf(sb)
	act := map[string]func(context.Context, string) (spec.ServiceStatus, error){
		"start": client.Start, "stop": client.Stop, "restart": client.Restart,
	}[verb]
	status, err := act(ctx, name)
	if err != nil {
		return err
	}
	if wait {
		if status, err = settled(ctx, client, name); err != nil {
			return err
		}
	}
	v := newView(sb.Info(), spec.Status{Services: []spec.ServiceStatus{status}})
	if a.json {
		return printJSON(a.Out, v.Services[0])
	}
	return v.print(a.Out, false)
}

// settled waits until the service is ready, or says why it will not be.
func settled(ctx context.Context, client events, name string) (spec.ServiceStatus, error) {
	var last spec.ServiceStatus
	err := client.Events(ctx, func(s spec.Status) error {
		for _, service := range s.Services {
			if service.Name == name {
				last = service
			}
		}
		switch last.State {
		case spec.StateReady, spec.StateExited:
			return errDone
		case spec.StateStopped:
			return fault.Cannot("wait for %s: it was stopped meanwhile", name)
		case spec.StateFailed:
			return notReady(last)
		}
		return nil
	})
	return last, undone(err)
}

// notReady says which service is not, and why.
func notReady(s spec.ServiceStatus) *fault.Fault {
	return fault.Cannot("get %s ready: %s", s.Name, printable(s.Reason)).WithHint("run: sandwright logs %s", s.Name)
}

// completeService offers the names of the file's services.
func (a *app) completeService(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	p, err := a.project()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return serviceNames(p.file), cobra.ShellCompDirectiveNoFileComp
}
