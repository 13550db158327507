// Package tokens tells files that look like secrets: by their names, and by
// tokens in formats that their makers have made well known. It knows nothing
// of a secret but what it looks like, and never shows one.
package tokens

import (
	"path"
	"strings"
)

// Named says what a file called like this usually holds, and "" of a file that
// can be looked into to tell.
func Named(p string) string {
	name := path.Base(p)
	switch {
	case environment(name):
		return "a file of environment variables"
	case strings.HasSuffix(name, ".tfstate"):
		return "a state of Terraform, which holds secrets"
	}
	switch name {
	case "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk":
		return "a private key of SSH"
	case ".netrc", "_netrc", ".git-credentials", ".pgpass", ".pypirc", ".htpasswd", ".my.cnf", ".vault-token":
		return "a file of passwords"
	}
	switch ending := strings.ToLower(path.Ext(name)); ending {
	case ".p12", ".pfx", ".jks", ".kdbx", ".ppk":
		return "a store of private keys"
	}
	if dir := path.Base(path.Dir(p)); dir == ".aws" && name == "credentials" || dir == ".docker" && name == "config.json" || dir == ".kube" && name == "config" {
		return "a file of credentials"
	}
	return ""
}

// environment says that a name is that of a file of variables with their
// values: .env, .env.local and .envrc, but not .env.example.
func environment(name string) bool {
	if !strings.HasPrefix(name, ".env") {
		return false
	}
	rest := strings.TrimPrefix(name, ".env")
	switch {
	case rest == "", rest == "rc":
		return true
	case rest[0] != '.' && rest[0] != '-' && rest[0] != '_':
		return false // such as .environment
	}
	for _, word := range []string{"example", "sample", "template", "tmpl", "tpl", "dist", "defaults", "schema"} {
		if strings.Contains(strings.ToLower(rest), word) {
			return false
		}
	}
	return true
}
