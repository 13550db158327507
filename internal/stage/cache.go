package stage

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/sandwright/sandwright/internal/smallfile"
)

// cacheMagic begins a cache. Its number changes with the meaning of what
// follows: how many records are of files, those in the order of the tree, those
// of folders in the order in which a walk leaves them, and the CRC-32C of it all.
const cacheMagic = "sandwright stage 4\n"

// recordSize is that of one record: device, inode, size, mtime and ctime in ns,
// marks, and the sum of the contents; of a folder, how many folders are in it.
const recordSize = 5*8 + 1 + len(sum{})

// maxCache bounds a cache that is read: some seven million files.
const maxCache = 512 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Marks are what is known of a file beside its contents.
type marks uint8

const (
	asked    marks = 1 << iota // for its extended attributes
	hasCaps                    // capabilities
	hasAttrs                   // other attributes
	looked                     // whether it is an LFS pointer
	pointer                    // it is one
	hasBits                    // mode bits that are dropped
	ruled                      // a folder with a .gitignore
	nested                     // a folder with a .git
)

// A cache knows the contents of files, and folders without anything special in
// them, by what lstat says of them, from an earlier stage. What was changed so
// shortly before it was looked at that a later change could keep every stamp is
// never in it.
type cache struct{ files, folders records }

// Records are those of one kind.
type records struct {
	bytes []byte
	next  int              // the record after the last that was found
	index map[uint64]int32 // inode -> record; made when the order does not help
}

// readCache reads a cache; one that is not there, or not whole, is empty.
func readCache(path string) *cache {
	if path == "" {
		return &cache{}
	}
	data, err := smallfile.Read(path, maxCache)
	head := len(cacheMagic)
	if err != nil || len(data) < head+8+4 || string(data[:head]) != cacheMagic {
		return &cache{}
	}
	body, end := data[head:len(data)-4], data[len(data)-4:]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(end) {
		return &cache{}
	}
	files, all := binary.BigEndian.Uint64(body), body[8:]
	if len(all)%recordSize != 0 || files > uint64(len(all)/recordSize) {
		return &cache{}
	}
	cut := int(files) * recordSize
	return &cache{files: records{bytes: all[:cut:cut]}, folders: records{bytes: all[cut:]}}
}

func (c *records) len() int { return len(c.bytes) / recordSize }

// find gives the number of the record of a file, from 1; 0 where it has none.
func (c *records) find(id *identity) int32 {
	if c.next < c.len() && c.is(c.next, id) {
		c.next++
		return int32(c.next)
	}
	if c.index == nil && c.len() > 0 {
		c.index = make(map[uint64]int32, c.len())
		for i := range c.len() {
			c.index[binary.BigEndian.Uint64(c.bytes[i*recordSize+8:])] = int32(i)
		}
	}
	i, ok := c.index[id.ino]
	if !ok || !c.is(int(i), id) {
		return 0
	}
	c.next = int(i) + 1
	return i + 1
}

func (c *records) is(i int, id *identity) bool {
	r := c.bytes[i*recordSize:]
	for n, v := range id.key() {
		if binary.BigEndian.Uint64(r[8*n:]) != v {
			return false
		}
	}
	return true
}

// marks are those of the record with a number of find.
func (c *records) marks(n int32) marks { return marks(c.bytes[int(n-1)*recordSize+40]) }

// sum is zero where only marks are known.
func (c *records) sum(n int32) sum {
	return sum(c.bytes[int(n)*recordSize-len(sum{}) : int(n)*recordSize])
}

// count is how many folders are in the folder of a record.
func (c *records) count(n int32) uint32 {
	s := c.sum(n)
	return binary.BigEndian.Uint32(s[:])
}

// identityOf is that of a key.
func identityOf(b []byte) identity {
	v := func(i int) uint64 { return binary.BigEndian.Uint64(b[8*i:]) }
	return identity{dev: v(0), ino: v(1), size: int64(v(2)), mtime: int64(v(3)), ctime: int64(v(4))}
}

// key is what a file is known by.
func (id *identity) key() [5]uint64 {
	return [...]uint64{id.dev, id.ino, uint64(id.size), uint64(id.mtime), uint64(id.ctime)}
}
