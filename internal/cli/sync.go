package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/record"
	"github.com/sandwright/sandwright/internal/smallfile"
	"github.com/sandwright/sandwright/internal/wholefile"
)

func (a *app) cmdSync() *cobra.Command {
	env := envFlags{scope: []string{config.ScopeBuild}}
	var force bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Bring the running sandbox up to date with the working tree, without a build",
		Long: `Bring the workspace of the running sandbox up to date with the working tree.
Files that changed are copied in; where what an install or a build step reads
has changed, that step runs in the box, and nothing else does. A file that was
changed in the box since is not overwritten: all of them are listed, and nothing
is done, unless --force is given. What a running box cannot have, such as other
tools, needs sandwright up. The credentials of registries stay on this machine.
What the box itself has run since, by sandwright-init sync --run or when it was
started, is not run again. A sync waits for another sync or up of the sandbox to
end, and down waits for it.`,
		Example: "  sandwright sync\n  sandwright sync --force\n  sandwright sync --timeout 5m\n  sandwright sync --json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout < time.Millisecond {
				return usage(cmd, errors.New("--timeout takes a duration, such as 5m"))
			}
			return a.sync(cmd.Context(), env, syncHow{force, timeout})
		},
	}
	env.register(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "overwrite files that were changed in the box")
	cmd.Flags().DurationVar(&timeout, "timeout", 15*time.Minute, "how long each command of a step may take")
	return cmd
}

// A syncHow is how a sync is done.
type syncHow struct {
	force   bool          // over files that were changed in the box
	timeout time.Duration // of each command that runs there
}

// A syncing is what has to be done to a sandbox.
type syncing struct {
	drawing
	sandbox provider.Sandbox
	was     record.Record     // what stands in the box, as far as was put there and was run there
	files   []record.File     // what shall stand there
	changed []record.Change   // of files
	run     []plan.Difference // layers of which the steps have to run, as far as is known here
	later   []plan.Difference // layers that only another image has
}

// A synced is what sync prints as JSON.
type synced struct {
	Files int               `json:"files"` // put or removed
	Ran   []plan.Difference `json:"ran"`
	Later []plan.Difference `json:"later"` // what needs sandwright up
	Took  string            `json:"took"`
}

func (a *app) sync(ctx context.Context, env envFlags, how syncHow) error {
	p, err := a.project()
	if err != nil {
		return err
	}
	done, err := a.inTurn(ctx, p.dir, a.sandboxName(p))
	if err != nil {
		return err
	}
	defer done()
	started := time.Now()
	d, err := a.drawn(ctx, env)
	if err != nil {
		return err
	}
	defer d.tree.Close()
	s, err := a.compare(ctx, d)
	if err != nil {
		return err
	}
	if err := s.possible(); err != nil {
		return err
	}
	result := synced{Files: len(s.changed), Later: s.later}
	if len(s.changed)+len(s.run) > 0 {
		a.noticesOf(d.tree)
		if err := s.bring(ctx, how.force); err != nil {
			return err
		}
	}
	if result.Ran, err = a.runSteps(ctx, s, how.timeout); err != nil {
		return err
	}
	result.Took = short(time.Since(started))
	if a.json {
		result.Later = append([]plan.Difference{}, s.later...)
		return printJSON(a.Out, result)
	}
	return result.print(a.Out)
}

// compare finds what differs between the working tree and what was put into
// the sandbox.
func (a *app) compare(ctx context.Context, d drawing) (s syncing, err error) {
	s.drawing = d
	if s.sandbox, err = a.running(ctx); err != nil {
		return s, err
	}
	info := s.sandbox.Info()
	was, ok := record.Read(sandboxRecordPath(info.Project, info.Name))
	if !ok || was.Sandbox != startOf(info) {
		return s, fault.Cannot("tell what stands in sandbox %s: it was started by another sandwright", info.Name).WithHint("run: sandwright up --recreate")
	}
	s.was = was
	if s.files, err = recordFiles(ctx, d.tree); err != nil {
		return s, err
	}
	s.changed = record.Changes(was.Files, s.files)
	if len(s.changed) > 0 || differ(plan.Diff(was.Receipt, d.plan.Receipt)) {
		if s.was.Receipt, err = s.stands(ctx); err != nil {
			return s, err
		}
	}
	all := plan.Diff(s.was.Receipt, d.plan.Receipt)
	for i, diff := range all {
		all[i].Causes = byFile(d, diff, s.changed)
	}
	s.choose(all)
	return s, nil
}

func differ(all []plan.Difference) bool {
	return slices.ContainsFunc(all, func(d plan.Difference) bool { return d.Rebuilt })
}

// choose says of which layers the steps run in the box.
func (s *syncing) choose(all []plan.Difference) {
	for _, diff := range all {
		switch {
		case len(diff.Causes) == 0:
			if l, _ := s.was.Receipt.Layer(diff.Layer); len(l.Due) > 0 || s.reads(diff.Layer) {
				s.run = append(s.run, diff)
			}
		case isInstall(s.plan, diff.Layer), isStep(s.plan, diff.Layer):
			s.run = append(s.run, diff)
		case !strings.HasPrefix(diff.Layer, plan.LayerSource):
			s.later = append(s.later, diff)
		}
	}
}

// reads tells whether a layer reads what changed: all that did, or where it sees
// its inputs alone, what an install or an earlier step that it stands on will leave.
func (s syncing) reads(layer string) bool {
	if s.readsAll(layer) {
		return len(s.changed)+len(s.run) > 0
	}
	l, _ := s.plan.Receipt.Layer(layer)
	return isStep(s.plan, layer) && slices.ContainsFunc(s.run, func(d plan.Difference) bool { return slices.Contains(l.On, d.Layer) })
}

// readsAll tells whether a layer is a build step that sees all of the workspace,
// or of lifecycle scripts that do.
func (s syncing) readsAll(layer string) bool {
	for _, in := range s.plan.Installs {
		if plan.HooksLayer(in.Dir) == layer {
			return len(in.Hooks) > 0 && len(in.Inputs) == 0
		}
	}
	for i, step := range s.plan.Build {
		if plan.StepLayer(i) == layer {
			return !s.plan.Apart(step)
		}
	}
	return false
}

// isInstall tells whether a layer is that of an install, of what it fetches apart,
// or of its workspace's lifecycle scripts.
func isInstall(p plan.Plan, layer string) bool {
	return slices.ContainsFunc(p.Installs, func(in plan.Install) bool {
		return layer == plan.InstallLayer(in.Dir) || layer == plan.FetchLayer(in.Dir) || layer == plan.HooksLayer(in.Dir)
	})
}

func isStep(p plan.Plan, layer string) bool {
	for i := range p.Build {
		if plan.StepLayer(i) == layer {
			return true
		}
	}
	return false
}

// possible refuses what would run on other tools or another system than it
// should, and an install or a build step that needs a secret.
func (s syncing) possible() error {
	var faults fault.List
	for _, diff := range s.later {
		if diff.Layer == plan.LayerServices || diff.Layer == plan.LayerRepository {
			continue
		}
		for _, c := range diff.Causes[:min(maxCauses, len(diff.Causes))] {
			faults = append(faults, fault.Cannot("bring %s up to date in a running sandbox: %s", printable(diff.Layer), printable(c.String())).WithHint("run: sandwright up"))
		}
	}
	secrets := map[string][]string{}
	for _, in := range s.plan.Installs {
		for _, layer := range []string{plan.FetchLayer(in.Dir), plan.InstallLayer(in.Dir), plan.HooksLayer(in.Dir)} {
			secrets[layer] = in.Secrets
		}
	}
	for i, step := range s.plan.Build {
		secrets[plan.StepLayer(i)] = step.Secrets
	}
	for _, diff := range s.run {
		if needed := secrets[diff.Layer]; len(needed) > 0 {
			faults = append(faults, fault.Cannot("run %s in the sandbox: it needs the secret %s, which stays out of a running box",
				printable(diff.Layer), needed[0]).WithHint("run: sandwright up"))
		}
	}
	return faults.Err()
}

// startOf tells one start of a sandbox from every other.
func startOf(info provider.Info) string {
	return fmt.Sprintf("%s %d", info.ID, info.Started.UnixNano())
}

// markSynced says that a sandbox is no more what its image is: up must not take
// it for that, also when the working tree is again what it was.
func markSynced(info provider.Info) error {
	file := syncedPath(info)
	err := os.MkdirAll(filepath.Dir(file), 0o700)
	if err == nil {
		err = wholefile.Put(file, 0o644, []byte(startOf(info)))
	}
	if err != nil {
		return fault.Cannot("remember that sandbox %s is changed: %w", info.Name, err)
	}
	return nil
}

func isSynced(info provider.Info) bool {
	start, err := smallfile.Read(syncedPath(info), 4<<10)
	return err == nil && string(start) == startOf(info)
}

func syncedPath(info provider.Info) string {
	return sandboxRecordPath(info.Project, info.Name) + "-synced"
}

// rememberSandbox keeps what stands in a sandbox that was started as d says.
func rememberSandbox(ctx context.Context, d drawing, info provider.Info) error {
	files, err := recordFiles(ctx, d.tree)
	if err != nil {
		return err
	}
	return record.Write(sandboxRecordPath(info.Project, info.Name), record.Record{
		Image: info.Image, Sandbox: startOf(info), Made: time.Now().UTC(), Receipt: d.plan.Receipt, Files: files,
	})
}

func (s synced) print(out io.Writer) error {
	switch {
	case s.Files+len(s.Ran) == 0:
		fmt.Fprintf(out, "nothing to bring in and nothing to install (%s)\n", s.Took)
	default:
		fmt.Fprintf(out, "%d files brought in, %d steps run (%s)\n", s.Files, len(s.Ran), s.Took)
	}
	for _, d := range s.Later {
		fmt.Fprintf(out, "%s stays as it is until sandwright up: %s\n", printable(d.Layer), printable(d.Causes[0].String()))
	}
	return nil
}
