package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// lockFlags are what lock is told.
type lockFlags struct {
	check, update, explain bool
	age                    string
	names                  []string // of tools, or base; of --update
}

func (a *app) cmdLock() *cobra.Command {
	var flags lockFlags
	cmd := &cobra.Command{
		Use:   "lock [--update [TOOL…]]",
		Short: "Pin every byte that will run",
		Long: `Write sandwright.lock: the base package by package or by its digest, and each
tool by version, size and hash, for every platform of the file. What is pinned
already stays as it is. --update moves to the newest versions that the file
allows, of all tools and the base or of those that are named, and says what
changed. --explain lists who can change what runs in the box, and what would
notice.`,
		Example: "  sandwright lock\n  sandwright lock --check\n  sandwright lock --update opencode\n  sandwright lock --update base --minimum-age 7d\n  sandwright lock --explain",
		Args:    args(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, names []string) error {
			flags.names = names
			if err := flags.fit(); err != nil {
				return usage(cmd, err)
			}
			switch {
			case flags.check:
				return a.lockCheck()
			case flags.explain:
				return a.lockExplain()
			}
			return a.lockWrite(cmd.Context(), flags)
		},
	}
	cmd.Flags().BoolVar(&flags.check, "check", false, "change nothing; exit 1 when the lock does not fit the file")
	cmd.Flags().BoolVar(&flags.update, "update", false, "move to newer versions")
	cmd.Flags().BoolVar(&flags.explain, "explain", false, "list who can change what runs in the box")
	cmd.Flags().StringVar(&flags.age, "minimum-age", "", "how old the release of a tool must be, such as 7d (default: as the file says)")
	cmd.ValidArgsFunction = a.completeTools
	return cmd
}

// fit refuses flags that do not go together.
func (f lockFlags) fit() error {
	only := 0
	for _, is := range []bool{f.check, f.update, f.explain} {
		if is {
			only++
		}
	}
	switch {
	case only > 1:
		return errors.New("--check, --update and --explain exclude each other")
	case len(f.names) > 0 && !f.update:
		return errors.New("names of tools go with --update")
	case f.age != "" && (f.check || f.explain):
		return errors.New("--minimum-age is for what is locked anew")
	}
	return nil
}

// completeTools completes names of tools for --update.
func (a *app) completeTools(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	p, err := a.project()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return lockable(p), cobra.ShellCompDirectiveNoFileComp
}

// lockable are the names that --update takes.
func lockable(p project) []string {
	names := []string{"base"}
	managers, _ := managersOf(p) // one that cannot be read is said elsewhere
	for name := range toolsOf(p.file, managers) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (a *app) lockCheck() error {
	p, err := a.project()
	if err != nil {
		return err
	}
	managers, err := managersOf(p)
	if err != nil {
		return err
	}
	if err := checkTools(p.file, managers); err != nil {
		return err
	}
	l, err := lock.Load(a.lockPath(p))
	if err != nil {
		return err
	}
	err = l.Check(wanted(p, managers))
	if err == nil {
		err = p.vouched(l)
	}
	if err != nil {
		faults := fault.All(err)
		for _, f := range faults {
			f.Code = fault.ExitFailed
		}
		return faults
	}
	return a.lockSaid(l, nil, "fits "+p.file.Path)
}

func (a *app) lockWrite(ctx context.Context, flags lockFlags) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	if flags.age != "" {
		if p, err = withAge(p, flags.age); err != nil {
			return err
		}
	}
	managers, err := managersOf(p)
	if err != nil {
		return err
	}
	if err := checkTools(p.file, managers); err != nil {
		return err
	}
	old, err := lock.Load(a.lockPath(p))
	if errors.Is(err, lock.ErrMissing) {
		old, err = &lock.Lock{}, nil
	}
	if err != nil {
		return err
	}
	r, err := a.resolver(p, managers, old, flags)
	if err != nil {
		return err
	}
	next, err := r.resolve(ctx)
	if err != nil {
		return err
	}
	a.notices(slices.Compact(slices.Sorted(slices.Values(r.notices))))
	changes := lock.Compare(old, next)
	r.nameFiles(changes)
	if have, err := os.ReadFile(a.lockPath(p)); err == nil && string(have) == string(lock.Format(next)) {
		return a.lockSaid(next, nil, "is up to date")
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := lock.Save(a.lockPath(p), next); err != nil {
		return err
	}
	return a.lockSaid(next, changes, "is written")
}

// withAge is the project with another minimum age, for every tool.
func withAge(p project, text string) (project, error) {
	age, err := config.ParseAge(text)
	if err != nil {
		return p, err
	}
	file := p.file.WithMinimumAge(age)
	p.file = &file
	return p, nil
}

// lockSaid tells what became of the lock.
func (a *app) lockSaid(l *lock.Lock, changes []lock.Change, what string) error {
	if a.json {
		if changes == nil {
			changes = []lock.Change{}
		}
		return printJSON(a.Out, map[string]any{"lock": what, "tools": len(l.Tools), "changes": changes})
	}
	for _, c := range changes {
		fmt.Fprint(a.Out, c)
	}
	_, err := fmt.Fprintf(a.Out, "%s %s: base %s, %d tools\n", lock.Name, what, l.Base.Source, len(l.Tools))
	return err
}
