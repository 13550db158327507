package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sandwright/sandwright/internal/redact"
	"github.com/sandwright/sandwright/internal/stage"
)

// An item is one path as stage --json prints it. It is staged when it has a
// mode. A text that is not UTF-8 is in base64, under the name with _b64.
type item struct {
	Path         string `json:"path,omitempty"`
	PathB64      []byte `json:"path_b64,omitempty"`
	Kind         string `json:"kind,omitempty"` // file, dir, link; of what is left out also fifo, socket, device, repository
	Mode         string `json:"mode,omitempty"` // in octal, such as 0644
	Size         *int64 `json:"size,omitempty"` // bytes of a file
	Target       string `json:"target,omitempty"`
	TargetB64    []byte `json:"target_b64,omitempty"`
	Refused      string `json:"refused,omitempty"`
	Notice       string `json:"notice,omitempty"`
	Hop          string `json:"hop,omitempty"` // the link on the way that decides
	HopB64       []byte `json:"hop_b64,omitempty"`
	HopTarget    string `json:"hop_target,omitempty"` // what that one points to, where it is refused
	HopTargetB64 []byte `json:"hop_target_b64,omitempty"`
	Hint         string `json:"hint,omitempty"`

	path string // empty: the tree as a whole
}

func newItem(path, kind string) *item {
	it := &item{path: path, Kind: kind}
	if it.Path, it.PathB64 = text(path); path == "" {
		it.Path, it.Kind = ".", stage.Dir.String()
	}
	return it
}

// text gives a text that JSON can hold, or its bytes.
func text(s string) (string, []byte) {
	if utf8.ValidString(s) {
		return s, nil
	}
	return "", []byte(s)
}

// remarks are what is said of paths beside what they are, one item for each, in
// the order of a walk.
func remarks(tree *stage.Tree, v verdict) []*item {
	var all []*item
	known := map[string]*item{}
	of := func(path, kind string) *item {
		path = v.hide.Text(path)
		if known[path] == nil {
			known[path] = newItem(path, kind)
			all = append(all, known[path])
		}
		return known[path]
	}
	for _, n := range slices.Concat(tree.Notices(), v.notices) {
		if n.Each {
			continue
		}
		it := of(n.Path, n.Kind)
		it.add(v.hide.Text(said(n)))
		it.Hop, it.HopB64 = text(v.hide.Text(n.Hop))
	}
	for _, r := range slices.Concat(tree.Refusals(), v.refusals) {
		it := of(r.Path, r.Kind)
		it.Refused, it.Hint = strings.TrimPrefix(it.Refused+"; "+r.Reason, "; "), r.Hint
		it.Hop, it.HopB64 = text(r.Hop)
		it.HopTarget, it.HopTargetB64 = text(r.Target)
		it.Target, it.TargetB64 = text(r.Own)
	}
	slices.SortStableFunc(all, func(a, b *item) int { return stage.Compare(a.path, b.path) })
	return all
}

// add adds a notice.
func (it *item) add(notice string) {
	it.Notice = strings.TrimPrefix(it.Notice+"; "+notice, "; ")
}

// describe adds to an item what is staged under its path.
func (it *item) describe(e stage.Entry, hide *redact.Set) *item {
	it.Kind = e.Kind.String()
	if it.Refused == "" {
		it.Mode = fmt.Sprintf("%04o", e.Mode)
	}
	if e.Kind == stage.File {
		it.Size = &e.Size
	}
	if lost := e.Dropped(); lost != "" {
		it.add("dropped: " + lost)
	}
	it.Target, it.TargetB64 = text(hide.Text(e.Target))
	return it
}

// said is a notice without its path.
func said(n stage.Notice) string {
	if n.What == "" {
		return n.Reason
	}
	return n.What + ": " + n.Reason
}

// printItems writes one JSON object a line, in the order of a walk: what is
// staged, with what is said of it, and what is left out or refused.
func printItems(w io.Writer, tree *stage.Tree, v verdict) error {
	out := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	said := remarks(tree, v)
	for _, e := range tree.Entries() {
		path := v.hide.Text(e.Path)
		for len(said) > 0 && stage.Compare(said[0].path, path) < 0 {
			if err := enc.Encode(said[0]); err != nil {
				return err
			}
			said = said[1:]
		}
		it := newItem(path, "")
		if len(said) > 0 && said[0].path == path {
			it, said = said[0], said[1:]
		}
		if err := enc.Encode(it.describe(e, v.hide)); err != nil {
			return err
		}
	}
	for _, it := range said {
		if err := enc.Encode(it); err != nil {
			return err
		}
	}
	return out.Flush()
}

// printTree writes the tree for people, and how large it is.
func printTree(w io.Writer, tree *stage.Tree, hide *redact.Set) error {
	out := bufio.NewWriterSize(w, 64<<10)
	entries := tree.Entries()
	for _, e := range entries {
		fmt.Fprintf(out, "%-4s %04o %9d %s", e.Kind, e.Mode, e.Size, hide.Text(stage.Show(e.Path)))
		if e.Kind == stage.Link {
			fmt.Fprintf(out, " -> %s", hide.Text(stage.Show(e.Target)))
		}
		fmt.Fprintln(out)
	}
	s := measure(entries)
	fmt.Fprintf(out, "%d files, %d links, %d folders: %s\n", s.files, s.links, s.folders, bytesText(s.bytes))
	for i, line := range s.lines() {
		if i == 0 {
			fmt.Fprintln(out, "the largest:")
		}
		fmt.Fprintln(out, "  "+hide.Text(line))
	}
	return out.Flush()
}
