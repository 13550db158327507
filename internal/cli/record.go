package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/record"
	"github.com/sandwright/sandwright/internal/stage"
)

// recordPath is where the last build of a project, for one place in the box
// and one platform, is remembered.
func recordPath(b blueprint) string {
	return filepath.Join(projectRecords(b.project.dir), "build-"+hashOf(b.plan.Target+"\n"+b.plan.Platform))
}

// sandboxRecordPath is where what stands in a sandbox's workspace is remembered.
func sandboxRecordPath(project, name string) string {
	return filepath.Join(projectRecords(project), "sandbox-"+hashOf(name))
}

// projectRecords is the folder of what is remembered of a project; there is none before
// its first build.
func projectRecords(project string) string { return filepath.Join(recordsDir(), hashOf(project)) }

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// remember keeps what was built, for why, sync and the next build.
func remember(ctx context.Context, r recipe, res engine.Result) error {
	before := record.LayersOf(recordPath(r.blueprint))
	files, err := recordFiles(ctx, r.tree)
	if err != nil {
		return err
	}
	folders, err := sumFolders(ctx, r.tree)
	if err != nil {
		return err
	}
	return record.Write(recordPath(r.blueprint), record.Record{
		Image: r.image, Made: time.Now().UTC(), Receipt: r.plan.Receipt, Files: files, Folders: folders, Layers: measured(before, res.Layers),
	})
}

// sumFolders tells whether the folders of a tree are those of another.
func sumFolders(ctx context.Context, tree *stage.Tree) (string, error) {
	contents, err := tree.Contents(ctx)
	h := sha256.New()
	for _, c := range contents {
		if c.Kind == stage.Dir {
			fmt.Fprintf(h, "%q %o\n", c.Path, c.Mode)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

// measured gives the sizes of layers, of which those of before are known.
func measured(before []record.Layer, layers []engine.Layer) (out []record.Layer) {
	known := map[string]int64{}
	for _, l := range before {
		known[l.Dir] = l.Bytes
	}
	for _, l := range layers {
		size, ok := known[l.Dir]
		if !ok {
			size = sizeBelow(l.Dir)
		}
		out = append(out, record.Layer{Dir: l.Dir, Name: l.Name, Bytes: size})
	}
	return out
}

// sizeBelow is how many bytes the files below a folder of the store have. It is
// for people: what cannot be read counts nothing.
func sizeBelow(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}

// recordFiles are the files and links of a tree.
func recordFiles(ctx context.Context, tree *stage.Tree) ([]record.File, error) {
	contents, err := tree.Contents(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]record.File, 0, len(contents))
	for _, c := range contents {
		if c.Kind != stage.Dir {
			out = append(out, record.File{
				Path: c.Path, Mode: c.Mode, Size: c.Size, Sum: hex.EncodeToString([]byte(c.Sum)), Target: c.Target, Link: c.Kind == stage.Link,
			})
		}
	}
	return out, nil
}
