package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sandwright/sandwright/internal/stage"
)

// root is the workspace's folder on this machine.
func (p project) root() string { return filepath.Join(p.dir, p.file.Workspace.Root) }

// stageOptions is what the file says of the tree.
func stageOptions(p project) stage.Options {
	return stage.Options{
		UID: p.file.User.UID, GID: p.file.User.UID,
		Exclude: append(slices.Clip(p.file.Exclude), ownFiles(p.root(), home())...), Include: p.file.Include, Links: p.file.Links,
		Cache: stageCache(p.root()), Lists: stageLists(p.root()),
	}
}

// ownFiles is a pattern of what is kept for this user, where that is in the tree:
// it is no source, and changes with every build.
func ownFiles(root, home string) []string {
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	rel, err := filepath.Rel(root, home)
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return nil
	}
	plain := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `!`, `\!`, `#`, `\#`)
	return []string{plain.Replace(filepath.ToSlash(rel))}
}

// stageLists is the file that remembers what git listed of a folder.
func stageLists(root string) string {
	return filepath.Join(home(), "lists", folderID(root))
}

// stageCache is the file that remembers what was read of a folder.
func stageCache(root string) string {
	return filepath.Join(home(), "stage", folderID(root))
}

// mostNotices is how many notices of a tree stand before a build or a sync.
const mostNotices = 10

// noticesOf says what a tree that goes into a box lacks, such as the files that Git LFS
// has only pointers of, or a submodule that is not there. What rules of the
// project's file do is no news.
func (a *app) noticesOf(tree *stage.Tree) {
	var lines []string
	for _, n := range tree.Notices() {
		if !n.Each && n.Kind != "link" {
			lines = append(lines, n.String())
		}
	}
	a.notices(lines[:min(len(lines), mostNotices)])
	if more := len(lines) - mostNotices; more > 0 {
		a.notices([]string{fmt.Sprintf("%d more of this kind: sandwright check says all", more)})
	}
}
