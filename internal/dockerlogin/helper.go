package dockerlogin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/sandwright/sandwright/internal/fault"
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
	program := "docker-credential-" + helper
	cannot := func(why string) error {
		return fault.Cannot("ask %s for the credentials of %s: %s", program, registry, why).
			WithHint("try it by hand: echo %s | %s get", registry, program)
	}
	if filepath.Base(program) != program {
		return authn.AuthConfig{}, cannot("that is no name of a program")
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "get")
	var out bounded
	cmd.Stdin, cmd.Stdout, cmd.WaitDelay = strings.NewReader(registry+"\n"), &out, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	if cmd.Process != nil {
		_ = cmd.Cancel() // what it has left behind
	}
	said := strings.TrimSpace(out.taken.String())
	switch {
	case err != nil && said == errNone.Error():
		return authn.AuthConfig{}, errNone
	case errors.Is(err, exec.ErrNotFound):
		return authn.AuthConfig{}, cannot("there is no such program")
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return authn.AuthConfig{}, cannot("it did not end within " + within.String())
	case ctx.Err() != nil:
		return authn.AuthConfig{}, ctx.Err()
	case errors.Is(err, exec.ErrWaitDelay):
		return authn.AuthConfig{}, cannot("it left a program behind that holds its output open")
	case err != nil:
		return authn.AuthConfig{}, cannot(err.Error())
	}
	var answer struct{ Username, Secret string }
	if json.Unmarshal(out.taken.Bytes(), &answer) != nil {
		return authn.AuthConfig{}, cannot("it answers with no JSON of credentials")
	}
	if answer.Username == token {
		return authn.AuthConfig{IdentityToken: answer.Secret}, nil
	}
	return authn.AuthConfig{Username: answer.Username, Password: answer.Secret}, nil
}

// bounded takes little more than a helper may answer.
type bounded struct{ taken bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.taken.Len()+len(p) > maxCredentials {
		return 0, errors.New("it answers with more than 64 KiB")
	}
	return b.taken.Write(p)
}
