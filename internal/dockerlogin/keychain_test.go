package dockerlogin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// configured writes Docker's configuration and helpers, each a shell script.
func configured(t *testing.T, config string, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(file, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	if config != "" {
		write("config.json", config, 0o600)
	}
	for helper, script := range scripts {
		write("docker-credential-"+helper, "#!/bin/sh\n"+script, 0o755)
	}
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("HOME", dir)
	t.Setenv("REGISTRY_AUTH_FILE", "")
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return dir
}

func resolve(ctx context.Context, k Keychain, host string) (*authn.AuthConfig, error) {
	registry, err := name.NewRegistry(host)
	if err != nil {
		return nil, err
	}
	found, err := authn.Resolve(ctx, k, registry)
	if err != nil {
		return nil, err
	}
	return authn.Authorization(ctx, found)
}

// answers is a helper with one registry's credentials.
const answers = `read host; [ "$1" = get ] || exit 2
case $host in
	%s) echo '{"ServerURL": "x", "Username": %q, "Secret": "sesame"}' ;;
	*) echo 'credentials not found in native keychain'; exit 1 ;;
esac
`

func TestWhoseCredentials(t *testing.T) {
	helpers := map[string]string{
		"one": fmt.Sprintf(answers, "one.example:5000", "ann"), "all": fmt.Sprintf(answers, "all.example", token),
		"hub": fmt.Sprintf(answers, authn.DefaultAuthKey, "hub"),
	}
	const file = `"auths": {"file.example": {"username": "fred", "password": "open"}, "one.example:5000": {"username": "old", "password": "old"}}`
	for _, c := range []struct {
		config, host string
		want         authn.AuthConfig
	}{
		{"", "one.example:5000", authn.AuthConfig{}},
		{`{}`, "one.example:5000", authn.AuthConfig{}},
		{`{` + file + `}`, "file.example", authn.AuthConfig{Username: "fred", Password: "open"}},
		{`{` + file + `, "credHelpers": {"one.example:5000": "one"}}`, "file.example", authn.AuthConfig{Username: "fred", Password: "open"}},
		{`{` + file + `, "credHelpers": {"one.example:5000": "one"}}`, "one.example:5000", authn.AuthConfig{Username: "ann", Password: "sesame"}},
		{`{"credsStore": "all", "credHelpers": {"one.example:5000": "one"}}`, "one.example:5000", authn.AuthConfig{Username: "ann", Password: "sesame"}},
		{`{"credsStore": "all", "credHelpers": {"one.example:5000": "one"}}`, "all.example", authn.AuthConfig{IdentityToken: "sesame"}},
		{`{"credsStore": "all"}`, "none.example", authn.AuthConfig{}},
		{`{"credsStore": "hub"}`, "docker.io", authn.AuthConfig{Username: "hub", Password: "sesame"}},
	} {
		configured(t, c.config, helpers)
		got, err := resolve(t.Context(), Keychain{}, c.host)
		if err != nil {
			t.Errorf("%s of %s: %v", c.host, c.config, err)
			continue
		}
		got.Auth = "" // the two others in one
		if diff := cmp.Diff(c.want, *got); diff != "" {
			t.Errorf("%s of %s: %s", c.host, c.config, diff)
		}
	}
}

func TestPodmansConfiguration(t *testing.T) {
	dir := configured(t, "", map[string]string{"one": fmt.Sprintf(answers, "one.example", "ann")})
	for _, path := range []string{filepath.Join(dir, "auth.json"), filepath.Join(dir, "containers/auth.json")} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(`{"credHelpers": {"one.example": "one"}}`), 0o600)); err != nil {
			t.Fatal(err)
		}
		t.Setenv("REGISTRY_AUTH_FILE", path)
		if got, err := resolve(t.Context(), Keychain{}, "one.example"); err != nil || got.Username != "ann" {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHelpersThatFail say why, and nothing of what they print.
func TestHelpersThatFail(t *testing.T) {
	for script, want := range map[string]string{
		"echo sesame; exit 3":            "exit code 3",
		"echo sesame":                    "it answers with no JSON of credentials",
		"yes sesame":                     "it prints more than 64 KiB",
		"exec yes sesame":                "it prints more than 64 KiB",
		"kill -9 $$":                     "it was ended by a signal",
		"echo '{}'; sleep 1000 & exit 0": "it left a program behind that holds its output open",
	} {
		configured(t, `{"credsStore": "one"}`, map[string]string{"one": script})
		_, err := resolve(t.Context(), Keychain{}, "one.example")
		if err == nil || !strings.Contains(err.Error(), "cannot ask docker-credential-one for the credentials of one.example: "+want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: got %v, want %s", script, err, want)
		}
	}
	for helper, want := range map[string]string{"nobody": "no such program", "../evil": "that is no name of a program"} {
		configured(t, fmt.Sprintf(`{"credsStore": %q}`, helper), nil)
		if _, err := resolve(t.Context(), Keychain{}, "one.example"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", helper, err)
		}
	}
}

// TestAHelperThatHangs is ended with what it has started: when its time is over,
// and when nobody waits for it any more.
func TestAHelperThatHangs(t *testing.T) {
	for _, within := range []time.Duration{3 * time.Second, time.Hour} {
		dir := configured(t, `{"credsStore": "one"}`, map[string]string{"one": `cd "$DOCKER_CONFIG"; sleep 1000 & echo $! > child.new; mv child.new child; wait`})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			_, err := resolve(ctx, Keychain{within}, "one.example")
			ended <- err
		}()
		child := 0
		until(t, "the helper starts", func() bool {
			text, err := os.ReadFile(filepath.Join(dir, "child"))
			if err == nil {
				child, _ = strconv.Atoi(strings.TrimSpace(string(text)))
			}
			return child != 0
		})
		if within == time.Hour {
			cancel()
		}
		if err := <-ended; err == nil || !errors.Is(err, context.Canceled) && !strings.Contains(err.Error(), "it did not end within 3s") {
			t.Errorf("got %v", err)
		}
		until(t, "what the helper started has ended", func() bool { return !alive(child) })
	}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// alive tells whether a process runs; a zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}
