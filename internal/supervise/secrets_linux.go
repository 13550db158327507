package supervise

import (
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/launch"
	"github.com/sandwright/sandwright/internal/spec"
)

// deliver takes the secrets out of env that svc wants otherwise: as files,
// which it writes, or as descriptors, which it gives by name.
func (y *System) deliver(svc spec.Service, who *launch.Identity, env []string) (rest []string, fds map[string]*os.File, err error) {
	fds = map[string]*os.File{}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		switch svc.Secrets[name].Deliver {
		case spec.ByFile:
			var path string
			path, err = y.secretFile(svc.Name, name, value, who)
			rest = append(rest, name+"_FILE="+path)
		case spec.ByFD:
			fds[name], err = inMemory(name, value)
		default:
			rest = append(rest, pair)
		}
		if err != nil {
			closeFiles(fds)
			return nil, nil, fmt.Errorf("cannot deliver %s: %w", name, err)
		}
	}
	return rest, fds, nil
}

// Renew writes the secret files of a service that runs anew.
func (y *System) Renew(svc spec.Service, env []string) error {
	who, err := launch.Identify(svc.User)
	if err != nil {
		return err
	}
	_, fds, err := y.deliver(svc, who, env)
	closeFiles(fds) // what a run was started with stays as it is
	return err
}

// secretFile writes a value where only the service's user can read it, and
// only as long as the machine runs.
func (y *System) secretFile(service, name, value string, who *launch.Identity) (path string, err error) {
	root, err := y.secretRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, service)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	fresh := filepath.Join(dir, "."+name)
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(value)
	if who != nil && os.Geteuid() == 0 {
		err = errors.Join(err, f.Chown(int(who.UID), int(who.GID)), os.Chown(dir, int(who.UID), int(who.GID)))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	path = filepath.Join(dir, name)
	return path, os.Rename(fresh, path)
}

// secretRoot is a folder in memory: in the run directory where that is, else in
// /dev/shm. A secret is written to no disk.
func (y *System) secretRoot() (string, error) {
	for _, root := range y.secretRoots() {
		var st unix.Statfs_t
		if unix.Statfs(filepath.Dir(root), &st) != nil || st.Type != unix.TMPFS_MAGIC && st.Type != unix.RAMFS_MAGIC {
			continue
		}
		err := os.Mkdir(root, 0o711)
		if errors.Is(err, os.ErrExist) {
			err = ownFolder(root)
		}
		return root, err
	}
	return "", fmt.Errorf("neither %s nor /dev/shm is in memory", y.runDir)
}

// secretRoots are the folders that may be it.
func (y *System) secretRoots() []string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(y.runDir))
	return []string{filepath.Join(y.runDir, "secrets"), fmt.Sprintf("/dev/shm/sandwright-%08x", h.Sum32())}
}

// dropSecrets removes all secret files, those of a predecessor as well.
func (y *System) dropSecrets() (err error) {
	for _, root := range y.secretRoots() {
		err = errors.Join(err, os.RemoveAll(root))
	}
	return err
}

// ownFolder refuses what somebody else has put in a folder's place.
func ownFolder(path string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is not ours", path)
	}
	return nil
}

// inMemory is a file without a name that holds value, and nothing else ever.
func inMemory(name, value string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	_, err = f.WriteString(value)
	if err == nil {
		_, err = f.Seek(0, 0)
	}
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func closeFiles(files map[string]*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// hand puts the descriptors behind the others, and says where in the environment.
func (p *process) hand(files []uintptr) []uintptr {
	for _, name := range slices.Sorted(maps.Keys(p.secrets)) {
		p.env = append(p.env, fmt.Sprintf("%s_FD=%d", name, len(files)))
		files = append(files, p.secrets[name].Fd())
	}
	return files
}
