package probe

import (
	"errors"
	"fmt"

	"github.com/sandwright/sandwright/internal/spec"
)

// Unasked is the reason before a probe of any kind has found anything, such as
// "GET http://…: no answer yet".
func Unasked(p spec.Probe) error {
	switch {
	case p.FD != 0:
		return fmt.Errorf("no newline on fd %d", p.FD)
	case p.Notify:
		return errors.New("no READY=1")
	case p.Log != "":
		return fmt.Errorf("no line that matches %q", p.Log)
	case len(p.Exec) > 0:
		return fmt.Errorf("%s: not done yet", p.Exec[0])
	case p.TCP != "":
		return fmt.Errorf("connect to %s: no answer yet", newTCP(p).address)
	case p.GRPC != "":
		return fmt.Errorf("grpc %s: no answer yet", p.GRPC)
	}
	h, err := newHTTP(p)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: no answer yet", h.doing())
}
