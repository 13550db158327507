package plan

import (
	"path"
	"strings"

	"github.com/sandwright/sandwright/internal/workspace"
)

// settled is what is said in the place of the time of an install: the first of
// 1980, in pnpm's two ways.
const settled = `sed -E \
  -e 's/^([ "]*prunedAt"?: *"?)[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT/\1Tue, 01 Jan 1980 00:00:00 GMT/' \
  -e 's/("lastValidatedTimestamp": *)[0-9]+/\1315532800000/' -e 's/("(recordedAtNs|mtimeNs|ctimeNs)": *)[0-9]+/\1315532800000000000/'`

// after is shell text that takes out of a package manager's notes when it has
// installed, and in which order: two installs are then the same to the byte.
func after(ws *workspace.Workspace) string {
	switch ws.Manager.Kind {
	case workspace.Yarn:
		// What it would find again in its lock file, in the order in which downloads ended.
		return "rm -f .yarn/install-state.gz\n"
	case workspace.PNPM:
		var files []string
		for _, in := range ws.Inputs {
			if path.Base(in.Path) == ws.LockFile {
				at := ShellText("./" + path.Join(path.Dir(in.Path), "node_modules"))
				files = append(files, at+"/.modules.yaml", at+"/.pnpm-workspace-state-v1.json")
			}
		}
		return "for file in " + strings.Join(files, " ") + `; do if [ -f "$file" ] && ! ` + settled + ` "$file" | cmp -s - "$file"; then ` + settled + ` -i "$file"; fi; done` + "\n"
	}
	return ""
}
