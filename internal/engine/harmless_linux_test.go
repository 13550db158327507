package engine

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// TestAFolderGivesNoRights: what a build has made root's on this machine's disk is
// so only where it was asked for.
func TestAFolderGivesNoRights(t *testing.T) {
	e := open(t, t.TempDir(), io.Discard)
	r := request(t, `cd /; mkdir made; cd made; echo x > plain; cp plain uid; cp plain gid; mkdir both; ln -s uid link; mkfifo pipe
		chmod 4755 uid; chmod 2711 gid; chmod 7777 both; chmod 640 plain`)
	for _, privileged := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "out")
		_, err := e.Export(t.Context(), r, Export{Images: []Image{imageOf(r)}, Outputs: []Output{{Kind: Dir, Path: dir, Privileged: privileged}}})
		must(t, err)
		want := map[string]fs.FileMode{"plain": 0o640, "uid": 0o755, "gid": 0o711, "both": fs.ModeDir | fs.ModeSticky | 0o777, "link": fs.ModeSymlink | 0o777, "pipe": fs.ModeNamedPipe | 0o644}
		if privileged {
			want["uid"] |= fs.ModeSetuid
			want["gid"] |= fs.ModeSetgid
			want["both"] |= fs.ModeSetuid | fs.ModeSetgid
		}
		got := map[string]fs.FileMode{}
		entries, err := os.ReadDir(filepath.Join(dir, "made"))
		must(t, err)
		for _, entry := range entries {
			info, err := entry.Info()
			must(t, err)
			got[entry.Name()] = info.Mode()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("privileged %t: %s", privileged, diff)
		}
	}
}

// TestHarmless takes capabilities and devices, which a step cannot make.
func TestHarmless(t *testing.T) {
	dir := t.TempDir()
	ping, null := filepath.Join(dir, "ping"), filepath.Join(dir, "sub/null")
	must(t, errors.Join(os.WriteFile(ping, nil, 0o755), os.Mkdir(filepath.Dir(null), 0o755), //nolint:gosec // a program
		unix.Mknod(null, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3)))))
	must(t, unix.Lsetxattr(ping, capabilities, []byte("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0)) // cap_net_raw=ep
	must(t, harmless(dir))
	if _, err := unix.Lgetxattr(ping, capabilities, make([]byte, 64)); !errors.Is(err, unix.ENODATA) {
		t.Errorf("capabilities: %v", err)
	}
	if _, err := os.Lstat(null); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the device: %v", err)
	}
}
