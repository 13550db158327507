package gitmeta

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
)

// errFacts says that a file of facts is of another version, or broken.
var errFacts = errors.New("it is no file of facts")

const (
	factsMagic = "sandwright facts 2\n"
	factRest   = 8 + 8 + 4 + 8 + sha256.Size // of a fact, after its id
)

// encodeFacts writes the facts, which are by id, and a checksum.
func encodeFacts(facts []fact) []byte {
	b := []byte(factsMagic)
	for _, f := range facts {
		b = append(b, f.id...)
		b = binary.BigEndian.AppendUint64(b, f.at)
		b = binary.BigEndian.AppendUint64(b, f.length)
		b = binary.BigEndian.AppendUint32(b, f.crc)
		b = binary.BigEndian.AppendUint64(b, f.size)
		b = append(b, f.sum...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// decodeFacts reads what encodeFacts wrote for ids of this format.
func decodeFacts(f format, b []byte) ([]fact, error) {
	n, record := f.new().Size(), f.new().Size()+factRest
	if len(b) < len(factsMagic)+sha256.Size || !bytes.HasPrefix(b, []byte(factsMagic)) {
		return nil, errFacts
	}
	body := b[:len(b)-sha256.Size]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], b[len(body):]) {
		return nil, errFacts
	}
	body = body[len(factsMagic):]
	if len(body)%record != 0 {
		return nil, errFacts
	}
	facts := make([]fact, 0, len(body)/record)
	for r := range slices.Chunk(body, record) {
		v := r[n:]
		facts = append(facts, fact{
			id: string(r[:n]), at: binary.BigEndian.Uint64(v), length: binary.BigEndian.Uint64(v[8:]),
			crc: binary.BigEndian.Uint32(v[16:]), size: binary.BigEndian.Uint64(v[20:]), sum: string(v[28:]),
		})
	}
	return facts, nil
}

// factOf finds the fact of an object among facts by id.
func factOf(facts []fact, id string) (fact, bool) {
	i, ok := slices.BinarySearchFunc(facts, id, func(f fact, id string) int { return strings.Compare(f.id, id) })
	if !ok {
		return fact{}, false
	}
	return facts[i], true
}
