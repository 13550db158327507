package control

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/spec"
)

// A box whose supervisor is not ours cannot fill its host's memory.
func TestEndlessAnswers(t *testing.T) {
	const want = "cannot reach the supervisor: the answer is longer than 4194304 bytes"
	for name, tt := range map[string]struct {
		code        int
		start, more string
	}{
		"a word":    {200, `{"name":"`, "x"},
		"a list":    {200, `{"services":[{}`, ",{}"},
		"nothing":   {200, "", " "},
		"a problem": {422, `{"error":"`, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.code)
				more := bytes.Repeat([]byte(tt.more), 64<<10)
				for _, err := io.WriteString(w, tt.start); err == nil; {
					_, err = w.Write(more)
				}
			}))
			_, status := c.Status(t.Context())
			events := c.Events(t.Context(), func(spec.Status) error { return nil })
			for asked, err := range map[string]error{"status": status, "events": events} {
				switch {
				case tt.code != 200 && (err == nil || err.Error() != "cannot reach the supervisor: 422 Unprocessable Entity"):
					t.Errorf("%s: %v", asked, err)
				case tt.code == 200 && (err == nil || err.Error() != want):
					t.Errorf("%s: %v", asked, err)
				}
			}
		})
	}
}

// The bound is one value's: a stream may go on for ever.
func TestManyAnswersInOne(t *testing.T) {
	line := `{"name":"` + strings.Repeat("x", maxAnswer/2) + `"}` + "\n"
	const lines = 3
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range lines {
			_, _ = io.WriteString(w, line)
		}
	}))
	n := 0
	err := c.Events(t.Context(), func(spec.Status) error {
		n++
		return nil
	})
	if n != lines || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}
