package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/fault"
)

func TestCodes(t *testing.T) {
	place := fault.Position{File: "f.yaml", Line: 3, Column: 7}
	for _, tt := range []struct {
		err  error
		want int
	}{
		{fault.Cannot("x").WithCode(fault.ExitUsage), 400},
		{&fault.Fault{What: "x", Err: ErrUnknown}, 404},
		{fault.List{{What: "x", Err: ErrUnknown}, {What: "y", Err: ErrUnknown}}, 404},
		{&fault.Fault{What: "x", Err: ErrStopping}, 409},
		{fault.Cannot("x"), 422},
		{place.Cannot("x"), 422},
		{fmt.Errorf("reload: %w", place.Cannot("x")), 422},
		{errors.New("x"), 500},
		{context.Canceled, 500},
		{absent("x"), 501},
		{context.DeadlineExceeded, 504},
		{&fault.Fault{What: "x", Err: context.DeadlineExceeded}, 504},
	} {
		if got := codeOf(tt.err); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.err, got, tt.want)
		}
	}
}

// What is answered is what it was.
func TestProblemRoundTrip(t *testing.T) {
	place := fault.Position{File: "a b/sandwright.yaml", Line: 12, Column: 5}
	for want, err := range map[string]error{
		`{"error":"cannot x"}`:                      fault.Cannot("x"),
		`{"error":"cannot x","hint":"h"}`:           fault.Cannot("x").WithHint("h"),
		`{"error":"cannot x","at":"/c:/spec.json"}`: fault.Position{File: "/c:/spec.json"}.Cannot("x"),
		`{"error":"cannot x","at":"spec.json:9"}`:   fault.Position{File: "spec.json", Line: 9}.Cannot("x"),
		`{"error":"cannot y","faults":[{"error":"cannot y"},{"error":"cannot x","hint":"h","at":"a b/sandwright.yaml:12:5"}]}`: fault.List{
			fault.Cannot("y"), place.Cannot("x").WithHint("h"),
		},
	} {
		p := problemOf(err)
		text, encodeErr := json.Marshal(p)
		if encodeErr != nil || string(text) != want {
			t.Errorf("got %s, %v, want %s", text, encodeErr, want)
		}
		if diff := cmp.Diff(fault.All(err), fault.All(p.faults(nil, 0))); diff != "" {
			t.Errorf("%s: -want +got:\n%s", want, diff)
		}
	}
}

// What is printed is read again.
func FuzzPosition(f *testing.F) {
	for _, text := range []string{"", "a", "a:1", "a:1:2", "a:b:1:2", "a:0", ":1", "a::1", "a:1:", "a:+1", "a:01"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := position(text)
		if again := position(p.String()); again != p {
			t.Errorf("%q: %+v, then %+v", text, p, again)
		}
	})
}
