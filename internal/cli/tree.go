package cli

import (
	"path/filepath"

	"github.com/sandwright/sandwright/internal/stage"
)

// root is the workspace's folder on this machine.
func (p project) root() string { return filepath.Join(p.dir, p.file.Workspace.Root) }

// stageOptions is what the file says of the tree.
func stageOptions(p project) stage.Options {
	return stage.Options{
		UID: p.file.User.UID, GID: p.file.User.UID,
		Exclude: p.file.Exclude, Include: p.file.Include, Links: p.file.Links,
		Cache: stageCache(p.root()),
	}
}

// stageCache is the file that remembers what was read of a folder.
func stageCache(root string) string {
	return filepath.Join(home(), "stage", folderID(root))
}
