package launch

import (
	"syscall"

	"github.com/sandwright/sandwright/internal/spec"
)

// orders is what the trampoline is told, as JSON. What is in it has been
// looked up; texts are bytes, because not every path or variable is UTF-8.
type orders struct {
	Program   []byte
	Argv, Env [][]byte
	Dir       []byte
	Who       *change // nil keeps the ids
	Umask     int
	Nice      int // 0 keeps it
	OOM       *int
	Rlimits   []bound
	NoNew     bool
	Drop      [2]uint32 // capabilities, as bits
	Bounding  []int     // those of them that are to leave the bounding set
	Closed    []int     // descriptors that must not be open
	Orphaned  syscall.Signal
}

// limit takes over what is to be limited. It has been checked.
func (o *orders) limit(l spec.Limits) {
	o.Umask, _ = umask(l.Umask)
	o.Nice, o.OOM, o.NoNew = l.Nice, l.OOMScoreAdj, l.NoNewPrivs
	o.Rlimits = bounds(l.Rlimits)
	o.Drop = mask(l.CapDrop)
	// A program that can gain no privileges does not need a smaller bounding
	// set, and who may not shrink it can still start one.
	if mayShrinkBounding() || !l.NoNewPrivs {
		o.Bounding = bounding(o.Drop)
	}
}

func texts(in []string) [][]byte {
	out := make([][]byte, len(in))
	for i, s := range in {
		out[i] = []byte(s)
	}
	return out
}

func plain(in [][]byte) []string {
	out := make([]string, len(in))
	for i, b := range in {
		out[i] = string(b)
	}
	return out
}
