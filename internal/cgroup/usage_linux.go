package cgroup

import (
	"slices"
	"strconv"
	"time"

	"github.com/sandwright/sandwright/internal/spec"
)

// Usage is what the group has counted by now. What no controller counts is 0,
// except for CPU time and processes, which cgroup2 always knows.
func (g *Group) Usage() (u spec.Usage) {
	for _, t := range g.trees {
		switch {
		case t.unified:
			t.usage2(&u)
		default:
			t.usage1(&u)
		}
	}
	return u
}

func (t tree) usage1(u *spec.Usage) {
	for _, c := range t.controllers {
		switch c {
		case "memory":
			u.Memory = number(t.dir, "memory.usage_in_bytes")
		case "cpuacct":
			u.CPU = spec.Duration(number(t.dir, "cpuacct.usage"))
		case "pids":
			u.PIDs = number(t.dir, "pids.current")
		}
	}
}

func (t tree) usage2(u *spec.Usage) {
	if slices.Contains(t.controllers, "memory") {
		u.Memory = number(t.dir, "memory.current")
	}
	if u.CPU == 0 {
		u.CPU = spec.Duration(cpuTime(words(t.dir, "cpu.stat")))
	}
	switch {
	case slices.Contains(t.controllers, "pids"):
		u.PIDs = number(t.dir, "pids.current")
	case u.PIDs == 0:
		u.PIDs = int64(len(members(t.dir)))
	}
}

// cpuTime finds usage_usec among the words of cpu.stat.
func cpuTime(stat []string) time.Duration {
	for i := 0; i+1 < len(stat); i += 2 {
		if stat[i] == "usage_usec" {
			us, _ := strconv.ParseInt(stat[i+1], 10, 64)
			return time.Duration(us) * time.Microsecond
		}
	}
	return 0
}

// number reads a file that holds one.
func number(dir, file string) int64 {
	text := words(dir, file)
	if len(text) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(text[0], 10, 64)
	return n
}
