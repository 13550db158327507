// Package handover puts files into the workspace of a running box. What is to
// be put is said first, all of it; the box compares it with what stands there
// and takes all or nothing. Standard library and golang.org/x/sys only.
package handover

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"
)

// An Item is one file or link that is put, or removed.
type Item struct {
	Path   string `json:"path"`             // relative to the workspace
	Remove bool   `json:"remove,omitempty"` // it is no more
	Mode   uint32 `json:"mode,omitempty"`   // permission bits
	Size   int64  `json:"size,omitempty"`   // bytes of a file that follow, in the order of items
	Target string `json:"target,omitempty"` // of a link
	Link   bool   `json:"link,omitempty"`
	Sum    string `json:"sum,omitempty"` // hex, as a Summer of package receipt makes it; of a link, of its target
	Was    string `json:"was,omitempty"` // sum of what was last put there; empty: nothing was
}

// An Offer is all that is put at once.
type Offer struct {
	Root  string `json:"root"`            // absolute folder of the box
	Force bool   `json:"force,omitempty"` // also over what was changed in the box
	Items []Item `json:"items"`
}

// A Clash is an item that was not taken, and so none was.
type Clash struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// A Report is what the box answers.
type Report struct {
	Clashes []Clash `json:"clashes,omitempty"` // sorted as the items
	Put     int     `json:"put"`
	Removed int     `json:"removed"`
	Same    int     `json:"same"` // stood there already
}

// Patience is how long either side of a handover waits for the other to go on.
const Patience = 2 * time.Minute

// bounds of an offer.
const (
	maxItems  = 1_000_000
	maxHeader = 256 << 20 // bytes
)

// Send writes an offer, and the contents of its files as open gives them.
func Send(w io.Writer, o Offer, open func(place int) (io.ReadCloser, error)) error {
	out := bufio.NewWriterSize(w, 1<<16)
	if err := json.NewEncoder(out).Encode(o); err != nil {
		return err
	}
	for i, item := range o.Items {
		if item.Remove || item.Link || item.Size == 0 {
			continue
		}
		if err := sendOne(out, item, func() (io.ReadCloser, error) { return open(i) }); err != nil {
			return err
		}
	}
	return out.Flush()
}

func sendOne(out io.Writer, item Item, open func() (io.ReadCloser, error)) error {
	f, err := open()
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := io.Copy(out, f)
	if err == nil && n != item.Size {
		err = fmt.Errorf("%q has %d bytes, not %d", item.Path, n, item.Size)
	}
	return err
}

// receive reads an offer and leaves the contents of its files to be read.
func receive(in *bufio.Reader) (o Offer, err error) {
	line, err := readLine(in)
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal(line, &o); err != nil {
		return o, errors.New("it is no offer of files")
	}
	if len(o.Items) > maxItems {
		return o, fmt.Errorf("it has %d files, at most %d", len(o.Items), maxItems)
	}
	put := map[string]bool{} // all paths; true where something is to stand
	for _, item := range o.Items {
		_, twice := put[item.Path]
		if !fs.ValidPath(item.Path) || item.Path == "." || twice || item.Size < 0 || item.Mode > 0o777 || !item.Remove && len(item.Sum) != 64 {
			return o, fmt.Errorf("%q is no file of a workspace, or stands twice", item.Path)
		}
		put[item.Path] = !item.Remove
	}
	for _, item := range o.Items {
		for at := path.Dir(item.Path); at != "."; at = path.Dir(at) {
			if put[at] && !item.Remove {
				return o, fmt.Errorf("%q is below %q, which is a file", item.Path, at)
			}
		}
	}
	return o, nil
}

func readLine(in *bufio.Reader) (line []byte, err error) {
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxHeader {
			return nil, errors.New("it has no end")
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
