//go:build linux

package main

import (
	"testing"

	"github.com/sandwright/sandwright/internal/spec"
)

func TestReadOnly(t *testing.T) {
	const file = "/usr/local/bin/sandwright-init"
	tests := map[string]bool{
		"00400000-0067f000 r-xp 00000000 fe:00 10002444                           " + file:                true,
		"0067f000-0092e000 r--p 0027f000 fe:00 10002444                           " + file:                true,
		"0092e000-0094e000 rw-p 0052e000 fe:00 10002444                           " + file:                false,
		"0092e000-0094e000 -w-p 0052e000 fe:00 10002444                           " + file:                false,
		"00400000-0067f000 r-xs 00000000 fe:00 10002444                           " + file:                false,
		"00400000-0067f000 r-xp 00000000 fe:00 10002444                           " + file + " (deleted)": false,
		"7ffc1000-7ffc2000 r-xp 00000000 00:00 0                                  [vdso]":                 false,
		"0067f000-0067f000 r--p 0027f000 fe:00 10002444                           " + file:                false,
		"":  false,
		"x": false,
	}
	for line, want := range tests {
		from, size, ok := readOnly(line, file)
		if ok != want || ok && (from == 0 || size == 0) {
			t.Errorf("%q: %x, %d, %v", line, from, size, ok)
		}
	}
}

// Nothing that the program still needs is lost.
func TestReleaseProgram(t *testing.T) {
	for range 3 {
		releaseProgram()
		TestReadOnly(t)
	}
}

// What a request needs of the program is given back after it.
func TestMemoryIsGivenBack(t *testing.T) {
	b := start(t, subreaper, box1(sh("x", "exec sleep 1000")), asShipped)
	b.until("x", spec.StateReady)
	mapped := func() int { return memory(t, b.pid, "RssFile") }
	const much = 2500 // kB
	for range 2 {
		if _, err := b.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := mapped(); n < much {
			t.Fatalf("an answer needs only %d kB: this test shows nothing", n)
		}
		b.eventually("memory given back", func() bool { return mapped() < much })
	}
}
