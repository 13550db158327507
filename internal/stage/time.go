package stage

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/git"
)

// SourceDate reads the value of SOURCE_DATE_EPOCH: seconds since 1970.
// https://reproducible-builds.org/specs/source-date-epoch/
func SourceDate(text string) (time.Time, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > maxOctal11 {
		return time.Time{}, fault.Cannot("use SOURCE_DATE_EPOCH %q: it is not a number of seconds since 1970", text).
			WithCode(fault.ExitConfig).WithHint("run: export SOURCE_DATE_EPOCH=$(git log -1 --format=%%ct), or unset it")
	}
	return time.Unix(n, 0), nil
}

// Time is the one time of everything in the tree: Options.Time, or else that of
// the commit that is checked out, or else the start of 1970.
func (t *Tree) Time(ctx context.Context) (time.Time, error) {
	if !t.opts.Time.IsZero() {
		return t.opts.Time, nil
	}
	repo, err := git.Find(t.root.path)
	if err != nil || repo == nil {
		return time.Unix(0, 0), err
	}
	said, err := repo.Line(ctx, "rev-list", "--max-count=1", "--timestamp", "HEAD")
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	text, _, _ := strings.Cut(said, " ")
	n, bad := strconv.ParseInt(text, 10, 64)
	if err != nil || bad != nil { // there is no commit yet
		n = 0
	}
	return time.Unix(min(max(n, 0), maxOctal11), 0), nil
}
