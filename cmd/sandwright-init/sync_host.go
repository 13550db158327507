//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/receipt"
)

// A rerun is what sandwright sync is told.
type rerun struct {
	Ran  []staleLayer `json:"ran"`
	Seal receipt.Seal `json:"seal"`
}

// updateForHost runs the steps of all that differs for sandwright sync, which
// gives the addresses of registries and the certificates of its machine.
func (w *boxWorkspace) updateForHost(ctx context.Context, timeout time.Duration, stdin io.Reader, stdout, stderr io.Writer) error {
	var given struct {
		NPMRC string `json:"npmrc"`
		CA    string `json:"ca"`
	}
	if err := json.NewDecoder(io.LimitReader(stdin, receipt.MaxSize)).Decode(&given); err != nil {
		return fault.Cannot("read where packages come from: %w", err)
	}
	dir, env := filepath.Join(os.TempDir(), fmt.Sprintf("sandwright-sync-%d-%d", os.Getpid(), time.Now().UnixNano())), map[string]string{}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fault.Cannot("keep where packages come from: %w", err)
	}
	defer os.Remove(dir)
	for _, f := range []struct {
		name, text string
		variables  []string
	}{
		{"npmrc", given.NPMRC, []string{"NPM_CONFIG_USERCONFIG"}},
		{"ca.pem", given.CA, []string{"NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"}},
	} {
		if f.text == "" {
			continue
		}
		file := filepath.Join(dir, f.name)
		if err := os.WriteFile(file, []byte(f.text), 0o600); err != nil {
			return fault.Cannot("keep where packages come from: %w", err)
		}
		defer os.Remove(file)
		for _, name := range f.variables {
			env[name] = file
		}
	}
	todo, err := w.update(ctx, updating{timeout, env, stderr, stderr})
	return errors.Join(err, printJSON(stdout, rerun{stale(todo), w.seal}))
}
