package sbom

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/workspace"
)

const sum = "sha512-XI5MPzVNApjAyhQzphX8BkmKsKUxD4LdyK24iZeQGinBN9yTQT3bFlCBy/aVx2HrNcqQGsdot8ghrjyrvMCoEA=="

// What the locks of yarn and bun pin is listed; the workspace's own packages are not.
func TestYarnAndBun(t *testing.T) {
	for name, c := range map[string]struct{ file, lock, want string }{
		"classic": {"yarn.lock", "# yarn lockfile v1\n\n\n\"@babel/core@^7.0.0\", \"@babel/core@^7.24.0\":\n  version \"7.24.0\"\n  resolved \"https://u:hunter2@h/core.tgz#ab\"\n  integrity " + sum +
			"\n  dependencies:\n    version \"^9.0.0\"\n    integrity \"^1.0.0\"\n\nalias@npm:left-pad@^1:\r\n  version \"1.3.0\"\r\n\nbroken@^1:\n  resolved \"x\"\n",
			"@babel/core 7.24.0 SHA512, left-pad 1.3.0 "},
		"berry": {"yarn.lock", "# This file\n\n__metadata:\n  version: 8\n\n\"@babel/core@npm:^7.0.0, @babel/core@npm:^7.24.0\":\n  version: 7.24.0\n  resolution: \"@babel/core@npm:7.24.0\"\n  checksum: 10c0/ab\n  linkType: hard\n\n" +
			"\"web@workspace:apps/web\":\n  version: 0.0.0-use.local\n  resolution: \"web@workspace:apps/web\"\n  linkType: soft\n\n" +
			"\"p@patch:p@npm%3A1.0.0#~/x.patch\":\n  version: 1.0.0\n  resolution: \"p@patch:p@npm%3A1.0.0#~/x.patch::hash=1\"\n",
			"@babel/core 7.24.0 , p 1.0.0 "},
		"bun": {"a/bun.lock", "{\n  \"lockfileVersion\": 1,\n  \"packages\": {\n    \"@babel/core\": [\"@babel/core@7.24.0\", \"\", { \"dependencies\": { \"x\": \"^1\", } }, \"" + sum + "\"],\n\n" +
			"    \"web\": [\"web@workspace:apps/web\"],\n    \"g\": [\"g@git+ssh://u:hunter2@h/g.git#ab\", {}, \"ab\"],\n    \"e\": [],\n    \"n\": [1],\n  },\n}\n",
			"@babel/core 7.24.0 SHA512, g  "},
	} {
		found, err := workspacePackages([]workspace.Input{{Path: c.file, Data: []byte(c.lock)}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, p := range found {
			kind := ""
			for _, s := range p.Checksums {
				kind += s.Algorithm
			}
			got = append(got, p.Name+" "+p.Version+" "+kind)
			if strings.Contains(p.Name+p.Version+p.Location, "hunter2") || len(p.Refs) != 1 || !strings.HasPrefix(p.Refs[0].Locator, "pkg:npm/") {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for file, text := range map[string]string{"yarn.lock": "\n__metadata: [", "bun.lock": "{"} {
		if _, err := workspacePackages([]workspace.Input{{Path: file, Data: []byte(text)}}); err == nil || !strings.Contains(err.Error(), "cannot list the packages of "+file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// FuzzYarnAndBun: whatever their locks say, the document is JSON, and the same
// again.
func FuzzYarnAndBun(f *testing.F) {
	f.Fuzz(func(t *testing.T, yarn, bun []byte) {
		if len(yarn) > 1<<12 || len(bun) > 1<<12 {
			return
		}
		sameAgain(t, "yarn.lock", yarn, "bun.lock", bun)
	})
}
