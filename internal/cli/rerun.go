package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/record"
	"github.com/sandwright/sandwright/internal/spec"
)

// What was run in a box is known there alone: sandwright-init runs the steps,
// for sandwright sync as for whoever is in the box, and remembers them.

// stands is the receipt of what stands in the box: what it was told last, with
// what it has run since. A box that says something else than that is believed
// nothing, and runs again what differs.
func (s syncing) stands(ctx context.Context) (receipt.Receipt, error) {
	out, said := bounded{most: maxAnswer}, bounded{most: 1 << 12}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	code, err := s.sandbox.Exec(ctx, provider.Exec{
		Argv: []string{spec.InitPath, "sync", "--sealed"}, Dir: "/", Stdin: bytes.NewReader(nil), Stdout: &out, Stderr: &said,
	})
	switch {
	case err != nil:
		return receipt.Receipt{}, err
	case code != 0:
		return receipt.Receipt{}, fault.Cannot("ask the sandbox what it has run: %s", dash(said.String())).WithHint("run: sandwright up --recreate")
	}
	seal, err := receipt.DecodeSeal(out.Bytes(), s.was.Receipt, "")
	if err != nil {
		return s.was.Receipt, nil
	}
	return s.was.Receipt.With(seal).Told(s.plan.Receipt), nil
}

// due is the receipt that the box is told: its steps are those of the plan, the
// files of each what it was last run with, and what the box cannot see for itself
// is why they are due.
func (s syncing) due() receipt.Receipt {
	out := s.sealed()
	for i := range out.Layers {
		l := &out.Layers[i]
		if len(l.Run) == 0 {
			continue
		}
		was, _ := s.was.Receipt.Layer(l.Name)
		l.Files, l.Due = l.Last(was), slices.Clone(was.Due)
		at := slices.IndexFunc(s.run, func(d plan.Difference) bool { return d.Layer == l.Name })
		if at < 0 {
			continue
		}
		for _, c := range s.reasons(s.run[at]) {
			if !l.Sees(c) && !slices.Contains(l.Due, c) {
				l.Due = append(l.Due, c)
			}
		}
	}
	return out
}

// reasons are why a layer runs: what differs of it, or what was brought in where
// it reads all.
func (s syncing) reasons(d plan.Difference) []receipt.Cause {
	if len(d.Causes) > 0 || len(s.changed) == 0 || !s.readsAll(d.Layer) {
		return d.Causes
	}
	first := s.changed[0]
	return []receipt.Cause{{File: receipt.Name(first.Path()), Change: first.Change}}
}

// A rerun is what sandwright-init says once the steps have run.
type rerun struct {
	Ran []struct {
		Layer  string          `json:"layer"`
		Causes []receipt.Cause `json:"causes"`
	} `json:"ran"`
	Seal json.RawMessage `json:"seal"`
}

// runSteps has the box run what differs there, with the addresses of registries
// and the certificates of this machine, and gives what has run.
func (a *app) runSteps(ctx context.Context, s syncing, timeout time.Duration) ([]plan.Difference, error) {
	input, err := a.registry(s)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.longest(timeout), errUnending)
	defer cancel()
	out := bounded{most: maxAnswer}
	code, err := s.sandbox.Exec(ctx, provider.Exec{
		Argv: []string{spec.InitPath, "sync", "--run", "--for-host", "--timeout", timeout.String()}, Dir: "/",
		Stdin: bytes.NewReader(input), Stdout: &out, Stderr: a.Err,
	})
	if err != nil && errors.Is(context.Cause(ctx), errUnending) {
		err = fault.Cannot("bring the sandbox up to date: %w", errUnending).
			WithHint("see what it does with: sandwright exec ps; or start it anew: sandwright up --recreate")
	}
	if err != nil {
		return nil, err
	}
	var report rerun
	if code != 0 || json.Unmarshal(out.Bytes(), &report) != nil {
		return nil, fault.Cannot("bring the sandbox up to date: a step did not end well in it").
			WithHint("see what it said above, then run sandwright sync again")
	}
	done := []plan.Difference{}
	for _, l := range report.Ran {
		done = append(done, plan.Difference{Layer: l.Layer, Rebuilt: true, Causes: l.Causes})
	}
	return done, s.remember(report.Seal)
}

// errUnending ends the steps of a box that does not end them itself: whoever is in
// it may have stopped what should.
var errUnending = errors.New("its steps have not ended in their time")

// longest is the time that a box can take to run its steps, with what it waits for
// before, where each command has one.
func (s syncing) longest(each time.Duration) time.Duration {
	const slack, endless = 10 * time.Second, 1000 * time.Hour // a longer time is no other
	d := time.Minute
	for _, l := range s.was.Receipt.Layers {
		d += 2 * time.Duration(len(l.Run)) * (min(each, endless) + slack)
	}
	return d
}

// remember keeps what the box says of its steps once they have run.
func (s syncing) remember(data []byte) error {
	seal, err := receipt.DecodeSeal(data, s.was.Receipt, "")
	if err != nil {
		return nil // and it is asked for again
	}
	s.was.Receipt = s.was.Receipt.With(seal).Told(s.plan.Receipt)
	return record.Write(s.recordPath(), s.was)
}

func (s syncing) recordPath() string {
	return sandboxRecordPath(s.sandbox.Info().Project, s.sandbox.Info().Name)
}

// registry is what an install in the box is given: a box may be read by the
// agent in it, so that it is no credentials.
func (a *app) registry(s syncing) ([]byte, error) {
	if len(s.plan.Installs) == 0 {
		return []byte("{}"), nil
	}
	_, _, npm, err := a.fetcher(s.project)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{"npmrc": withoutCredentials(string(npm.File())), "ca": string(npm.CABundle(os.Environ()))})
}
