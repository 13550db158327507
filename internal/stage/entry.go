package stage

import (
	"crypto/sha256"
	"encoding/binary"
)

// A Kind is what an entry is in the box.
type Kind uint8

// The kinds of an entry.
const (
	File Kind = iota
	Dir
	Link
)

// String is the word of a kind in messages.
func (k Kind) String() string { return [...]string{"file", "dir", "link"}[k] }

// An Entry is one name of the tree. Path and Target may hold any bytes.
type Entry struct {
	Path   string // relative to the root, slash-separated
	Kind   Kind
	Mode   uint32 // permission bits: 0644 or 0755, 0777 of a link
	Size   int64  // bytes of a file, 0 otherwise
	Target string // of a link, byte for byte

	id     identity
	sum    *sum  // of the contents where they are in memory; nil otherwise
	cached int32 // the number of its record in the cache; 0 where it has none
	marks  marks
}

// A sum identifies the contents of a file: see sumFile.
type sum [sha256.Size]byte

// An identity is what lstat knows of a file's contents without reading them.
// racy is the time of the look, in ns, when the file had changed so shortly
// before that a further change could keep every stamp; 0 otherwise.
type identity struct {
	dev, ino     uint64
	mtime, ctime int64
	size         int64
	racy         int64
}

// same says whether two looks at one file saw the same contents.
func (id identity) same(o identity) bool {
	id.racy, o.racy = 0, 0
	return id == o
}

func (id identity) append(b []byte) []byte {
	for _, v := range []uint64{id.dev, id.ino, uint64(id.mtime), uint64(id.ctime), uint64(id.size), uint64(id.racy)} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

// maxPseudo bounds pseudo times: 2^60 ns after 1970 is in 2006, a time that
// every file system can store to the nanosecond.
const maxPseudo = 1 << 60

// pseudoTime is the modification time that an entry is sent with. A receiver
// keeps a file that it has when size, time and mode are as before, so the time
// stands for the contents: it is a hash of everything that changes with them
// (inode, size, mtime, and ctime, which no program can set back). A build step
// gives files their real, fixed time.
func pseudoTime(b []byte) int64 {
	sum := sha256.Sum256(b)
	return int64(binary.BigEndian.Uint64(sum[:8]) % maxPseudo)
}

// modTime is the pseudo time of an entry. A folder's is not compared, a link's
// contents are its target.
func (e *Entry) modTime() int64 {
	switch e.Kind {
	case Dir:
		return 0
	case Link:
		return pseudoTime([]byte(e.Target))
	}
	if e.sum != nil {
		return pseudoTime(e.sum[:])
	}
	return pseudoTime(e.id.append(nil))
}
