package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
)

// Exit codes of a command that cannot be run, as shells have them.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

// runnable says why p cannot be run, if the box shows it.
func (s *sandbox) runnable(p *specs.Process) error {
	if len(p.Args) == 0 {
		return fault.Cannot("run a command in the sandbox: none is given").WithCode(fault.ExitUsage)
	}
	root, err := os.Open(fmt.Sprintf("/proc/%d/root", s.rec.Init))
	if err != nil {
		return fault.Cannot("look into sandbox %q: %w", s.rec.Info.Name, err)
	}
	defer root.Close()
	if mode, err := statIn(root, p.Cwd); err != nil || mode&unix.S_IFMT != unix.S_IFDIR {
		return fault.Cannot("run a command in %s: the sandbox has no such directory", p.Cwd).WithCode(exitNotExecutable)
	}
	found := false
	for _, path := range candidates(p) {
		mode, err := statIn(root, path)
		if err != nil || mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		if mode&0o111 != 0 {
			return nil
		}
		found = true
	}
	if found {
		return fault.Cannot("run %s in the sandbox: it is not executable", p.Args[0]).WithCode(exitNotExecutable)
	}
	return fault.Cannot("run %s in the sandbox: it has no such command", p.Args[0]).WithCode(exitNotFound)
}

// candidates are the paths where p's command may be.
func candidates(p *specs.Process) []string {
	name := p.Args[0]
	if filepath.Base(name) != name {
		if !filepath.IsAbs(name) {
			name = filepath.Join(p.Cwd, name)
		}
		return []string{name}
	}
	var paths []string
	for _, entry := range p.Env {
		list, ok := strings.CutPrefix(entry, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(list) {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths
}

// statIn gives the mode of a file of the box, following its links within it.
func statIn(root *os.File, path string) (uint32, error) {
	fd, err := unix.Openat2(int(root.Fd()), path, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	return st.Mode, err
}
