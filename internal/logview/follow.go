package logview

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
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
	for _, service := range r.services {
		if _, known := r.seen[service]; !known && r.now(service) == nil {
			r.pass(service, r.rotatedFiles(service))
		}
	}
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
	t := r.current[service]
	if t == nil {
		return r.goOn(service, nil, in, f)
	}
	rotated := r.rotated(service, t) // before the read: then nothing is added after it
	limit := &io.LimitedReader{R: t.file, N: turn}
	if err := r.give(service, t, in, limit, f); err != nil || limit.N == 0 || !rotated {
		return limit.N == 0, err
	}
	return r.goOn(service, t, in, f)
}

// goOn goes from old, which has been rotated and read to its end, to what is
// current now; nil is a service that had nothing yet. It tells whether it did.
func (r *Reader) goOn(service string, old *tail, in *bufio.Reader, f func(Line) error) (bool, error) {
	delete(r.current, service)
	next := r.now(service) // before the others are listed: so none is missed
	if next == nil {
		if old != nil {
			r.current[service] = old
		}
		return false, nil
	}
	names := r.between(service, old, next)
	if old != nil {
		defer old.file.Close()
		if err := giveRest(service, old, f); err != nil {
			return false, err
		}
	}
	for _, name := range names {
		if err := r.giveAll(service, name, in, f); err != nil {
			return false, err
		}
	}
	return true, nil
}

// giveAll gives a rotated file from beginning to end.
func (r *Reader) giveAll(service, name string, in *bufio.Reader, f func(Line) error) error {
	file := r.openRotated(service, name)
	if file == nil { // rotated away since
		return nil
	}
	defer file.Close()
	t := &tail{file: file}
	if err := r.give(service, t, in, io.LimitReader(file, t.size()), f); err != nil {
		return err
	}
	return giveRest(service, t, f)
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
