package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/moby/buildkit/snapshot"

	"github.com/sandwright/sandwright/internal/overlayfs"
)

// A volatileSnapshotter mounts what steps write without the promise of overlay
// that an unmount brings all of the file system below to the disk: a build
// unmounts dozens of times. It is there once, when the engine closes: see writeback.
type volatileSnapshotter struct{ snapshot.Snapshotter }

func (s volatileSnapshotter) Mounts(ctx context.Context, key string) (snapshot.Mountable, error) {
	m, err := s.Snapshotter.Mounts(ctx, key)
	if err != nil {
		return nil, err
	}
	return volatileMountable{m}, nil
}

type volatileMountable struct{ snapshot.Mountable }

// Mount gives what is to be mounted once: the kernel refuses to mount again what
// was mounted so, until a folder that it leaves is gone.
func (v volatileMountable) Mount() ([]mount.Mount, func() error, error) {
	mounts, release, err := v.Mountable.Mount()
	if err != nil {
		return nil, nil, err
	}
	mounts = slices.Clone(mounts)
	for i, m := range mounts {
		work := workOf(m)
		if work == "" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(work, overlayfs.VolatileMark)); err != nil {
			return nil, nil, errors.Join(err, release())
		}
		mounts[i].Options = append(slices.Clone(m.Options), overlayfs.Volatile)
	}
	return mounts, release, nil
}

// workOf is the kernel's own folder of an overlay that is written to.
func workOf(m mount.Mount) string {
	for _, o := range m.Options {
		if dir, ok := strings.CutPrefix(o, "workdir="); ok && m.Type == "overlay" {
			return dir
		}
	}
	return ""
}
