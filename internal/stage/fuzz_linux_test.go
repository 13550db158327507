package stage

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A record that is read says what was written; a path that is taken is below
// the root.
func FuzzRecord(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRecord(data)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(data, []byte(r.path)) || (r.mode == "") != (data[0] == '?') || r.mode == modeModule && !bytes.Contains(data, []byte(" 160000 ")) {
			t.Errorf("%q was read as mode %q, path %q", data, r.mode, r.path)
		}
		l := &lister{}
		if err := l.add(r.path); err == nil && len(l.paths) > 0 {
			p := l.paths[0]
			if path.Clean(p) != p || strings.HasPrefix(p, "../") || p == ".." || path.IsAbs(p) || slices.Contains(strings.Split(p, "/"), ".git") {
				t.Errorf("path %q was taken", p)
			}
		}
	})
}

// A resolver in the tree says what the kernel says on a disk. The input is a
// list of entries, one a line: a path, and after a space the target of a link.
func FuzzFollow(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		entries, ok := entriesOf(text)
		if !ok {
			t.Skip()
		}
		dir := filepath.Join(t.TempDir(), "root")
		if !build(dir, entries) {
			t.Skip()
		}
		tree := &Tree{entries: entries}
		for _, e := range entries {
			if e.Kind != Link {
				continue
			}
			r := newResolver(tree.lookup).follow(e.Path, e.Target)
			if want := kernelSays(t, dir, e.Path); !agree(want, r.outcome) {
				t.Errorf("%q -> %q in %q: outcome %d, the kernel says %d", e.Path, e.Target, text, r.outcome, want)
			}
		}
	})
}

// agree allows the one difference: what follows a name that is not there is
// taken by its spelling.
func agree(kernel, tree outcome) bool {
	return kernel == tree || kernel == dangling && tree == leaving || kernel == dangling && tree == looping
}

// entriesOf reads the input of FuzzFollow; ok is false for what is no tree.
func entriesOf(text string) ([]Entry, bool) {
	if len(text) > 500 || strings.ContainsAny(text, "\x00") {
		return nil, false
	}
	seen := map[string]bool{}
	var entries []Entry
	for line := range strings.Lines(text) {
		p, target, link := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !fs.ValidPath(p) || p == "." || seen[p] || link && target == "" {
			return nil, false
		}
		seen[p] = true
		e := Entry{Path: p, Kind: File}
		if link {
			e.Kind, e.Target = Link, target
		}
		entries = append(entries, e)
	}
	all, conflict := withFolders(entries)
	return all, conflict == "" && len(entries) > 0
}

func build(dir string, entries []Entry) bool {
	if os.Mkdir(dir, 0o755) != nil {
		return false
	}
	for _, e := range entries {
		var err error
		switch p := filepath.Join(dir, e.Path); e.Kind {
		case Dir:
			err = os.Mkdir(p, 0o755)
		case Link:
			err = os.Symlink(e.Target, p)
		default:
			err = os.WriteFile(p, nil, 0o644)
		}
		if err != nil {
			return false
		}
	}
	return true
}

// kernelSays resolves a link with the kernel, which must stay below dir.
func kernelSays(t *testing.T, dir, p string) outcome {
	t.Helper()
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(root)
	fd, err := unix.Openat2(root, p, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS})
	switch {
	case err == nil:
		unix.Close(fd)
		return inside
	case errors.Is(err, unix.EXDEV):
		return leaving
	case errors.Is(err, unix.ELOOP):
		return looping
	}
	return dangling
}
