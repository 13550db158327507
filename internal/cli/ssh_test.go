package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
)

func TestWhoSigns(t *testing.T) {
	for given, want := range map[string]engine.SSHAgent{
		"default":              {ID: "default"},
		"deploy":               {ID: "deploy"},
		"default=/run/a.sock":  {ID: "default", Paths: []string{"/run/a.sock"}},
		"git.example=/k1,/k=2": {ID: "git.example", Paths: []string{"/k1", "/k=2"}},
	} {
		got, err := parseSSH(given)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", given, err, diff)
		}
	}
	for _, bad := range []string{"", "=", "=/run/a.sock", "default=", "default=/a,", "a b=/c", "/run/a.sock", ".hidden=/a", strings.Repeat("a", 65)} {
		if _, err := parseSSH(bad); err == nil || fault.Code(err) != fault.ExitUsage {
			t.Errorf("%q: %v", bad, err)
		}
	}
	twice := sshFlags{given: []string{"a=/1", "b", "a=/2", "no way"}}
	if got := twice.check().Err(); got == nil || len(fault.All(got)) != 2 || !strings.Contains(got.Error(), "cannot use --ssh a twice") {
		t.Errorf("got %v", got)
	}
}
