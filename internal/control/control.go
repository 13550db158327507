// Package control is the conversation with a supervisor: HTTP and JSON over a
// unix socket. Handler is the supervisor's side, Client the other one.
//
//	GET  /v1/status                                  the status
//	GET  /v1/wait                                    the status, once it is settled
//	GET  /v1/events                                  JSON lines: the status, and again after each change
//	POST /v1/services/NAME/start|stop|restart        the service's status, once that is done
//	POST /v1/shutdown                                202; everything is being stopped
//
// An error is an object with the keys error and hint. Standard library only.
package control

import "errors"

// An Action is what can be done to a service.
type Action string

// The actions.
const (
	Start   Action = "start"
	Stop    Action = "stop"
	Restart Action = "restart"
)

// What a Supervisor's errors wrap, and so a Client's.
var (
	ErrUnknown  = errors.New("no such service")         // answered with 404
	ErrStopping = errors.New("the sandbox is stopping") // answered with 409
)

// problem is the body of an answer that is an error.
type problem struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}
