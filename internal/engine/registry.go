package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/moby/buildkit/session/auth"
	"google.golang.org/grpc"

	"github.com/sandwright/sandwright/internal/dockerlogin"
)

// certsDir is where Docker's engine looks for the authorities of a registry,
// one folder a host.
const certsDir = "/etc/docker/certs.d"

// registryHosts reaches registries over TLS, with the authorities of cas beside
// the system's. One on loopback may also speak plain HTTP, unasked.
func registryHosts(cas []byte) docker.RegistryHosts {
	return func(host string) ([]docker.RegistryHost, error) {
		local, err := docker.MatchLocalhost(host)
		if err != nil {
			return nil, err
		}
		transport := http.RoundTripper(registryTransport(host, cas))
		if local {
			transport = docker.NewHTTPFallback(transport)
		}
		if host == "docker.io" {
			host = "registry-1.docker.io"
		}
		return []docker.RegistryHost{{
			Client: &http.Client{Transport: transport}, Scheme: "https", Host: host, Path: "/v2",
			Capabilities: docker.HostCapabilityPull | docker.HostCapabilityResolve | docker.HostCapabilityPush,
		}}, nil
	}
}

// registryTransport is Go's own, but that HTTP/2 is off: its flow control
// bounds how fast a layer is pushed.
func registryTransport(host string, cas []byte) *http.Transport {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(cas)
	files, _ := filepath.Glob(filepath.Join(certsDir, host, "*.crt")) // the pattern is fixed
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			pool.AppendCertsFromPEM(data)
		}
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 60 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: pool},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		ExpectContinueTimeout: 5 * time.Second,
		IdleConnTimeout:       2 * time.Minute,
		MaxIdleConnsPerHost:   4,
		TLSNextProto:          map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}

// dockerLogin answers BuildKit with the logins it is given, and else with what
// docker login has left: in ~/.docker/config.json or with a credential helper.
// BuildKit waits no longer than a minute.
type dockerLogin struct {
	auth.UnimplementedAuthServer
	logins map[string]Login
}

// Register makes the answers part of a session.
func (c dockerLogin) Register(s *grpc.Server) { auth.RegisterAuthServer(s, c) }

// Credentials gives those of one host; none where there are none.
func (l dockerLogin) Credentials(ctx context.Context, req *auth.CredentialsRequest) (*auth.CredentialsResponse, error) {
	if login, ok := l.logins[req.Host]; ok {
		return &auth.CredentialsResponse{Username: login.User, Secret: login.Secret}, nil
	}
	host := req.Host
	if host == "registry-1.docker.io" {
		host = name.DefaultRegistry
	}
	registry, err := name.NewRegistry(host)
	if err != nil {
		return nil, err
	}
	found, err := dockerlogin.Keychain{}.ResolveContext(ctx, registry)
	if err != nil {
		return nil, err
	}
	config, err := authn.Authorization(ctx, found)
	if err != nil {
		return nil, err
	}
	if config.IdentityToken != "" {
		return &auth.CredentialsResponse{Secret: config.IdentityToken}, nil
	}
	return &auth.CredentialsResponse{Username: config.Username, Secret: config.Password}, nil
}
