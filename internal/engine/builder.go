package engine

import (
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// A Builder says where builds run.
type Builder struct {
	// Address is BuilderEmbedded, BuilderDocker, unix:///PATH or
	// tcp://HOST:PORT; empty means BuilderEmbedded.
	Address string
	CA      string // file of the authorities that vouch for tcp; empty: no TLS unless Cert is given
	Cert    string // file of the client's certificate
	Key     string // file of its key
}

// The builders that are called by a word.
const (
	BuilderEmbedded = "embedded" // BuildKit in this process
	BuilderDocker   = "docker"   // the BuildKit of Docker's engine
)

// WithFolder takes the files that b does not name from a folder with ca.pem,
// cert.pem and key.pem, as Docker and buildctl keep them.
func (b Builder) WithFolder(dir string) Builder {
	if dir == "" {
		return b
	}
	for _, f := range []struct {
		file *string
		name string
	}{{&b.CA, "ca.pem"}, {&b.Cert, "cert.pem"}, {&b.Key, "key.pem"}} {
		if *f.file == "" {
			*f.file = filepath.Join(dir, f.name)
		}
	}
	return b
}

func (b Builder) embedded() bool { return b.Address == "" || b.Address == BuilderEmbedded }
func (b Builder) tls() bool      { return b.CA != "" || b.Cert != "" || b.Key != "" }

// Check gives the fault of an address or of files that do not fit it. It does
// not reach for the builder.
func (b Builder) Check() error {
	if b.embedded() || b.Address == BuilderDocker {
		if b.tls() {
			return fault.Cannot("use certificates with the builder %q: they are for tcp://HOST:PORT", b.Address).WithCode(fault.ExitUsage)
		}
		return nil
	}
	network, _, err := b.endpoint()
	switch {
	case err != nil:
		return err
	case network == "unix" && b.tls():
		return fault.Cannot("use certificates with %s: they are for tcp://HOST:PORT", b.Address).WithCode(fault.ExitUsage)
	case (b.Cert == "") != (b.Key == ""):
		return fault.Cannot("use a client certificate without its key, or a key without its certificate").
			WithHint("give both --builder-cert and --builder-key").WithCode(fault.ExitUsage)
	}
	return nil
}

// endpoint splits the address as net.Dial takes it.
func (b Builder) endpoint() (network, address string, err error) {
	const usage = "a builder is embedded, docker, unix:///PATH or tcp://HOST:PORT"
	bad := func(why string) error {
		return fault.Cannot("use the builder %q: %s", b.Address, why).WithHint(usage).WithCode(fault.ExitUsage)
	}
	u, err := url.Parse(b.Address)
	if err != nil {
		return "", "", bad("it is no address")
	}
	switch u.Scheme {
	case "unix":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return "", "", bad("it has no absolute path")
		}
		return "unix", u.Path, nil
	case "tcp":
		if host, port, err := net.SplitHostPort(u.Host); err != nil || host == "" || port == "" || strings.Trim(u.Path, "/") != "" {
			return "", "", bad("it has no HOST:PORT")
		}
		return "tcp", u.Host, nil
	}
	return "", "", bad("it is no address that is known")
}
