package engine

import (
	"context"
	"io"

	"github.com/moby/buildkit/client/llb"
)

// An Export is what leaves the engine of images that it has built.
type Export struct {
	Images      []Image // one for each platform; several become an index
	Outputs     []Output
	Annotations map[string]string // of each image's manifest, and of the index
	// Provenance is how much BuildKit says of the build beside an image that is
	// pushed or written as OCI: nothing, min or max. It has times in it.
	Provenance string
}

// An Image is what is written for one platform.
type Image struct {
	Platform   string // such as linux/amd64
	Definition *llb.Definition
	Config     []byte // OCI image config
	SBOM       []byte // an SPDX document, attached where Provenance would be; nil: none
}

// A Kind is a form that an image leaves the engine in.
type Kind string

// The kinds. A tar and a folder are of the files alone, without a config.
const (
	OCI    Kind = "oci"    // a tar of an OCI layout
	Docker Kind = "docker" // a tar that docker load takes, of one platform
	Tar    Kind = "tar"
	Dir    Kind = "dir"
	Push   Kind = "push" // to the registries of its names
)

// An Output is one place that an image goes to. Path is unused for Push, and
// for Docker where Write is set.
type Output struct {
	Kind Kind
	Path string
	// Privileged keeps, in a Dir, what gives rights of this machine to who runs or
	// opens a file: setuid and setgid bits, capabilities, devices.
	Privileged bool
	Names      []string // that the image has there; http:// before one asks for a registry without TLS
	// Check sees an OCI or Docker tar before it gets its name; nil: none.
	Check func(io.Reader) error
	// Write takes the tar in the place of Path; nil: none.
	Write func(context.Context, io.Reader) error
}

// attested tells whether images of that kind carry attestations.
func (k Kind) attested() bool { return k == OCI || k == Push }
