package git

import (
	"bufio"
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// An Object is one answer of git: its contents are read from it, in the time
// until the next is asked for.
type Object struct {
	Name string // as it was asked for
	ID   string // in hex
	Kind string // commit, tree, blob or tag; "missing" where there is no such object
	Size int64
	io.Reader
}

// Objects gives each of the named objects to each, in their order.
func (r *Repo) Objects(ctx context.Context, names []string, each func(Object) error) error {
	if len(names) == 0 {
		return nil
	}
	asked := strings.NewReader(strings.Join(names, "\n") + "\n")
	return r.Stream(ctx, asked, func(from io.Reader) error {
		answer := bufio.NewReaderSize(from, 256<<10)
		for _, name := range names {
			o, err := readObject(answer, name)
			if err != nil {
				return err
			}
			if err := each(o); err != nil {
				return err
			}
			if err := finish(answer, o); err != nil {
				return fault.Cannot("read object %s: %w", name, err)
			}
		}
		return nil
	}, "cat-file", "--batch", "--buffer")
}

// readObject reads the line before an object: name, kind and size.
func readObject(r *bufio.Reader, name string) (Object, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return Object{}, fault.Cannot("read object %s: git gave no answer", name).WithHint("run: git fsck")
	}
	fields := strings.Fields(line)
	if len(fields) == 2 && fields[1] == "missing" {
		return Object{Name: name, Kind: "missing", Reader: strings.NewReader("")}, nil
	}
	if len(fields) != 3 {
		return Object{}, fault.Cannot("read object %s: git says %q", name, strings.TrimSpace(line)).WithHint("run: git fsck")
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil || size < 0 {
		return Object{}, fault.Cannot("read object %s: git says %q", name, strings.TrimSpace(line))
	}
	return Object{Name: name, ID: fields[0], Kind: fields[1], Size: size, Reader: io.LimitReader(r, size)}, nil
}

// finish reads what is left of an object, and the end of line after it.
func finish(r *bufio.Reader, o Object) error {
	if o.Kind == "missing" {
		return nil
	}
	if _, err := io.Copy(io.Discard, o.Reader); err != nil {
		return err
	}
	_, err := r.Discard(1)
	return err
}
