package llbgen

import (
	"github.com/moby/buildkit/client/llb"

	"github.com/sandwright/sandwright/internal/plan"
)

// source puts the staged tree over the manifests, and lets the workspace's own
// lifecycle scripts run, which an install without the source could not.
func source(st llb.State, p plan.Plan) llb.State {
	return hooks(copyTree(st, p, Source), p)
}

// copyTree lays one of the client's trees over the workspace. Owner and times
// are set here: the transfer drops the one and uses the other to tell what changed.
func copyTree(st llb.State, p plan.Plan, tree string) llb.State {
	return copyTo(st, p, tree, p.Target)
}

// copyTo lays one over a folder of the box.
func copyTo(st llb.State, p plan.Plan, tree, dir string) llb.State {
	from := llb.Local(tree, llb.SharedKeyHint(p.Name+"/"+tree), llb.WithCustomName("send "+tree))
	return st.File(llb.Copy(from, "/", dir, &llb.CopyInfo{CopyDirContentsOnly: true, CreatedTime: &epoch},
		llb.WithUIDGID(int(p.User.UID), int(p.User.GID))), llb.WithCustomName("copy "+tree))
}
