package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sandwright/sandwright/internal/handover"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/receipt"
)

// A slowBox runs nothing but what stands in for the receiver.
type slowBox struct {
	provider.Sandbox
	receive func(ctx context.Context, in io.Reader, out io.Writer) error
}

func (b slowBox) Exec(ctx context.Context, e provider.Exec) (int, error) {
	if err := b.receive(ctx, e.Stdin, e.Stdout); ctx.Err() != nil {
		return 1, ctx.Err()
	} else if err != nil {
		fmt.Fprint(e.Stderr, err)
		return 1, nil
	}
	return 0, nil
}

// TestAHandoverThatStalls: a box that neither takes nor says anything is given
// up, in time; one that goes on, however slowly, is waited for.
func TestAHandoverThatStalls(t *testing.T) {
	text := strings.Repeat("text", 1<<16)
	offer := handover.Offer{Root: "/srv", Items: []handover.Item{{Path: "a", Size: int64(len(text)), Sum: receipt.SumOf([]byte(text))}}}
	answer := func(out io.Writer) error { return json.NewEncoder(out).Encode(handover.Report{Put: 1}) }
	for name, tt := range map[string]struct {
		receive func(ctx context.Context, in io.Reader, out io.Writer) error
		open    error
		want    string
		after   time.Duration
	}{
		"it takes nothing": {
			receive: func(ctx context.Context, _ io.Reader, _ io.Writer) error { <-ctx.Done(); return nil },
			want:    "cannot put files into the sandbox: it has taken nothing and said nothing for 2m0s", after: handover.Patience,
		},
		"it takes all and does not answer": {
			receive: func(ctx context.Context, in io.Reader, _ io.Writer) error {
				_, err := io.Copy(io.Discard, in)
				<-ctx.Done()
				return err
			},
			want: "cannot put files into the sandbox: it has taken nothing and said nothing for 2m0s", after: handover.Patience,
		},
		"it takes a little at a time": {
			receive: func(_ context.Context, in io.Reader, out io.Writer) error {
				for buf := make([]byte, 1<<14); ; time.Sleep(handover.Patience / 2) {
					if _, err := in.Read(buf); err != nil {
						return answer(out)
					}
				}
			},
		},
		"it compares for long": {
			receive: func(_ context.Context, in io.Reader, out io.Writer) error {
				for range 10 {
					time.Sleep(handover.Patience / 2)
					fmt.Fprintln(out)
				}
				_, err := io.Copy(io.Discard, in)
				return errors.Join(err, answer(out))
			},
		},
		"it refuses": {
			receive: func(context.Context, io.Reader, io.Writer) error { return errors.New("no space left") },
			want:    "cannot put files into the sandbox: no space left",
		},
		"a file is gone meanwhile": {
			receive: func(_ context.Context, in io.Reader, _ io.Writer) error {
				_, err := io.Copy(io.Discard, in)
				return err
			},
			open: fs.ErrNotExist, want: "cannot read what is to be put into the sandbox: file does not exist",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				started := time.Now()
				report, err := give(t.Context(), slowBox{receive: tt.receive}, provider.Exec{}, offer, func(int) (io.ReadCloser, error) {
					return io.NopCloser(strings.NewReader(text)), tt.open
				})
				if tt.want == "" && (err != nil || report.Put != 1) || tt.want != "" && (err == nil || err.Error() != tt.want) {
					t.Errorf("%+v, %v", report, err)
				}
				if took := time.Since(started); tt.after > 0 && took != tt.after {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// TestAHandoverThatIsInterrupted ends at once.
func TestAHandoverThatIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var left error
		box := slowBox{receive: func(ctx context.Context, in io.Reader, _ io.Writer) error {
			<-ctx.Done()
			_, left = io.Copy(io.Discard, in) // what it reads on comes to its end
			return left
		}}
		started := time.Now()
		_, err := give(ctx, box, provider.Exec{}, handover.Offer{Items: make([]handover.Item, 1e5)}, nil)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(started) != time.Second || left == nil {
			t.Errorf("%v after %v, %v", err, time.Since(started), left)
		}
	})
}
