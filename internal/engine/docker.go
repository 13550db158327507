package engine

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"

	"github.com/moby/buildkit/client"

	"github.com/sandwright/sandwright/internal/dockerhost"
	"github.com/sandwright/sandwright/internal/fault"
)

// dialDocker connects to the BuildKit of Docker's engine, where that can build
// our graphs. With its classic stores of images it has neither layouts of
// images, nor merges, nor an export of images to who asks.
func dialDocker(ctx context.Context) (*client.Client, error) {
	host, err := dockerhost.Find(os.Environ())
	if err != nil {
		return nil, err
	}
	about, err := host.About(ctx)
	if err != nil {
		return nil, err
	}
	if about.Store != dockerhost.StoreContainerd {
		return nil, fault.Cannot("build in Docker %s at %s: its images are in the %s store, whose BuildKit has no OCI layouts and no merged layers; "+
			"Docker 25 or newer with the containerd image store is needed", about.Version, host.Address(), about.Store).
			WithHint("leave out --builder: the embedded engine builds without Docker; docker info says which store it has")
	}
	c, err := dockerClient(ctx, host)
	if err != nil {
		return nil, err
	}
	if err := greet(ctx, c, Builder{Address: BuilderDocker}); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// dockerClient speaks to BuildKit through Docker's API, past its two doors: one
// for calls, and one for what BuildKit asks of us.
func dockerClient(ctx context.Context, host dockerhost.Host) (*client.Client, error) {
	return client.New(ctx, "passthrough:///docker",
		client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return host.Upgrade(ctx, "/grpc", nil) }),
		client.WithSessionDialer(func(ctx context.Context, _ string, meta map[string][]string) (net.Conn, error) {
			header := http.Header{}
			for key, values := range meta {
				header[http.CanonicalHeaderKey(key)] = values
			}
			return host.Upgrade(ctx, "/session", header)
		}))
}
