package leak

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Where a secret may stand.
const (
	inText   = "text"
	inName   = "name"
	inTarget = "target"
)

// walk looks at names and the targets of links, and sends the path of each file.
// It follows no link. A file with several names is sent once.
func (c *Checker) walk(ctx context.Context, dir string, files chan<- string, add func(Leak)) error {
	seen := map[uint64]bool{}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		c.look([]byte(d.Name()), dir, path, inName, add)
		switch d.Type() {
		case fs.ModeSymlink:
			target, err := os.Readlink(path)
			c.look([]byte(target), dir, path, inTarget, add)
			return err
		case 0:
		default:
			return ctx.Err()
		}
		if again, err := linkedAgain(d, seen); again || err != nil {
			return err
		}
		select {
		case files <- path:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// linkedAgain tells whether another name of the same file has been seen.
func linkedAgain(d fs.DirEntry, seen map[uint64]bool) (bool, error) {
	info, err := d.Info()
	if err != nil {
		return false, err
	}
	links, inode := linksOf(info)
	if links < 2 {
		return false, nil
	}
	again := seen[inode]
	seen[inode] = true
	return again, nil
}

func (c *Checker) look(text []byte, dir, path, where string, add func(Leak)) {
	if name, ok := c.set.Holds(text); ok {
		add(Leak{Secret: name, Path: inImage(dir, path), Where: where})
	}
}

// file reads one file.
func (c *Checker) file(dir, path string, add func(Leak)) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("cannot look for secrets: %w", err)
	}
	defer f.Close()
	name, ok, err := c.set.Scan(f)
	if err != nil {
		return fmt.Errorf("cannot look for secrets: %w", err)
	}
	if ok {
		add(Leak{Secret: name, Path: inImage(dir, path), Where: inText})
	}
	return nil
}

// inImage is the path as the image has it.
func inImage(dir, path string) string { return path[len(dir):] }
