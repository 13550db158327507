package control

import (
	"net/http"

	"github.com/sandwright/sandwright/internal/fault"
)

// act is start, stop or restart.
func (h *handler) act(action Action) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := readQuery(r).err(); err != nil {
			return err
		}
		status, err := h.supervisor.Do(r.Context(), action, r.PathValue(serviceName))
		if err != nil {
			return err
		}
		answer(w, http.StatusOK, status)
		return nil
	}
}

func (h *handler) signal(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "signal", "to")
	sig, to := q.signal(), q.choice("to", toGroup, toProcess)
	if err := q.err(); err != nil {
		return err
	}
	status, err := h.supervisor.Signal(r.Context(), r.PathValue(serviceName), sig, to == toProcess)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, status)
	return nil
}

func (h *handler) reload(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err(); err != nil {
		return err
	}
	done, err := h.supervisor.Reload(r.Context())
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, done)
	return nil
}

func (h *handler) shutdown(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err(); err != nil {
		return err
	}
	h.supervisor.Shutdown()
	answer(w, http.StatusAccepted, struct{}{})
	return nil
}

func absent(what string) error {
	return &fault.Fault{What: "cannot " + what + ": this supervisor does not know how", Err: errAbsent}
}
