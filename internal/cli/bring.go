package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/handover"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/record"
)

// bring copies the files that changed, runs the steps, and seals what then
// stands in the box. What was done is remembered also when a later part fails.
func (a *app) bring(ctx context.Context, s syncing, force bool) error {
	if err := markSynced(s.sandbox.Info()); err != nil {
		return err
	}
	if err := s.put(ctx, force); err != nil {
		return err
	}
	now := s.was
	now.Files, now.Made, now.Pending = s.files, time.Now().UTC(), nil
	for _, diff := range s.run {
		now.Pending = append(now.Pending, diff.Layer)
	}
	path := sandboxRecordPath(s.sandbox.Info().Project, s.sandbox.Info().Name)
	if err := record.Write(path, now); err != nil {
		return err
	}
	for _, diff := range s.run {
		fmt.Fprintf(a.Err, "%s runs: %s\n", printable(diff.Layer), s.why(diff))
		if err := a.runLayer(ctx, s, diff.Layer); err != nil {
			return errors.Join(err, record.Write(path, now))
		}
		now.Pending = now.Pending[1:]
	}
	now.Receipt = s.sealed()
	if err := record.Write(path, now); err != nil {
		return err
	}
	return s.reseal(ctx, now.Receipt)
}

// why is why a step runs.
func (s syncing) why(d plan.Difference) string {
	if len(d.Causes) > 0 || len(s.changed) == 0 {
		return reason{Difference: d}.line()
	}
	first := s.changed[0]
	return reason{Difference: plan.Difference{Layer: d.Layer, Rebuilt: true, Causes: []receipt.Cause{
		{File: receipt.Name(first.Path()), Change: first.Change},
	}}}.line()
}

// sealed is the receipt of what stands in the box once all steps have run: the
// new one, with what only another image has as it was.
func (s syncing) sealed() receipt.Receipt {
	out := s.plan.Receipt
	gone := map[string]bool{}
	out.Layers = nil
	for _, l := range s.plan.Receipt.Layers {
		if slices.ContainsFunc(s.later, func(d plan.Difference) bool { return d.Layer == l.Name }) {
			was, ok := s.was.Receipt.Layer(l.Name)
			if gone[l.Name] = !ok; !ok {
				continue
			}
			l.Run, l.Files, l.Fields = was.Run, was.Files, was.Fields
		}
		l.On = slices.DeleteFunc(slices.Clone(l.On), func(name string) bool { return gone[name] })
		out.Layers = append(out.Layers, l)
	}
	return out
}

// put offers the box the files that changed, and gives its refusals as faults.
func (s syncing) put(ctx context.Context, force bool) error {
	offer := handover.Offer{Root: s.plan.Target, Force: force}
	places := make([]int, 0, len(s.changed))
	for _, c := range s.changed {
		place, _ := s.tree.Place(c.Path())
		places = append(places, place)
		item := handover.Item{Path: c.Path(), Remove: c.Change == receipt.Removed, Was: c.Old.Sum}
		if !item.Remove {
			item.Mode, item.Size, item.Target, item.Link, item.Sum = c.New.Mode, c.New.Size, c.New.Target, c.New.Link, c.New.Sum
		}
		offer.Items = append(offer.Items, item)
	}
	if len(offer.Items) == 0 {
		return nil
	}
	report, err := give(ctx, s.sandbox, provider.Exec{}, offer, func(i int) (io.ReadCloser, error) { return s.tree.Read(places[i]) })
	if err != nil {
		return err
	}
	var faults fault.List
	for _, c := range report.Clashes {
		faults = append(faults, fault.Cannot("bring %s into the sandbox: %s", printable(c.Path), printable(c.Reason)).
			WithHint("look at it with: sandwright exec git diff; or overwrite it: sandwright sync --force"))
	}
	return faults.Err()
}

// reseal puts the receipt of what stands in the box in the place of the image's.
func (s syncing) reseal(ctx context.Context, r receipt.Receipt) error {
	data, err := receipt.Encode(r)
	if err != nil {
		return err
	}
	offer := handover.Offer{Root: path.Dir(receipt.Path), Force: true, Items: []handover.Item{
		{Path: path.Base(receipt.Path), Mode: 0o644, Size: int64(len(data)), Sum: receipt.SumOf(data)},
	}}
	_, err = give(ctx, s.sandbox, provider.Exec{Root: true}, offer, func(int) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	})
	return err
}

// runLayer runs the commands of a layer in the box, as its build does.
func (a *app) runLayer(ctx context.Context, s syncing, layer string) error {
	for _, in := range s.plan.Installs {
		commands := [][]string{}
		if len(in.Hooks) > 0 {
			commands = append(commands, in.Hooks)
		}
		switch layer {
		case plan.HooksLayer(in.Dir):
			return a.install(ctx, s, in, commands)
		case plan.InstallLayer(in.Dir):
			return a.install(ctx, s, in, slices.Concat(plan.Commands(in.Fetch), plan.Commands(in.Steps), commands))
		}
	}
	for i, step := range s.plan.Build {
		if plan.StepLayer(i) == layer {
			return a.runInBox(ctx, s, path.Join(s.plan.Target, step.Dir), step.Env, step.Shell())
		}
	}
	return nil
}

// prepareStore makes the folder of an install's store the user's own.
const prepareStore = `mkdir -p "$1" && chown "$2" "$1"`

// withRegistry runs a command with the registries' addresses, which come in a
// variable, and the certificates, which come as its input.
const withRegistry = `
umask 077
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
printf %s "$SANDWRIGHT_NPMRC" >"$dir/npmrc"
cat >"$dir/ca.pem"
unset SANDWRIGHT_NPMRC
export NPM_CONFIG_USERCONFIG="$dir/npmrc" NODE_EXTRA_CA_CERTS="$dir/ca.pem" SSL_CERT_FILE="$dir/ca.pem"
"$@" </dev/null
`

// install runs commands of an install.
func (a *app) install(ctx context.Context, s syncing, in plan.Install, commands [][]string) error {
	_, _, npm, err := a.fetcher(s.project)
	if err != nil {
		return err
	}
	owner := fmt.Sprintf("%d:%d", s.plan.User.UID, s.plan.User.GID)
	store := []string{"/bin/sh", "-euc", prepareStore, "sh", in.Store, owner}
	if err := a.execute(ctx, s, provider.Exec{Argv: store, Dir: "/", Root: true}); err != nil {
		return err
	}
	env := maps.Clone(in.Env)
	env["SANDWRIGHT_NPMRC"] = withoutCredentials(string(npm.File()))
	dir := path.Join(s.plan.Target, in.Dir)
	for _, words := range commands {
		argv := append([]string{"/bin/sh", "-euc", withRegistry, "sh"}, words...)
		if err := a.execute(ctx, s, provider.Exec{Argv: argv, Dir: dir, Env: inBuild(env), Stdin: bytes.NewReader(npm.CABundle(os.Environ()))}); err != nil {
			return err
		}
	}
	return nil
}

// withoutCredentials keeps the addresses of an npmrc: a box may be read by the
// agent in it.
func withoutCredentials(npmrc string) string {
	var out strings.Builder
	for line := range strings.Lines(npmrc) {
		_, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		_, rest, isURL := strings.Cut(value, "://")
		host, _, _ := strings.Cut(rest, "/")
		if !strings.HasPrefix(line, "//") && (!isURL || !strings.Contains(host, "@")) {
			out.WriteString(line)
		}
	}
	return out.String()
}

func (a *app) runInBox(ctx context.Context, s syncing, dir string, env map[string]string, argv []string) error {
	return a.execute(ctx, s, provider.Exec{Argv: argv, Dir: dir, Env: inBuild(env)})
}

// inBuild is an environment as build steps have it.
func inBuild(env map[string]string) map[string]string {
	out := map[string]string{"CI": "true", "NO_COLOR": "1"}
	maps.Copy(out, env)
	return out
}

// execute runs a command, whose output is shown.
func (a *app) execute(ctx context.Context, s syncing, e provider.Exec) error {
	e.Stdout, e.Stderr = a.Err, a.Err
	if e.Stdin == nil {
		e.Stdin = strings.NewReader("")
	}
	code, err := s.sandbox.Exec(ctx, e)
	if err == nil && code != 0 {
		err = fault.Cannot("run %s in the sandbox: it ended with exit code %d", printable(e.Argv[len(e.Argv)-1]), code).
			WithHint("see what it said above, then run sandwright sync again")
	}
	return err
}
