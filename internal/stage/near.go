package stage

import "golang.org/x/sys/unix"

// A near opens files in the order of a walk: it stays in the folder of the last
// one, by its descriptor. Close it after its last use.
type near struct {
	root *root
	dir  string // empty: none is open
	fd   int
}

// openFD is as root's. After an error it goes to the folder anew, which may be
// another one now.
func (n *near) openFD(p string, flags int) (int, error) {
	dir, name := split(p)
	if dir != n.dir {
		n.Close()
		fd, err := n.root.openFD(dir, dirFlags)
		if err != nil {
			return -1, err
		}
		n.dir, n.fd = dir, fd
	}
	fd, err := openat(n.fd, name, flags)
	if err != nil {
		n.Close()
	}
	return fd, err
}

// Close may be called twice, and before another open.
func (n *near) Close() {
	if n.dir != "" {
		unix.Close(n.fd)
		n.dir = ""
	}
}
