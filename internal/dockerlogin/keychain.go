// Package dockerlogin gives the credentials of registries that docker login has
// left. It runs the credential helpers itself: one that hangs is ended with all
// that it has started.
package dockerlogin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/sandwright/sandwright/internal/smallfile"
)

// maxConfig bounds Docker's configuration, in bytes.
const maxConfig = 4 << 20

// A Keychain is that of the environment. The zero Keychain is ready.
type Keychain struct {
	Within time.Duration // when a helper is ended; 0 means 30 s
}

// Resolve is ResolveContext without an end.
func (k Keychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), target)
}

// ResolveContext gives the credentials of a registry; anonymous where there are
// none. They come from the helper that the configuration names, or else from the
// configuration.
func (k Keychain) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	helpers := readHelpers(os.Getenv)
	asked := false
	for _, key := range []string{target.String(), target.RegistryStr()} {
		if key == name.DefaultRegistry {
			key = authn.DefaultAuthKey
		}
		program := helpers.of(key)
		if program == "" {
			continue
		}
		asked = true
		config, err := ask(ctx, program, key, cmp.Or(k.Within, helperDeadline))
		if errors.Is(err, errNone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return authn.FromConfig(config), nil
	}
	if asked {
		return authn.Anonymous, nil
	}
	return authn.Resolve(ctx, authn.DefaultKeychain, target)
}

// helpers are the programs that a configuration names. See "docker login",
// Credential helpers, in Docker's reference.
type helpers struct {
	One map[string]string `json:"credHelpers"` // by registry
	All string            `json:"credsStore"`
}

func (h helpers) of(key string) string { return cmp.Or(h.One[key], h.All) }

// readHelpers reads the configuration that authn.DefaultKeychain would: Docker's,
// or else Podman's. What cannot be read is left for that to say.
func readHelpers(env func(string) string) (h helpers) {
	docker := env("DOCKER_CONFIG")
	if docker == "" {
		docker = filepath.Join(env("HOME"), ".docker")
	}
	for _, path := range []string{filepath.Join(docker, "config.json"), env("REGISTRY_AUTH_FILE"), filepath.Join(env("XDG_RUNTIME_DIR"), "containers/auth.json")} {
		data, err := smallfile.Read(path, maxConfig)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil || json.Unmarshal(data, &h) != nil {
			return helpers{}
		}
		return h
	}
	return h
}
