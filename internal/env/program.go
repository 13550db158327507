package env

import (
	"context"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/program"
)

// run gives what a program prints. What it says on stderr is not shown: it may
// be the secret.
func (l Layers) run(ctx context.Context, name string, p Provider) (string, *fault.Fault) {
	out, err := program.Question{Argv: p.Exec, Dir: l.Dir, Env: l.Environ, Within: p.Timeout, Most: maxFile}.Ask(ctx)
	if err != nil {
		return "", fault.Cannot("run %s for %s: %w", p.Exec[0], name, err).WithHint("run it by hand to see what it says")
	}
	return secretText(name, "exec:"+p.Exec[0], out)
}
