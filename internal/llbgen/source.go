package llbgen

import (
	"fmt"
	"path"

	"github.com/moby/buildkit/client/llb"

	"github.com/sandwright/sandwright/internal/plan"
)

// lay puts a part of the source over the workspace, each as a copy that only makes
// files: a chain of copies leaves what is below as it is, and a cold layer is
// known by its digest, so that nobody is asked for what is in it.
func lay(st llb.State, p plan.Plan, l Layers, part plan.Part) (llb.State, error) {
	st, err := layCold(st, p, l, part)
	return layHot(st, p, part), err
}

// layCold lays the cold layers.
func layCold(st llb.State, p plan.Plan, l Layers, part plan.Part) (llb.State, error) {
	for _, layer := range part.Source {
		if layer.Hot {
			continue
		}
		ref, ok := l.Source[layer.Digest]
		if !ok {
			return st, fmt.Errorf("no layer was made for the source in %s", layer.Name)
		}
		name := sourceName(layer)
		from := llb.OCILayout(ref, llb.OCIStore("", l.Store), llb.WithCustomName(name))
		st = st.File(llb.Copy(from, "/", p.Target, copied(), owned(p)), llb.WithCustomName(copyOf+name))
	}
	return st, nil
}

// layHot lays the hot layer, and makes commands executable.
func layHot(st llb.State, p plan.Plan, part plan.Part) llb.State {
	for _, layer := range part.Source {
		if layer.Hot {
			st = hot(st, p, layer)
		}
	}
	return executable(st, p, part)
}

// executable makes the commands of the workspace's packages so, as an install
// does that finds them.
func executable(st llb.State, p plan.Plan, part plan.Part) llb.State {
	commands := p.ExecutableIn(part)
	if len(commands) == 0 {
		return st
	}
	// By way of a state of their own: BuildKit has a race where it copies from what
	// it copies to.
	var out, in *llb.FileAction
	name := llb.WithCustomName(executables)
	for i, command := range commands {
		out = out.Copy(st, path.Join(p.Target, command), fmt.Sprintf("/%d", i), &llb.CopyInfo{Mode: &llb.ChmodOpt{Mode: 0o755}, CreatedTime: &epoch}, owned(p))
	}
	aside := llb.Scratch().File(out, name)
	for i, command := range commands {
		in = in.Copy(aside, fmt.Sprintf("/%d", i), path.Join(p.Target, command), &llb.CopyInfo{CreatedTime: &epoch}, owned(p))
	}
	return st.File(in, name)
}

// hot is the layer of what is sent from the working tree. What it deletes goes
// first: something else may take its place.
func hot(st llb.State, p plan.Plan, layer plan.SourceLayer) llb.State {
	var file *llb.FileAction
	for _, gone := range layer.Removed {
		file = file.Rm(path.Join(p.Target, gone), llb.WithAllowNotFound(true))
	}
	if layer.Files > 0 {
		file = file.Copy(local(p, layer.Tree), "/", p.Target, copied(), owned(p))
	}
	return st.File(file, llb.WithCustomName(copyOf+sourceName(layer)))
}

// copyTree lays one of the client's trees over the workspace.
func copyTree(st llb.State, p plan.Plan, tree string) llb.State {
	return copyTo(st, p, tree, p.Target)
}

// copyTo lays one over a folder of the box.
func copyTo(st llb.State, p plan.Plan, tree, dir string) llb.State {
	return st.File(llb.Copy(local(p, tree), "/", dir, copied(), owned(p)), llb.WithCustomName(copyOf+tree))
}

// local is a tree that the client sends.
func local(p plan.Plan, tree string) llb.State {
	return llb.Local(tree, llb.SharedKeyHint(p.Name+"/"+tree), llb.WithCustomName("send "+tree))
}

// copied and owned set times and owner: the transfer drops the one and uses
// the other to tell what changed.
func copied() *llb.CopyInfo { return &llb.CopyInfo{CopyDirContentsOnly: true, CreatedTime: &epoch} }

func owned(p plan.Plan) llb.CopyOption { return llb.WithUIDGID(int(p.User.UID), int(p.User.GID)) }
