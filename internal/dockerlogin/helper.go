package dockerlogin

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/program"
)

// helperDeadline ends a helper. BuildKit waits a minute for credentials.
const helperDeadline = 30 * time.Second

// maxCredentials bounds what a helper may answer, in bytes.
const maxCredentials = 64 << 10

// errNone is returned by ask where the helper has nothing for a registry.
var errNone = errors.New("credentials not found in native keychain") // its words, by the protocol

// token is the user of a secret that is an identity token.
const token = "<token>"

// ask runs the helper of that name, as docker-credential-helpers has it: the
// registry on its input, and a JSON object as its answer. What it says otherwise is
// not shown: it may be the secret.
func ask(ctx context.Context, helper, registry string, within time.Duration) (authn.AuthConfig, error) {
	name := "docker-credential-" + helper
	cannot := func(why string) error {
		return fault.Cannot("ask %s for the credentials of %s: %s", name, registry, why).
			WithHint("try it by hand: echo %s | %s get", registry, name)
	}
	if filepath.Base(name) != name {
		return authn.AuthConfig{}, cannot("that is no name of a program")
	}
	out, err := program.Question{Argv: []string{name, "get"}, Stdin: registry + "\n", Within: within, Most: maxCredentials}.Ask(ctx)
	switch {
	case err != nil && strings.TrimSpace(string(out)) == errNone.Error():
		return authn.AuthConfig{}, errNone
	case ctx.Err() != nil:
		return authn.AuthConfig{}, ctx.Err()
	case err != nil:
		return authn.AuthConfig{}, cannot(err.Error())
	}
	var answer struct{ Username, Secret string }
	if json.Unmarshal(out, &answer) != nil {
		return authn.AuthConfig{}, cannot("it answers with no JSON of credentials")
	}
	if answer.Username == token {
		return authn.AuthConfig{IdentityToken: answer.Secret}, nil
	}
	return authn.AuthConfig{Username: answer.Username, Password: answer.Secret}, nil
}
