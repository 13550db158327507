package logview

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

const (
	pollEvery = 100 * time.Millisecond // how often Follow looks for more
	turn      = 1 << 20                // bytes of a service before the others have theirs
	lastTurns = 16                     // once its context has ended
)

// Follow gives each new line to f until ctx ends, f gives an error, or the
// folder is gone, which is how a sandbox ends. It goes on through rotations;
// what was rotated away before it was read is lost. After the end of ctx it
// gives what was there by then, within limits.
func (r *Reader) Follow(ctx context.Context, f func(Line) error) error {
	return r.follow(ctx, f, func() error { return nil })
}

// follow is Follow, with a call of pause whenever there is no more for now.
func (r *Reader) follow(ctx context.Context, f func(Line) error, pause func() error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	in := bufio.NewReaderSize(nil, blockSize)
	for left := lastTurns; left > 0; {
		if ctx.Err() != nil {
			left--
		}
		busy, err := r.look(in, f)
		if err != nil {
			return err
		}
		if busy {
			continue
		}
		if err := pause(); err != nil {
			return err
		}
		if left < lastTurns {
			break
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		if _, err := os.Lstat(r.root.Name()); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	return errors.Join(pause(), ctx.Err())
}

// look gives each service its turn, and tells whether one has more.
func (r *Reader) look(in *bufio.Reader, f func(Line) error) (bool, error) {
	busy := false
	for _, service := range r.services {
		more, err := r.more(service, in, f)
		if err != nil {
			return false, err
		}
		busy = busy || more
	}
	return busy, nil
}

// more gives what was added, also past rotations. It stops after a turn, and
// tells whether it did.
func (r *Reader) more(service string, in *bufio.Reader, f func(Line) error) (bool, error) {
	t := r.now(service)
	if t == nil {
		return false, nil
	}
	rotated := r.rotated(service, t) // before the read: then nothing is added after it
	limit := &io.LimitedReader{R: t.file, N: turn}
	if err := r.give(service, t, in, limit, f); err != nil || limit.N == 0 || !rotated {
		return limit.N == 0, err
	}
	return r.turnOver(service, t, in, f)
}

// turnOver goes on from t, which has been rotated and read to its end, to what
// is current now.
func (r *Reader) turnOver(service string, t *tail, in *bufio.Reader, f func(Line) error) (bool, error) {
	delete(r.current, service)
	next := r.now(service) // before the others are listed: so none is missed
	if next == nil {
		r.current[service] = t
		return false, nil
	}
	defer t.file.Close()
	names := r.since(service, t)
	if i := r.place(service, names, next); i >= 0 {
		names = names[:i]
	}
	if err := giveRest(service, t, f); err != nil {
		return false, err
	}
	return true, r.finished(service, names, in, f)
}

// finished gives rotated files from beginning to end.
func (r *Reader) finished(service string, names []string, in *bufio.Reader, f func(Line) error) error {
	for _, name := range names {
		file := r.open(path.Join(service, name))
		if file == nil { // rotated away since
			continue
		}
		t := &tail{file: file}
		err := r.give(service, t, in, io.LimitReader(file, t.size()), f)
		file.Close()
		if err == nil {
			err = giveRest(service, t, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// give gives the lines that end in from, which reads the file of t.
func (r *Reader) give(service string, t *tail, in *bufio.Reader, from io.Reader, f func(Line) error) error {
	in.Reset(from)
	for {
		text, ok := t.next(in)
		if !ok {
			return nil
		}
		if err := f(Line{service, text}); err != nil {
			return err
		}
	}
}

// giveRest gives the line at the end of a file that nobody will finish.
func giveRest(service string, t *tail, f func(Line) error) error {
	if len(t.partial) == 0 {
		return nil
	}
	return f(Line{service, t.take()})
}
