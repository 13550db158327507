package stage

import (
	"bytes"
	"io"
	"os"
	"slices"

	"github.com/moby/patternmatcher/ignorefile"

	"github.com/sandwright/sandwright/internal/fault"
)

const (
	ignoreName = ".dockerignore"
	maxIgnore  = 1 << 20 // bytes of a .dockerignore
)

// Rules are the patterns on top of git's list: what they exclude is left out,
// unless they include it. The zero Rules leave out nothing.
type rules struct{ exclude, include *matcher }

// newRules reads the .dockerignore of the root and puts what the file says
// after it.
func newRules(r *root, opts Options) (rules, error) {
	ignored, err := readIgnore(r)
	if err != nil {
		return rules{}, err
	}
	var out rules
	if out.exclude, err = newMatcher(append(ignored, opts.Exclude...)); err == nil {
		out.include, err = newMatcher(opts.Include)
	}
	return out, err
}

// readIgnore reads the patterns of the root's .dockerignore. One that is no
// file ends the stage: without its rules more would be shipped than is meant.
func readIgnore(r *root) ([]string, error) {
	f, err := r.open(ignoreName, fileFlags)
	if os.IsNotExist(err) {
		return nil, nil
	}
	why := func(reason any) error {
		return fault.Cannot("read %s: %v", ignoreName, reason).WithHint("make it a file, or move its patterns to exclude: in sandwright.yaml")
	}
	if err != nil {
		if gone(err) {
			return nil, why("it is a link")
		}
		return nil, why(reasonOf(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, why("it is not a file")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxIgnore+1))
	if err == nil && len(data) > maxIgnore {
		return nil, why("it has more than a megabyte")
	}
	if err != nil {
		return nil, why(reasonOf(err))
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(data))
	if err != nil {
		return nil, why(err)
	}
	return patterns, nil
}

// filter drops what is excluded from names in the order of a walk, in place.
func (r rules) filter(paths []string) []string {
	if !r.exclude.any() {
		return paths
	}
	return slices.DeleteFunc(paths, r.drop)
}

// drop says whether a name is excluded and not included.
func (r rules) drop(p string) bool { return r.exclude.match(p) && !r.include.match(p) }

// reasonOf leaves out what a message says already.
func reasonOf(err error) error {
	for {
		pe, ok := err.(*os.PathError) //nolint:errorlint // one after the other
		if !ok {
			return err
		}
		err = pe.Err
	}
}
