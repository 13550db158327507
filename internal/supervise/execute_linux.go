package supervise

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

	"github.com/sandwright/sandwright/internal/spec"
)

// defaultPath is where commands are looked up for a service without PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// execute starts the service's program with the given descriptors and returns
// once it is executing. Its errors keep their errno.
func execute(svc spec.Service, env []string, files []uintptr) (pid int, err error) {
	dir := cmp.Or(svc.Dir, "/")
	if err := isDir(dir); err != nil {
		return 0, fmt.Errorf("cannot start in %s: %w", dir, err)
	}
	program, err := lookPath(svc.Command[0], dir, env)
	if err != nil {
		return 0, err
	}
	pid, err = syscall.ForkExec(program, svc.Command, &syscall.ProcAttr{
		Dir: dir, Env: env, Files: files, Sys: sysProcAttr(svc.User),
	})
	if err != nil {
		return 0, explain(program, dir, err)
	}
	return pid, nil
}

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

// lookPath finds a command in the service's own PATH. One with a slash is
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

// explain says which file it was that execve did not find or could not run.
func explain(program, dir string, err error) error {
	file := within(dir, program)
	if _, missing := os.Stat(file); missing != nil || !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("cannot start %s: %w", file, err)
	}
	if interpreter := shebang(file); interpreter != "" {
		return fmt.Errorf("cannot start %s: its interpreter %s: %w", file, interpreter, err)
	}
	return fmt.Errorf("cannot start %s: its loader: %w", file, err)
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
