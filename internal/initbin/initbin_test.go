package initbin

import (
	"bytes"
	"debug/elf"
	"strings"
	"testing"
)

// TestFor needs `make build`, as this program does.
func TestFor(t *testing.T) {
	for platform, machine := range map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64} {
		data, err := For(platform)
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != machine {
			t.Errorf("%s is for %v", platform, f.Machine)
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				t.Errorf("%s is not static", platform)
			}
		}
	}
	if _, err := For("linux/mips"); err == nil || !strings.Contains(err.Error(), "linux/mips") {
		t.Errorf("mips: %v", err)
	}
}
