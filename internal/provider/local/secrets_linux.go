package local

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/env"
	"github.com/sandwright/sandwright/internal/provider"
	"github.com/sandwright/sandwright/internal/spec"
)

// boxSecrets is where PID 1 finds the secrets that may change, and ownSecrets
// the same folder in the bundle, which is in memory.
const (
	boxSecrets = spec.RunDir + "/given"
	ownSecrets = "given"
)

// lookEvery is how long a change of a secret's file on the host may go unseen.
// A look costs one stat for each file.
const lookEvery = 2 * time.Second

// writeSecrets writes the values of secrets that may change where only PID 1
// and this process read them.
func writeSecrets(c provider.Config) error {
	if len(c.SecretFiles) == 0 {
		return nil
	}
	if err := os.Mkdir(ownSecrets, 0o700); err != nil {
		return err
	}
	for name := range c.SecretFiles {
		if err := writeSecret(name, c.Values[name]); err != nil {
			return err
		}
	}
	return nil
}

// writeSecret puts a value in the place of the one before, at once.
func writeSecret(name, value string) error {
	path := filepath.Join(ownSecrets, name)
	if err := os.WriteFile(path+".new", []byte(value), 0o400); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// followSecrets gives the box the new values of secrets whose files on the host
// change, until ended is closed. A file that cannot be read is tried again once
// it changes; till then the value before holds.
func (b *box) followSecrets(ended <-chan struct{}) {
	files := b.req.Config.SecretFiles
	if len(files) == 0 {
		return
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	seen := map[string]unix.Stat_t{}
	for name, path := range files {
		seen[name] = statOf(b.req.Config.Project, path)
	}
	for {
		select {
		case <-ended:
			return
		case <-ticker.C:
		}
		for name, path := range files {
			now := statOf(b.req.Config.Project, path)
			if sameFile(now, seen[name]) {
				continue
			}
			seen[name] = now
			value, err := env.ReadSecret(name, b.req.Config.Project, path)
			if err == nil && value != "" {
				_ = writeSecret(name, value) // in memory; a full one leaves the value before
			}
		}
	}
}

func statOf(dir, path string) (st unix.Stat_t) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	_ = unix.Stat(path, &st) // one that is not there is all zero
	return st
}

func sameFile(a, b unix.Stat_t) bool {
	return a.Dev == b.Dev && a.Ino == b.Ino && a.Size == b.Size && a.Mtim == b.Mtim && a.Ctim == b.Ctim
}
