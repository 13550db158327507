package fetch

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// A Store is a directory in the OCI image layout: blobs by digest, which a
// containerd content store over the same directory can read. Several
// processes may use one at once.
type Store struct {
	dir string
	use *os.File // locked while this process has the store open
}

const (
	layoutFile = `{"imageLayoutVersion":"1.0.0"}` + "\n"
	indexFile  = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}` + "\n"
)

// OpenStore opens the store in dir, and makes it when there is none.
func OpenStore(dir string) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fault.Cannot("open the store: %w", err)
	}
	s := &Store{dir: abs}
	failed := func(err error) (*Store, error) {
		if noSpace(err) {
			return nil, s.full("anything", err)
		}
		return nil, fault.Cannot("open the store: %w", err)
	}
	for _, sub := range []string{"blobs/sha256", "tmp", "partial", "refs", "locks"} {
		if err := os.MkdirAll(filepath.Join(abs, sub), 0o755); err != nil {
			return failed(err)
		}
	}
	if err := s.enter(); err != nil {
		return failed(err)
	}
	for name, text := range map[string]string{"oci-layout": layoutFile, "index.json": indexFile} {
		if _, err := os.Stat(filepath.Join(abs, name)); err == nil {
			continue
		}
		if err := s.replace(name, []byte(text)); err != nil {
			return failed(err)
		}
	}
	return s, nil
}

// Dir is the absolute directory of the store.
func (s *Store) Dir() string { return s.dir }

// blob is where the blob of that sha256 stands, or would.
func (s *Store) blob(sum string) string { return filepath.Join(s.dir, "blobs/sha256", sum) }

// size tells the size of a blob, and whether there is one.
func (s *Store) size(sum string) (int64, bool) {
	info, err := os.Stat(s.blob(sum))
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	return info.Size(), true
}

// put keeps what write writes as a blob and gives its sha256. When write
// fails, or keep refuses the sum, nothing is kept. A nil keep takes any.
func (s *Store) put(write func(io.Writer) error, keep func(sum string) error) (sum string, err error) {
	tmp, err := os.CreateTemp(filepath.Join(s.dir, "tmp"), "blob-*")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, tmp.Close(), removeIfThere(tmp.Name())) }()
	h := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(tmp, h), copyBuffer/4)
	if err := write(out); err != nil {
		return "", err
	}
	if err := out.Flush(); err != nil {
		return "", err
	}
	sum = hex.EncodeToString(h.Sum(nil))
	if keep != nil {
		if err := keep(sum); err != nil {
			return "", err
		}
	}
	return sum, s.settle(tmp, s.blob(sum))
}

// settle makes a finished temporary file durable under its real name.
func (s *Store) settle(tmp *os.File, path string) error {
	if err := errors.Join(tmp.Chmod(0o644), tmp.Sync()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// replace writes a small file of the store in one step.
func (s *Store) replace(name string, data []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Join(s.dir, "tmp"), "file-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tmp.Close(), removeIfThere(tmp.Name())) }()
	if _, err := tmp.Write(data); err != nil {
		return err
	}
	return s.settle(tmp, filepath.Join(s.dir, name))
}

// ref reads the digest that a name stands for; empty when there is none.
func (s *Store) ref(name string) string {
	data, err := os.ReadFile(filepath.Join(s.dir, "refs", name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func (s *Store) setRef(name, digest string) error {
	return s.replace(filepath.Join("refs", name), []byte(digest+"\n"))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
