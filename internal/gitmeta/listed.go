package gitmeta

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
)

// A list of a tree's nodes is kept by the shelf beside its packs: the tree's
// name says all that is in it, so git need not be asked again.

const listMagic = "sandwright list 1\n"

// nodes gives those of the head's tree, which ask reads where they are not known.
func (s shelf) nodes(h head, ask func() ([]node, error)) ([]node, error) {
	path := filepath.Join(s.dir, s.name+".list")
	if data, err := os.ReadFile(path); err == nil {
		if nodes, ok := decodeNodes(h, data); ok {
			return nodes, nil
		}
	}
	nodes, err := ask()
	if err != nil {
		return nil, err
	}
	return nodes, replace(path, encodeNodes(h, nodes))
}

func encodeNodes(h head, nodes []node) []byte {
	b := []byte(listMagic)
	b = append(binary.AppendUvarint(b, uint64(len(h.tree))), h.tree...)
	for _, n := range nodes {
		b = append(binary.AppendUvarint(b, uint64(n.mode)), n.id...)
		b = append(binary.AppendUvarint(b, uint64(len(n.path))), n.path...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// decodeNodes reads what encodeNodes wrote of the same tree.
func decodeNodes(h head, data []byte) (nodes []node, ok bool) {
	end := len(data) - sha256.Size
	if end < 0 {
		return nil, false
	}
	if sum := sha256.Sum256(data[:end]); string(sum[:]) != string(data[end:]) {
		return nil, false
	}
	rest, ok := strings.CutPrefix(string(data[:end]), listMagic)
	number := func() (v uint64) {
		at := end - len(rest)
		v, n := binary.Uvarint(data[at:end])
		if ok = ok && n > 0; ok {
			rest = rest[n:]
		}
		return v
	}
	take := func(n uint64) (s string) {
		if ok = ok && n <= uint64(len(rest)); ok {
			s, rest = rest[:n], rest[n:]
		}
		return s
	}
	ok = ok && take(number()) == h.tree
	for size := uint64(h.format.new().Size()); ok && rest != ""; {
		n := node{mode: uint32(number()), id: take(size)}
		n.path = take(number())
		nodes = append(nodes, n)
	}
	return nodes, ok
}
