package probe

import (
	"context"
	"errors"
)

// A command is a program of the service's that exits 0 if all is well.
type command struct {
	argv []string
	host Host
}

// Try runs the command once.
func (c *command) Try(ctx context.Context) (string, error) {
	if c.host == nil {
		return "", errors.New("there is nobody to run " + c.argv[0])
	}
	output, ended, ok, err := c.host.Exec(ctx, c.argv)
	switch {
	case err == nil && ok:
		return c.argv[0] + " " + ended, nil
	case err != nil && ctx.Err() == nil:
		return "", &Failure{Reason: c.argv[0] + ": " + phrase(err.Error()), Detail: excerpt(output)}
	case ctx.Err() != nil:
		return "", &Failure{Reason: c.argv[0] + ": not done", Detail: excerpt(output), late: true}
	}
	return "", &Failure{Reason: c.argv[0] + ": " + ended, Detail: excerpt(output)}
}
