package control

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// writeTime is how long a client may take to read one status.
const writeTime = 10 * time.Second

// A Supervisor is what a Handler speaks for. Its errors are faults that wrap
// ErrUnknown or ErrStopping, or the error of ctx.
type Supervisor interface {
	// Watch gives the status now and after changes, the newest only, and
	// closes the channel when ctx or the supervisor ends.
	Watch(ctx context.Context) <-chan spec.Status
	// Do returns when the action is done.
	Do(ctx context.Context, action Action, service string) (spec.ServiceStatus, error)
	// Shutdown returns at once.
	Shutdown()
}

// Handler answers for s.
func Handler(s Supervisor) http.Handler {
	mux := http.NewServeMux()
	first := func(spec.Status) bool { return true }
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) { answerStatus(w, r, s, first) })
	mux.HandleFunc("GET /v1/wait", func(w http.ResponseWriter, r *http.Request) { answerStatus(w, r, s, spec.Status.Settled) })
	mux.HandleFunc("GET /v1/events", func(w http.ResponseWriter, r *http.Request) { answerEvents(w, r, s) })
	for _, action := range []Action{Start, Stop, Restart} {
		mux.HandleFunc("POST /v1/services/{name}/"+string(action), func(w http.ResponseWriter, r *http.Request) {
			status, err := s.Do(r.Context(), action, r.PathValue("name"))
			if err != nil {
				answerError(w, err)
				return
			}
			answer(w, http.StatusOK, status)
		})
	}
	mux.HandleFunc("POST /v1/shutdown", func(w http.ResponseWriter, _ *http.Request) {
		s.Shutdown()
		answer(w, http.StatusAccepted, struct{}{})
	})
	return mux
}

// answerStatus gives the first status that will do.
func answerStatus(w http.ResponseWriter, r *http.Request, s Supervisor, willDo func(spec.Status) bool) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	for status := range s.Watch(ctx) {
		if willDo(status) {
			answer(w, http.StatusOK, status)
			return
		}
	}
	answerError(w, &fault.Fault{What: "cannot answer: the sandbox is stopping", Err: ErrStopping})
}

// answerEvents gives each status until either side ends. A client that does
// not read is let go.
func answerEvents(w http.ResponseWriter, r *http.Request, s Supervisor) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	w.Header().Set("Content-Type", "application/x-ndjson")
	out, enc := http.NewResponseController(w), json.NewEncoder(w)
	for status := range s.Watch(ctx) {
		err := out.SetWriteDeadline(time.Now().Add(writeTime))
		if errors.Join(err, enc.Encode(status), out.Flush()) != nil {
			return
		}
	}
}

func answerError(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	switch {
	case errors.Is(err, ErrUnknown):
		code = http.StatusNotFound
	case errors.Is(err, ErrStopping):
		code = http.StatusConflict
	}
	f := fault.All(err)[0]
	answer(w, code, problem{Error: f.Error(), Hint: f.Hint})
}

// answer writes body. A client that is gone does not want to know.
func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}
