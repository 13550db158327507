package source

import (
	"encoding/binary"
	"hash/fnv"

	"github.com/sandwright/sandwright/internal/receipt"
)

// Told tells people what is in p, in at most as many fields as most: see
// TreeFields of package receipt.
func (p *Part) Told(most int) map[string]string {
	parts := make([]receipt.Part, len(p.files))
	var b []byte
	for i, f := range p.files {
		b = binary.BigEndian.AppendUint64(b[:0], uint64(f.kind)<<32|uint64(f.mode))
		b = append(append(b, f.path...), f.sum[:min(8, len(f.sum))]...)
		h := fnv.New32a()
		h.Write(b)
		parts[i] = receipt.Part{Name: receipt.Name(f.path), Sum: h.Sum32()}
	}
	return receipt.TreeFields(parts, most)
}

// ColdName is the name of the cold layer that a path of the tree is in, or is
// once it is committed.
func (d *Division) ColdName(path string) string { return d.names[d.of(path)] }
