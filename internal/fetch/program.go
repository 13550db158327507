package fetch

import (
	"bytes"
	"io"
	"path"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// Program makes a layer of one executable file at an absolute path, such as
// the sandwright-init that this binary carries. It needs no network.
func (s *Store) Program(name, at string, data []byte, platform string) (Ref, error) {
	layer, err := s.put(func(w io.Writer) error { return writeProgram(w, at, data) }, nil)
	if err != nil {
		return Ref{}, fault.Cannot("keep %s: %w", at, err)
	}
	ref, err := s.image(name, layer, platform)
	if err != nil {
		return Ref{}, fault.Cannot("keep %s: %w", at, err)
	}
	return ref, nil
}

// ProgramOf is Program of a program that is known by a key, and read only where
// the store does not have it yet.
func (s *Store) ProgramOf(name, at, key, platform string, read func() ([]byte, error)) (Ref, error) {
	return s.Layer(name, key, platform, func(w io.Writer) error {
		data, err := read()
		if err != nil {
			return err
		}
		return writeProgram(w, at, data)
	})
}

// writeProgram writes the file after the directories that lead to it.
func writeProgram(w io.Writer, at string, data []byte) error {
	l := newLayerWriter(w)
	file := strings.TrimPrefix(path.Clean(at), "/")
	if _, err := l.file(file, true, int64(len(data)), bytes.NewReader(data)); err != nil {
		return err
	}
	return l.tw.Close()
}
