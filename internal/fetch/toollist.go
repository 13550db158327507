package fetch

import (
	"io"

	"github.com/sandwright/sandwright/internal/installed"
	"github.com/sandwright/sandwright/internal/smallfile"
)

// maxList bounds the list of one tool's files, in bytes.
const maxList = 128 << 20

// keepList keeps the list of a tool's files under the hash that the lock pins
// of it.
func (s *Store) keepList(list []byte) error {
	if _, ok := s.size(installed.Tree(list)); ok {
		return nil
	}
	_, err := s.put(func(w io.Writer) error { _, err := w.Write(list); return err }, nil)
	return err
}

// Files is the list of a tool's files that a lock pins as its tree, where the
// store has it: of what was locked or built with it.
func (s *Store) Files(tree string) (installed.List, bool) {
	data, err := smallfile.Read(s.blob(tree), maxList)
	if err != nil || installed.Tree(data) != tree {
		return nil, false
	}
	list, err := installed.Parse(data)
	return list, err == nil
}
