package cli

import (
	"fmt"

	"github.com/sandwright/sandwright/internal/lock"
)

// lockExplain lists who can change what runs in the box.
func (a *app) lockExplain() error {
	p, err := a.project()
	if err != nil {
		return err
	}
	l, err := lock.Load(a.lockPath(p))
	if err != nil {
		return err
	}
	if err := p.vouched(l); err != nil { // nothing is shown as verified that is not
		return err
	}
	relations := l.Explain()
	if a.json {
		return printJSON(a.Out, map[string]any{"relations": relations})
	}
	for _, r := range relations {
		if _, err := fmt.Fprintf(a.Out, "%s\n  can be changed by  %s\n  is noticed by      %s\n", r.What, r.Who, r.Notices); err != nil {
			return err
		}
	}
	return nil
}
