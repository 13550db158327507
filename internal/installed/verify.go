package installed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/spec"
)

// maxList bounds a list that is read, bytes; maxFaults what is told of a tool.
const (
	maxList   = 64 << 20
	maxFaults = 20
)

// A Report is what was found of one tool.
type Report struct {
	Tool   string     `json:"tool"`
	Files  int        `json:"files"` // looked at, links and folders with them
	Bytes  int64      `json:"bytes"` // read and hashed
	Faults fault.List `json:"-"`     // in the order of paths; 20 and one that counts the others
	untold int
}

// Verify holds every file of the tools in the box at root against their lists,
// and the lists against what the lock pins. The files are read whole. Reports
// come in the order of tools.
func Verify(root string, tools []spec.Tool) []Report {
	out := make([]Report, len(tools))
	for i, t := range tools {
		out[i] = verify(root, t)
	}
	return out
}

func verify(root string, t spec.Tool) Report {
	r := Report{Tool: t.Name}
	list, err := read(root, t)
	if err != nil {
		r.Faults = fault.All(err)
		return r
	}
	c := &checker{root: root, tool: t.Name, why: make([]string, len(list))}
	c.checkAll(list)
	for i, e := range list {
		if r.Files++; e.Kind == File {
			r.Bytes += e.Size
		}
		if c.why[i] != "" {
			r.add("/"+e.Path, c.why[i])
		}
	}
	for _, name := range strays(root, t.Name, list) {
		r.add("/"+name, "it is not in "+lockName)
	}
	if r.untold > 0 {
		r.Faults = append(r.Faults, fault.Cannot("trust tool %s: %d more of its files differ", t.Name, r.untold).WithHint(hint))
	}
	return r
}

// lockName is what people know the lock as.
const lockName = "sandwright.lock"

// add keeps one fault, and counts those after the last that is told.
func (r *Report) add(file, why string) {
	if len(r.Faults) == maxFaults {
		r.untold++
		return
	}
	r.Faults = append(r.Faults, fault.Cannot("trust %s of tool %s: %s", file, r.Tool, why).WithHint(hint))
}

const hint = "see who changed it; sandwright up --recreate starts from what the lock pins"

// read gives the list of a tool once it is the one that the lock pins.
func read(root string, t spec.Tool) (List, error) {
	name := path.Join(ListsDir, t.Name)
	file, err := open(filepath.Join(root, name))
	if err != nil {
		return nil, fault.Cannot("verify tool %s: /%s: %s", t.Name, name, cause(err)).WithHint(hint)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxList))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fault.Cannot("verify tool %s: /%s: %s", t.Name, name, cause(err)).WithHint(hint)
	}
	if got := Tree(data); got != t.Tree {
		return nil, fault.Cannot("verify tool %s: the list of its files has sha256 %s, and %s says %s", t.Name, got, lockName, t.Tree).WithHint(hint)
	}
	list, err := Parse(data)
	if err != nil {
		return nil, fault.Cannot("verify tool %s: the list of its files: %w", t.Name, err)
	}
	return list, nil
}

// open opens a regular file: no link, and nothing that could make it wait.
func open(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, file.Close(), errors.New("it is no regular file"))
	}
	return file, nil
}

// A checker looks at entries, several at once.
type checker struct {
	root, tool string
	why        []string // by entry: what is wrong with it
}

func (c *checker) checkAll(list List) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			buf := make([]byte, 256<<10)
			for i := range next {
				c.why[i] = check(c.root, list[i], buf)
			}
		})
	}
	for i := range list {
		next <- i
	}
	close(next)
	wg.Wait()
}

// check says what is wrong with what stands at an entry's path.
func check(root string, e Entry, buf []byte) string {
	name := filepath.Join(root, e.Path)
	info, err := os.Lstat(name)
	if err != nil {
		return cause(err)
	}
	if why := differs(e, info); why != "" {
		return why
	}
	switch e.Kind {
	case Link:
		if target, err := os.Readlink(name); err != nil || target != e.Target {
			return fmt.Sprintf("it links to %q, and %s says %q", target, lockName, e.Target)
		}
	case File:
		got, err := sum(name, buf)
		if err != nil {
			return cause(err)
		}
		if got != e.SHA256 {
			return fmt.Sprintf("it has sha256 %s, and %s says %s", got, lockName, e.SHA256)
		}
	}
	return ""
}

// differs compares all but contents.
func differs(e Entry, info fs.FileInfo) string {
	kind := map[fs.FileMode]Kind{0: File, fs.ModeDir: Dir, fs.ModeSymlink: Link}[info.Mode().Type()]
	if kind != e.Kind {
		return "it is another kind of file than " + lockName + " says"
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
		return fmt.Sprintf("it belongs to user %d, and not to root", st.Uid)
	}
	const bits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid
	want := fs.FileMode(0o644)
	if e.Exec || e.Kind == Dir {
		want = 0o755
	}
	switch {
	case e.Kind != Link && info.Mode()&bits != want:
		return fmt.Sprintf("its mode is %v, and %s says %v", info.Mode()&bits, lockName, want)
	case e.Kind == File && info.Size() != e.Size:
		return fmt.Sprintf("it has %d bytes, and %s says %d", info.Size(), lockName, e.Size)
	}
	return ""
}

func sum(name string, buf []byte) (got string, err error) {
	file, err := open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	h := sha256.New()
	// Without the file's own WriteTo, which would not use buf.
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{file}, buf); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// strays lists what stands in a tool's folder and not in its list, sorted.
func strays(root, tool string, list List) (names []string) {
	known := map[string]bool{path.Join(ToolsDir, tool): true}
	for _, e := range list {
		known[e.Path] = true
	}
	top := filepath.Join(root, ToolsDir, tool)
	_ = filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		rel := strings.TrimPrefix(strings.TrimPrefix(name, filepath.Clean(root)), "/")
		if known[rel] {
			return nil // what cannot be read has been told of its entry
		}
		names = append(names, rel)
		if err == nil && d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	return names
}

// cause is an error without its path.
func cause(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}
