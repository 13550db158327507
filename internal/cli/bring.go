package cli

import (
	"bytes"
	"context"
	"io"
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

// bring copies the files that changed, and tells the box what it has to run
// then. What was done is remembered also when a later part fails.
func (s *syncing) bring(ctx context.Context, force bool) error {
	if err := markSynced(s.sandbox.Info()); err != nil {
		return err
	}
	if err := s.put(ctx, force); err != nil {
		return err
	}
	s.was.Files, s.was.Made, s.was.Receipt = s.files, time.Now().UTC(), s.due()
	if err := record.Write(s.recordPath(), s.was); err != nil {
		return err
	}
	return s.reseal(ctx, s.was.Receipt)
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

// reseal puts a receipt of what stands in the box in the place of the image's.
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

// withoutCredentials keeps the addresses of an npmrc: a box may be read by the
// agent in it.
func withoutCredentials(npmrc string) string {
	var out strings.Builder
	for line := range strings.Lines(npmrc) {
		_, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if _, rest, isURL := strings.Cut(value, "://"); isURL {
			value = rest
		}
		host, _, _ := strings.Cut(value, "/")
		if !strings.HasPrefix(line, "//") && !strings.Contains(host, "@") {
			out.WriteString(line)
		}
	}
	return out.String()
}
