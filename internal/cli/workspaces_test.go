package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sandwright/sandwright/internal/llbgen"
)

// What an install is given to reach registries is hidden, and refused in a layer.
func TestInstallCredentials(t *testing.T) {
	got := installCredentials(map[string]string{"KNOWN": "declared in the file", "NPM_TOKEN": "its own"}, map[string][]byte{
		"NPM_TOKEN": []byte("of the install"), "YARN_NPM_AUTH_TOKEN": []byte("of yarn"), "BUN_CONFIG_REGISTRY": []byte("https://registry.example/"),
		"PROXY_PASSWORD": []byte("of the proxy"), "NODE_ENV": []byte("production"), llbgen.SecretCA: []byte("-----BEGIN"),
		llbgen.SecretNPMRC: []byte("registry=https://registry.example/\n//registry.example/:_authToken=npm_of_npmrc=\n//other.example/:username=somebody\n//other.example/:_password=b2YgbnBtcmM=\n"),
	})
	want := map[string]string{
		"KNOWN": "declared in the file", "NPM_TOKEN": "its own", "YARN_NPM_AUTH_TOKEN": "of yarn", "PROXY_PASSWORD": "of the proxy",
		"npmrc //registry.example/:_authToken": "npm_of_npmrc=", "npmrc //other.example/:_password": "b2YgbnBtcmM=",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
