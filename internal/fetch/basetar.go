package fetch

import (
	"archive/tar"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
)

// emptied are the directories of a base whose content is of the machine that
// made it, or of no use in a box.
func emptied() []string {
	return []string{"dev", "proc", "sys", "run", "tmp", "var/tmp", "var/cache/apt", "var/cache/ldconfig", "var/lib/apt/lists", "var/log"}
}

// dropped are the files that name the machine or its sources.
func dropped() []string {
	return []string{"etc/resolv.conf", "etc/hostname", "etc/apt/sources.list", "etc/apt/apt.conf.d/99mmdebstrap",
		"var/cache/debconf/config.dat-old", "var/cache/debconf/templates.dat-old", "var/lib/dpkg/lock", "var/lib/dpkg/lock-frontend",
		"var/lib/dpkg/status-old", "var/lib/dpkg/available-old", "var/lib/dpkg/diversions-old", "var/lib/dpkg/statoverride-old",
		"var/lib/apt/extended_states", "etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/subuid-", "etc/subgid-"}
}

// cleanBase copies the tar of a root file system, without what differs
// between two bootstraps of the same packages, and without devices.
func cleanBase(w io.Writer, r io.Reader) error {
	tr, tw := tar.NewReader(r), tar.NewWriter(w)
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return tw.Close()
		}
		if err != nil {
			return err
		}
		if !keptInBase(hdr) {
			continue
		}
		hdr.Name = strings.TrimPrefix(hdr.Name, "./")
		hdr.Uname, hdr.Gname = "", ""
		if hdr.Name == "etc/machine-id" {
			hdr.Size = 0
		}
		if err := tw.WriteHeader(hdr); err != nil {
			return err
		}
		if _, err := io.Copy(tw, io.LimitReader(tr, hdr.Size)); err != nil {
			return err
		}
	}
}

// keptInBase tells whether an entry belongs into the layer.
func keptInBase(hdr *tar.Header) bool {
	name := path.Clean("/" + hdr.Name)[1:]
	switch {
	case name == "" || slices.Contains(dropped(), name):
		return false
	case hdr.Typeflag == tar.TypeChar || hdr.Typeflag == tar.TypeBlock || hdr.Typeflag == tar.TypeFifo:
		return false
	}
	return !slices.ContainsFunc(emptied(), func(dir string) bool { return strings.HasPrefix(name, dir+"/") })
}
