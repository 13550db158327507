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

const (
	statusTime = 10 * time.Second // for a client to read one status or event
	logTime    = 10 * time.Minute // for a client to read some lines: a person may have stopped the screen
)

// A handler answers for a supervisor.
type handler struct {
	supervisor          Supervisor
	logs                OpenLogs // nil without
	statusTime, logTime time.Duration
}

// Handler answers for s, and opens logs for those who ask for them; without
// logs they are refused.
func Handler(s Supervisor, logs OpenLogs) http.Handler {
	return (&handler{s, logs, statusTime, logTime}).routes()
}

// Server is a server with the timeouts and bounds that h needs against
// clients that are slow or send too much.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 2 * maxQuery,
	}
}

func (h *handler) routes() http.Handler {
	return routes{
		{http.MethodGet, "/v1/status", h.status},
		{http.MethodGet, "/v1/wait", h.wait},
		{http.MethodGet, "/v1/events", h.events},
		{http.MethodGet, "/v1/logs", h.stream},
		{http.MethodPost, "/v1/services/*/start", h.act(Start)},
		{http.MethodPost, "/v1/services/*/stop", h.act(Stop)},
		{http.MethodPost, "/v1/services/*/restart", h.act(Restart)},
		{http.MethodPost, "/v1/services/*/signal", h.signal},
		{http.MethodPost, "/v1/reload", h.reload},
		{http.MethodPost, "/v1/shutdown", h.shutdown},
	}
}

func errStopping() error {
	return &fault.Fault{What: "cannot answer: the sandbox is stopping", Err: ErrStopping}
}

func (h *handler) status(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "service", "follow")
	sel, follow := q.services(), q.flag("follow")
	if err := q.err(); err != nil {
		return err
	}
	if follow {
		return h.follow(w, r, sel, func(s spec.Status) []any { return []any{sel.of(s)} })
	}
	s, err := h.now(r.Context(), sel)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, sel.of(s))
	return nil
}

// now is the status of all services as it is; the selected ones are there.
func (h *handler) now(ctx context.Context, sel selection) (spec.Status, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for s := range h.supervisor.Watch(ctx) {
		return s, sel.check(s)
	}
	return spec.Status{}, errStopping()
}

func (h *handler) wait(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "service", "for", "timeout")
	sel, timeout, goal := q.services(), q.duration("timeout"), q.goal()
	if err := q.err(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	var last spec.Status
	for last = range h.supervisor.Watch(ctx) {
		if err := sel.check(last); err != nil {
			return err
		}
		if done, err := goal.judge(sel, last); err != nil {
			return err
		} else if done {
			answer(w, http.StatusOK, sel.of(last))
			return nil
		}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return goal.late(sel, last, timeout)
	}
	return errStopping()
}

// follow writes the JSON lines that each status makes, until either side ends.
// A client that does not read is let go.
func (h *handler) follow(w http.ResponseWriter, r *http.Request, sel selection, lines func(spec.Status) []any) error {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out, enc, begun := http.NewResponseController(w), json.NewEncoder(w), false
	for s := range h.supervisor.Watch(ctx) {
		if !begun {
			if err := sel.check(s); err != nil {
				return err
			}
			w.Header().Set("Content-Type", "application/x-ndjson")
			begun = true
		}
		err := out.SetWriteDeadline(time.Now().Add(h.statusTime))
		for _, line := range lines(s) {
			err = errors.Join(err, enc.Encode(line))
		}
		if errors.Join(err, out.Flush()) != nil {
			return nil
		}
	}
	if !begun {
		return errStopping()
	}
	return nil
}

func (h *handler) events(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "service")
	if err := q.err(); err != nil {
		return err
	}
	sel, seen := q.services(), changes{}
	return h.follow(w, r, sel, func(s spec.Status) []any { return seen.since(s, sel, time.Now()) })
}
