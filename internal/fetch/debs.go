package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// debs brings every package file of a system into the store, by its hash.
func (f *Fetcher) debs(ctx context.Context, s lock.System, suite, arch, work string) error {
	var absent []lock.Deb
	var total int64
	for _, d := range s.Packages {
		if _, ok := f.store.size(d.SHA256); !ok {
			absent = append(absent, d)
			total += d.Size
		}
	}
	if len(absent) == 0 {
		return nil
	}
	f.progress(Event{Name: work, Text: "getting package lists"})
	a, err := f.newApt(ctx, suite, true, arch)
	if err != nil {
		return err
	}
	defer a.remove()
	if err := a.update(ctx); err != nil {
		return err
	}
	f.progress(Event{Name: work, Text: fmt.Sprintf("downloading %d packages, %s", len(absent), megabytes(total))})
	if err := a.download(ctx, absent); err != nil {
		return err
	}
	var faults fault.List
	for _, d := range absent {
		faults = append(faults, fault.All(f.keepDeb(a, d))...)
	}
	return faults.Err()
}

// download lets apt bring the pinned versions into its directory debs.
func (a *privateApt) download(ctx context.Context, debs []lock.Deb) error {
	args := []string{"download"}
	for _, d := range debs {
		args = append(args, d.Name+"="+d.Version)
	}
	_, err := a.run(ctx, args...)
	if err == nil || ctx.Err() != nil {
		return err
	}
	f := fault.Cannot("get the packages of the base that %s pins: %w", lock.Name, err)
	if strings.Contains(said(err), "was not found") || strings.Contains(said(err), "Can't find a source") {
		return f.WithHint("Debian no longer serves those versions; run: sandwright lock --update base")
	}
	return f.WithHint("check the network, and: apt-get update")
}

// keepDeb verifies one downloaded file against the lock and moves it into the
// store.
func (f *Fetcher) keepDeb(a *privateApt, d lock.Deb) (err error) {
	name := debFile(d)
	in, err := os.Open(filepath.Join(a.dir, "debs", name))
	if err != nil {
		return fault.Cannot("find package %s %s, which %s pins: apt did not bring %s", d.Name, d.Version, lock.Name, name).
			WithHint("run: sandwright lock --update base")
	}
	defer func() { err = errors.Join(err, in.Close(), os.Remove(in.Name())) }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	hint := "see who changed the archive or the lock, then run: sandwright lock --update base"
	if info.Size() != d.Size {
		return fault.Cannot("use package %s %s: it has %d bytes, and %s says %d", d.Name, d.Version, info.Size(), lock.Name, d.Size).WithHint("%s", hint)
	}
	_, err = f.store.put(func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	}, func(sum string) error {
		if sum != d.SHA256 {
			return fault.Cannot("use package %s %s: it has sha256 %s, and %s says %s", d.Name, d.Version, sum, lock.Name, d.SHA256).WithHint("%s", hint)
		}
		return nil
	})
	return err
}

// debFile is the name that apt gives to a package file.
func debFile(d lock.Deb) string {
	version := strings.ReplaceAll(url.QueryEscape(d.Version), "%2B", "+")
	version = strings.ReplaceAll(version, "%3A", "%3a")
	return fmt.Sprintf("%s_%s_%s.deb", d.Name, strings.ReplaceAll(version, "%7E", "~"), d.Arch)
}
