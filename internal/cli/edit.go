package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/llbgen"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/provider/local"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/record"
)

// mostEdits bounds how many files a sandbox has otherwise than its image. Another
// image is soon built for more.
const mostEdits = 256

// edit starts d in the place of a sandbox of the image that was built last, where d is that
// image but for some files that no command reads: the sandbox gets them over the layers that it
// has, and nothing is built. It gives none where that cannot be. While it looks at
// the layers and until the sandbox holds them, nobody can open the engine and clear them away.
func (a *app) edit(ctx context.Context, l *local.Local, d drawing, c provider.Config) (provider.Sandbox, error) {
	before := lastBuild(d).record
	edits, line, ok, err := editsOf(ctx, d, before)
	if err != nil || !ok {
		return nil, err
	}
	release, ok, err := engine.Steady(engineDir())
	if err != nil || !ok {
		return nil, err
	}
	defer release()
	old, done, err := a.oldInTurn(ctx, l, c)
	if err != nil {
		return nil, err
	}
	defer done()
	switch {
	case old == nil || old.Info().Image != before.Image || !allThere(before.Layers):
		return nil, nil
	case current(ctx, old, c):
		return old, nil
	}
	c.Image, c.Rootfs.Edits = before.Image, edits
	for _, layer := range before.Layers {
		c.Rootfs.Lower = append(c.Rootfs.Lower, layer.Dir)
	}
	fmt.Fprintf(a.Err, "%s: replacing what runs%s\n", c.Name, line)
	sb, err := l.Replace(ctx, old, c)
	if errors.Is(err, provider.ErrUnfit) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return sb, rememberSandbox(ctx, d, sb.Info())
}

func allThere(layers []record.Layer) bool {
	return len(layers) > 0 && !slices.ContainsFunc(layers, func(l record.Layer) bool { return !l.There() })
}

// editsOf are what the image of a build has to have otherwise to be that of d, and
// how people are told; ok is false where that takes a build.
func editsOf(ctx context.Context, d drawing, before record.Record) (edits []provider.Edit, line string, ok bool, err error) {
	source := sourceLayers(before)
	if len(source) == 0 || !plan.OnlyEdited(before.Receipt, d.plan.Receipt) {
		return nil, "", false, nil
	}
	folders, err := sumFolders(ctx, d.tree)
	if err != nil || folders != before.Folders {
		return nil, "", false, err
	}
	files, err := recordFiles(ctx, d.tree)
	if err != nil {
		return nil, "", false, err
	}
	changed := record.Changes(before.Files, files)
	if len(changed) > mostEdits || !plain(d.plan, changed) {
		return nil, "", false, nil
	}
	for _, c := range changed {
		edits = append(edits, d.sourceEdit(c, source))
	}
	repository, ok := d.repositoryEdits(before.Receipt)
	if !ok {
		return nil, "", false, nil
	}
	seal, err := sealEdits(before.Receipt, d.plan.Receipt)
	return slices.Concat(edits, repository, seal), overLine(changed), err == nil, err
}

// sourceLayers are the layers of a build that hold the source. What another has is not what
// the source had there, also where it looks like it: a command wrote it.
func sourceLayers(before record.Record) (dirs []string) {
	for _, l := range before.Layers {
		if llbgen.Lays(l.Name) {
			dirs = append(dirs, l.Dir)
		}
	}
	return dirs
}

// sealEdits are the receipt of a box, where it is not the one of its image.
func sealEdits(before, after receipt.Receipt) ([]provider.Edit, error) {
	was, wasErr := receipt.Encode(before)
	seal, err := receipt.Encode(after)
	if err := errors.Join(wasErr, err); err != nil || bytes.Equal(was, seal) {
		return nil, err
	}
	return []provider.Edit{{Path: strings.TrimPrefix(receipt.Path, "/"), Was: provider.Present, Open: reading(seal)}}, nil
}

// overLine says what lies over an image.
func overLine(changed []record.Change) string {
	if len(changed) == 0 {
		return ""
	}
	first := receipt.Cause{File: receipt.Name(changed[0].Path()), Change: changed[0].Change}
	line := ", with this over its image: " + printable(first.String())
	if len(changed) > 1 {
		line += fmt.Sprintf(", and %d more", len(changed)-1)
	}
	return line
}

// plain tells whether all that changed are files that no build step leaves, of names that
// a build takes.
func plain(p plan.Plan, changed []record.Change) bool {
	var paths []string
	for _, c := range changed {
		if c.Old.Link || c.New.Link || !utf8.ValidString(c.Path()) {
			return false
		}
		paths = append(paths, c.Path())
	}
	return !p.TouchesOutputs(paths)
}

// sourceEdit is a file of the workspace that is in one of the layers with it, with the mode
// that the build gives it.
func (d drawing) sourceEdit(c record.Change, layers []string) provider.Edit {
	e := provider.Edit{Path: d.inBox(c.Path()), Was: c.Old.Sum, In: layers}
	if c.New.Path == "" {
		return e
	}
	e.Mode = c.New.Mode
	if slices.Contains(d.plan.Executable, c.New.Path) {
		e.Mode = 0o755
	}
	e.Open = func() (io.ReadCloser, error) { return d.tree.FS().Open(c.New.Path) }
	return e
}

// inBox is where a file of the workspace is in the box, without a slash before it.
func (d drawing) inBox(name string) string {
	return strings.TrimPrefix(path.Join(d.plan.Target, name), "/")
}

// repositoryEdits are the files of .git with other contents; ok is false where there
// are others than there were.
func (d drawing) repositoryEdits(before receipt.Receipt) (edits []provider.Edit, ok bool) {
	was, had := before.Layer(plan.LayerRepository)
	now, has := d.plan.Receipt.Layer(plan.LayerRepository)
	if !had || !has {
		return nil, had == has
	}
	other := map[string]bool{}
	for _, c := range now.Causes(was) {
		if strings.HasPrefix(c.File, "layer ") {
			continue
		}
		if c.Change != receipt.Changed {
			return nil, false
		}
		other[c.Field] = true
	}
	for _, f := range d.repository.Files {
		name := receipt.Name(strings.TrimPrefix(f.Path, ".git/"))
		if f.Open != nil && other[name] {
			delete(other, name)
			edits = append(edits, provider.Edit{Path: d.inBox(f.Path), Was: provider.Present, Open: f.Open})
		}
	}
	return edits, len(other) == 0
}

// reading opens data.
func reading(data []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
}
