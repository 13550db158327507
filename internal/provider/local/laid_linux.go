package local

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/spec"
)

// mostEdited bounds the contents of all edits of a sandbox, bytes: they are held
// in memory until its shim has them.
const mostEdited = 16 << 20

// A laid is one entry of the layer that edits make.
type laid struct {
	Path string `json:"path"` // in the layer
	Kind string `json:"kind"`
	Mode uint32 `json:"mode,omitempty"` // permission bits
	UID  uint32 `json:"uid,omitempty"`
	GID  uint32 `json:"gid,omitempty"`
	Time int64  `json:"time,omitempty"` // of its contents, nanoseconds
	Size int    `json:"size,omitempty"` // bytes
}

// Kinds of a laid.
const (
	laidDir  = "dir"
	laidFile = "file"
	laidGone = "gone"
)

// lay turns edits into a layer to be laid over s, in an order in which it can be
// made, and the contents of its files in that order.
func (s stack) lay(edits []provider.Edit, user spec.User) (layer []laid, contents [][]byte, err error) {
	folders, total := map[string]bool{".": true}, int64(0)
	for _, e := range edits {
		f, err := s.fitting(e)
		if err != nil {
			return nil, nil, err
		}
		if layer, err = s.folders(layer, path.Dir(e.Path), folders); err != nil {
			return nil, nil, err
		}
		if e.Open == nil {
			layer = append(layer, laid{Path: e.Path, Kind: laidGone})
			continue
		}
		data, err := contentsOf(e, mostEdited-total)
		if err != nil {
			return nil, nil, err
		}
		total += int64(len(data))
		one := f.laid(e.Path, laidFile)
		if one.Size = len(data); e.Was == provider.Absent {
			one.UID, one.GID, one.Time = user.UID, user.GID, 0 // the time of every file of an image
		}
		if e.Mode != 0 {
			one.Mode = e.Mode
		}
		layer, contents = append(layer, one), append(contents, data)
	}
	return layer, contents, nil
}

// fitting is what s has in the place of an edit, if that is what the edit takes it to have. A build
// makes the layers without a file that is gone: what it covers would be there.
func (s stack) fitting(e provider.Edit) (found, error) {
	f, err := s.find(e.Path)
	if err == nil {
		err = f.fits(e)
	}
	if err != nil || e.Open != nil {
		return f, err
	}
	covers, err := s.covers(e.Path, f)
	if covers {
		err = unfit(e.Path, "covers another")
	}
	return f, err
}

// spare is what of a disk is left for a sandbox beside what is laid for it, bytes.
const spare = 1 << 20

// room refuses a layer that the disk with dir has no room for.
func room(dir string, layer []laid) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil || len(layer) == 0 {
		return nil //nolint:nilerr // it will be made
	}
	need := int64(spare)
	for _, one := range layer {
		need += int64(one.Size) + disk.Bsize
	}
	if free := int64(disk.Bavail) * disk.Bsize; need > free {
		return fmt.Errorf("%w: %s has %d bytes left for them", provider.ErrUnfit, dir, free)
	}
	return nil
}

// contentsOf reads an edit of which there may be so much, bytes.
func contentsOf(e provider.Edit, most int64) ([]byte, error) {
	in, err := e.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	if err == nil && int64(len(data)) > most {
		err = unfit(e.Path, "is large")
	}
	return data, err
}

// folders adds dir and those above it that are not there yet, as they are in s.
func (s stack) folders(layer []laid, dir string, there map[string]bool) ([]laid, error) {
	if there[dir] {
		return layer, nil
	}
	layer, err := s.folders(layer, path.Dir(dir), there)
	if err != nil {
		return layer, err
	}
	there[dir] = true
	f, err := s.find(dir)
	if err == nil && !f.is(unix.S_IFDIR) {
		err = unfit(dir, "is no folder")
	}
	if err == nil {
		err = f.plain(dir)
	}
	return append(layer, f.laid(dir, laidDir)), err
}

// laid is f as it is.
func (f found) laid(name, kind string) laid {
	return laid{Path: name, Kind: kind, Mode: f.stat.Mode & 0o7777, UID: f.stat.Uid, GID: f.stat.Gid, Time: f.stat.Mtim.Nano()}
}

// write sends r, and after it the contents of what is laid.
func (r request) write(w io.Writer) error {
	if err := json.NewEncoder(w).Encode(r); err != nil {
		return err
	}
	for _, data := range r.contents {
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// readRequest reads what write wrote.
func readRequest(from io.Reader) (r request, err error) {
	in := bufio.NewReader(from)
	head, err := in.ReadBytes('\n')
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(head, &r); err != nil {
		return r, err
	}
	for _, one := range r.Laid {
		if one.Kind != laidFile {
			continue
		}
		data := make([]byte, one.Size)
		if _, err := io.ReadFull(in, data); err != nil {
			return r, err
		}
		r.contents = append(r.contents, data)
	}
	return r, nil
}

// lay makes the layer in dir, the root of which is as that of the layer below.
func (r request) lay(dir, below string) error {
	if err := copyRootDir(below, dir); err != nil {
		return err
	}
	contents := r.contents
	for _, one := range r.Laid {
		var data []byte
		if one.Kind == laidFile {
			data, contents = contents[0], contents[1:]
		}
		if err := one.make(path.Join(dir, one.Path), data); err != nil {
			return err
		}
	}
	for _, one := range slices.Backward(r.Laid) { // what is made in a folder changes its time
		if one.Kind == laidGone {
			continue
		}
		at := time.Unix(0, one.Time)
		if err := os.Chtimes(path.Join(dir, one.Path), at, at); err != nil {
			return err
		}
	}
	return nil
}

// make makes one entry, all but its time.
func (l laid) make(at string, data []byte) (err error) {
	switch l.Kind {
	case laidGone:
		return unix.Mknod(at, unix.S_IFCHR, 0) // a whiteout
	case laidDir:
		err = os.Mkdir(at, 0o700)
	default:
		err = os.WriteFile(at, data, 0o600)
	}
	return errors.Join(err, os.Lchown(at, int(l.UID), int(l.GID)), unix.Chmod(at, l.Mode))
}
