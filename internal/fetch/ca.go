package fetch

import (
	"bytes"
	"crypto/x509"
	"os"
	"strings"
)

// systemBundle is where Debian keeps the certificates it trusts.
const systemBundle = "/etc/ssl/certs/ca-certificates.crt"

// CABundle is every certificate authority that this machine and its npm
// trust, as PEM: the system's, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS and npm's
// cafile and ca. What cannot be read is left out. Env is as os.Environ gives it.
func (n *NPM) CABundle(env []string) []byte {
	vars := environ(env)
	var parts [][]byte
	add := func(pem []byte) {
		pem = bytes.TrimSpace(pem)
		for _, part := range parts {
			if bytes.Equal(part, pem) {
				return
			}
		}
		if len(pem) > 0 {
			parts = append(parts, pem)
		}
	}
	for _, path := range []string{systemBundle, vars["SSL_CERT_FILE"], vars["NODE_EXTRA_CA_CERTS"], n.settings["cafile"]} {
		if data, err := os.ReadFile(path); err == nil {
			add(data)
		}
	}
	add([]byte(strings.ReplaceAll(n.settings["ca"], `\n`, "\n")))
	return append(bytes.Join(parts, []byte("\n")), '\n')
}

// roots is what TLS connections trust: the system's pool and CABundle.
func (n *NPM) roots(env []string) *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(n.CABundle(env))
	return pool
}
