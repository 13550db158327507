package launch

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// defaultPath is where commands are looked up without PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func isDir(path string) error {
	info, err := os.Stat(path)
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno
	case err != nil:
		return err
	case !info.IsDir():
		return syscall.ENOTDIR
	}
	return nil
}

// lookPath finds a command in the program's own PATH. One with a slash is
// taken as it is, from dir.
func lookPath(command, dir string, env []string) (string, error) {
	if strings.Contains(command, "/") {
		return command, nil
	}
	path := defaultPath
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			path = value
		}
	}
	for _, place := range filepath.SplitList(path) {
		candidate := within(dir, filepath.Join(cmp.Or(place, "."), command))
		if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("cannot find %s in PATH %s: %w", command, path, unix.ENOENT)
}

func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// explainExec says which file it was that execve did not find or could not run.
func explainExec(program, dir string, err error) error {
	file := within(dir, program)
	if _, missing := os.Stat(file); missing != nil || !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("cannot start %s: %w", file, err)
	}
	if interpreter := shebang(file); interpreter != "" {
		return fmt.Errorf("cannot start %s: its interpreter %s: %w", file, interpreter, err)
	}
	return fmt.Errorf("cannot start %s: its loader: %w", file, err)
}

// explainFork says which of the steps of a fork it was that failed. The kernel
// gives no more than an errno, so it is the likeliest one.
func (o *orders) explainFork(err error) error {
	program, dir := string(o.Program), string(o.Dir)
	switch {
	case o.Who != nil && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL)):
		return fmt.Errorf("cannot become %s: %w", o.Who, err)
	case errors.Is(err, unix.EBUSY), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("cannot start %s in its cgroup: %w", within(dir, program), err)
	case errors.Is(err, unix.EACCES) && !o.Who.enters(dir):
		return fmt.Errorf("cannot start in %s: %w", dir, err)
	}
	return explainExec(program, dir, err)
}

// shebang is the interpreter that the first line of a script names.
func shebang(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 256).ReadSlice('\n')
	rest, ok := strings.CutPrefix(string(line), "#!")
	if words := strings.Fields(rest); ok && len(words) > 0 {
		return words[0]
	}
	return ""
}
