package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/config"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/provider"
)

func TestPortsOf(t *testing.T) {
	file := &config.File{Ports: []config.Port{{Host: 3000, Box: 3000}, {Host: 13001, Box: 3001}}}
	for name, c := range map[string]struct {
		flags upFlags
		want  []provider.Port
	}{
		"the file's":        {upFlags{}, []provider.Port{{Host: 3000, Box: 3000}, {Host: 13001, Box: 3001}}},
		"all on free ports": {upFlags{publishAll: true}, []provider.Port{{Box: 3000}, {Box: 3001}}},
		"one over the file": {upFlags{publish: []string{"8000:3001"}}, []provider.Port{{Host: 3000, Box: 3000}, {Host: 8000, Box: 3001}}},
		"one more":          {upFlags{publish: []string{"9000"}}, []provider.Port{{Host: 3000, Box: 3000}, {Host: 13001, Box: 3001}, {Host: 9000, Box: 9000}}},
		"all free but one":  {upFlags{publishAll: true, publish: []string{"8000:3000"}}, []provider.Port{{Box: 3001}, {Host: 8000, Box: 3000}}},
		"the same on both":  {upFlags{publishAll: true, publish: []string{"3000:3000"}}, []provider.Port{{Box: 3001}, {Host: 3000, Box: 3000}}},
	} {
		got, err := portsOf(file, c.flags)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	_, err := portsOf(file, upFlags{publish: []string{"0:1", "a:1", "1:", "65536:1", "1:2:3", ""}})
	if faults := fault.All(err); len(faults) != 6 || fault.Code(err) != fault.ExitUsage {
		t.Errorf("got %v", err)
	}
}
