// Package control is the conversation with a supervisor: HTTP and JSON over a
// unix socket. Handler is the supervisor's side, Client the other one.
//
//	GET  /v1/status[?service=NAME…]                  the status
//	GET  /v1/status?follow=true                      JSON lines: the status, and again after each change
//	GET  /v1/wait[?for=GOAL][&timeout=30s]           the status, once the goal is reached
//	GET  /v1/events                                  JSON lines: each service, and again after each change of it
//	GET  /v1/logs[?lines=N][&follow=true]            the lines that services wrote
//	POST /v1/services/NAME/start|stop|restart        the service's status, once that is done
//	POST /v1/services/NAME/signal?signal=SIGHUP      the service's status
//	POST /v1/reload                                  what became of each service
//	POST /v1/shutdown                                202; everything is being stopped
//
// An error is an object with the keys error and hint. docs/control.md has an
// example of each. Nothing but the standard library and golang.org/x/sys.
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
