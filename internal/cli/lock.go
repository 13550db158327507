package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/fetch"
	"github.com/sandwright/sandwright/internal/lock"
)

func (a *app) cmdLock() *cobra.Command {
	var check, update bool
	cmd := &cobra.Command{
		Use:   "lock",
		Short: "Pin every byte that will run",
		Long: `Write sandwright.lock: the base package by package, and each tool by version,
size and hash, for every platform of the file. What is pinned already stays as
it is; --update pins it anew.`,
		Example: "  sandwright lock\n  sandwright lock --check\n  sandwright lock --update",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if check && update {
				return usage(cmd, errors.New("--check and --update exclude each other"))
			}
			if check {
				return a.lockCheck()
			}
			return a.lockWrite(cmd.Context(), update)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; exit 1 when the lock does not fit the file")
	cmd.Flags().BoolVar(&update, "update", false, "pin everything anew")
	return cmd
}

func (a *app) lockCheck() error {
	p, err := a.project()
	if err != nil {
		return err
	}
	l, err := lock.Load(a.lockPath(p))
	if err != nil {
		return err
	}
	err = l.Check(wanted(p.file))
	if errors.Is(err, lock.ErrDrift) {
		faults := fault.All(err)
		for _, f := range faults {
			f.Code = fault.ExitFailed
		}
		return faults
	}
	return err
}

func (a *app) lockWrite(ctx context.Context, update bool) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	old, err := lock.Load(a.lockPath(p))
	if errors.Is(err, lock.ErrMissing) || update && err == nil {
		old, err = &lock.Lock{}, nil
	}
	if err != nil {
		return err
	}
	fetcher, _, _, err := a.fetcher(p)
	if err != nil {
		return err
	}
	next, err := resolve(ctx, fetcher, old, p)
	if err != nil {
		return err
	}
	if have, err := os.ReadFile(a.lockPath(p)); err == nil && string(have) == string(lock.Format(next)) {
		return a.lockSaid(next, "is up to date")
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := lock.Save(a.lockPath(p), next); err != nil {
		return err
	}
	return a.lockSaid(next, "is written")
}

func (a *app) lockSaid(l *lock.Lock, what string) error {
	if a.json {
		return printJSON(a.Out, map[string]any{"lock": what, "tools": len(l.Tools)})
	}
	_, err := fmt.Fprintf(a.Out, "%s %s: base %s, %d tools\n", lock.Name, what, l.Base.Source, len(l.Tools))
	return err
}

// resolve pins what old does not.
func resolve(ctx context.Context, fetcher *fetch.Fetcher, old *lock.Lock, p project) (*lock.Lock, error) {
	want := wanted(p.file)
	next := &lock.Lock{Version: lock.Version, Tools: map[string]lock.Tool{}, Base: lock.Base{
		Source: want.Base.Source, Inputs: want.Base.Inputs, Systems: map[string]lock.System{},
	}}
	for name, t := range want.Tools {
		next.Tools[name] = lock.Tool{Source: t.Source, Inputs: t.Inputs, Platforms: map[string]lock.Artifact{}}
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for _, platform := range want.Platforms {
		if old.PinsBase(want.Base, platform) {
			next.Base.Systems[platform] = old.Base.Systems[platform]
		} else {
			group.Go(func() error {
				system, err := fetcher.ResolveBase(ctx, fetch.BaseSpec{Suite: p.file.Base.Debian.Suite, Packages: p.file.Base.Debian.Packages, Security: p.file.Base.Debian.Security}, platform)
				mu.Lock()
				defer mu.Unlock()
				next.Base.Systems[platform] = system
				return err
			})
		}
		for _, name := range slices.Sorted(maps.Keys(want.Tools)) {
			if old.PinsTool(name, want.Tools[name], platform) {
				mu.Lock()
				next.Tools[name].Platforms[platform] = old.Tools[name].Platforms[platform]
				mu.Unlock()
				continue
			}
			group.Go(func() error {
				artifact, err := fetcher.ResolveTool(ctx, name, fetch.ToolSpec{NPM: p.file.Tools[name].NPM, Bin: p.file.Tools[name].Bin}, platform)
				mu.Lock()
				defer mu.Unlock()
				next.Tools[name].Platforms[platform] = artifact
				tool := next.Tools[name]
				tool.Version = artifact.Version
				next.Tools[name] = tool
				return err
			})
		}
	}
	return next, group.Wait()
}
